import { text } from '../internal/validate.ts'
import { NameTakenError } from '../errors/errors.ts'
import { hot, native } from '../native.ts'
import type { SystemCore } from './core.ts'

/** The names of a system. Each stands for one value until it is released; listing follows registration order. */
export class Names {
  readonly #core: SystemCore
  readonly #values: unknown[] = []

  /** @internal */
  constructor(core: SystemCore) {
    this.#core = core
  }

  /**
   * Gives a value a name.
   *
   * @throws NameTakenError when the name stands for something already; nothing changes.
   * @throws InvalidArgumentError for an empty name.
   */
  register(name: string, value: unknown): void {
    const slot = hot.nameRegister(text('name', name), this.#core.handle)
    if (slot < 0) throw new NameTakenError(name)
    this.#values[slot] = value
  }

  /** Returns the value with this name, or `undefined`. */
  whereis(name: string): unknown {
    const slot = hot.nameWhereis(text('name', name), this.#core.handle)
    return slot < 0 ? undefined : this.#values[slot]
  }

  /** Frees a name. Returns whether it was taken. */
  release(name: string): boolean {
    const slot = hot.nameRelease(text('name', name), this.#core.handle)
    if (slot >= 0) this.#values[slot] = undefined
    return slot >= 0
  }

  /** Returns all names in the order in which they were registered. */
  list(): string[] {
    return native.names(this.#core.handle)
  }
}
