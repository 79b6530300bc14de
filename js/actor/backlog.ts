/** What was handed out for a process that could not handle it then, in order: taking the oldest costs the same for any length. */
export class Backlog {
  /** Operation and slot in turns. */
  readonly #steps: number[] = []
  #at = 0

  push(operation: number, slot: number): void {
    this.#steps.push(operation, slot)
  }

  get isEmpty(): boolean {
    return this.#at === this.#steps.length
  }

  /** Takes the oldest, of which there has to be one. */
  take(handle: (operation: number, slot: number) => void): void {
    const operation = this.#steps[this.#at] as number
    const slot = this.#steps[this.#at + 1] as number
    this.#at += 2
    handle(operation, slot)
  }
}
