import { NativeHandles } from '../internal/native-handles.ts'
import { ClosedError } from '../errors/errors.ts'
import { hot } from '../native.ts'

const handles = new NativeHandles((handle) => hot.systemClose(handle))

/** A system's share of the core. Whoever holds it keeps it alive; once closed, it refuses. */
export class SystemCore {
  readonly #handle: number
  readonly #name: string
  #closed = false

  constructor(name: string, seed: number) {
    this.#name = name
    this.#handle = hot.systemOpen(Math.floor(seed / 2 ** 32), seed % 2 ** 32)
    handles.own(this, this.#handle)
  }

  /** The handle, for a call now. */
  get handle(): number {
    if (this.#closed) throw new ClosedError(`the system ${this.#name}`)
    return this.#handle
  }

  close(): void {
    this.#closed = true
    handles.close(this, this.#handle)
  }
}
