/** Replaces properties, and puts each back as it was. */
export class Replacements {
  readonly #undo: (() => void)[] = []

  /** Replaces the value of a property. It stays as visible and as writable as a method of the host is. */
  replace(owner: object, key: PropertyKey, value: unknown): void {
    const before = Object.getOwnPropertyDescriptor(owner, key)
    const enumerable = before?.enumerable ?? true
    Object.defineProperty(owner, key, { value, writable: true, enumerable, configurable: true })
    this.#undo.push(() => {
      if (before === undefined) Reflect.deleteProperty(owner, key)
      else Object.defineProperty(owner, key, before)
    })
  }

  /** Puts everything back, the last replacement first. Repeated calls do nothing. */
  restore(): void {
    for (const undo of this.#undo.splice(0).toReversed()) undo()
  }
}
