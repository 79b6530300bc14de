import { onTurn } from '../clock/host.ts'

/** How many steps one turn of the event loop takes. A turn itself costs as much as a step. */
const AT_ONCE = 16

/**
 * Takes one step after the other. Before each, everything that is ready has run: the host runs all microtasks and ticks
 * between two callbacks of one turn.
 */
export class Turns {
  readonly #step: () => void
  /** The callbacks of this turn that have not come yet. */
  #owed = 0
  #isWaiting = false
  #hasEnded = false

  constructor(step: () => void) {
    this.#step = step
  }

  begin(): void {
    this.#owed = AT_ONCE
    for (let place = 0; place < AT_ONCE; place++) onTurn(this.#next)
  }

  /** Takes no step until a promise has resolved. It must never reject. */
  waitFor(promise: Promise<void>): void {
    this.#isWaiting = true
    void promise.then(() => {
      this.#isWaiting = false
      if (this.#owed === 0) this.begin()
    })
  }

  /** Takes no step any more. */
  end(): void {
    this.#hasEnded = true
  }

  readonly #next = (): void => {
    this.#owed--
    if (!this.#isWaiting && !this.#hasEnded) this.#step()
    if (this.#owed === 0 && !this.#isWaiting && !this.#hasEnded) this.begin()
  }
}
