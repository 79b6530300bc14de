import type { ProcessStatus } from '../../actor/process.ts'
import type { System } from '../../system/system.ts'

/** What a name or a key can stand for: a process of any kind. */
export interface Registrable {
  readonly id: string
  readonly ref: { readonly id: string }
  /** What it is called in errors, before its name and id. */
  readonly kind?: string
  readonly system: System
  readonly status: ProcessStatus
  /** What it is called in its status: one of its names. */
  name: string | undefined
  /** Tells once, when it has ended; the returned function forgets that. */
  whenEnded(told: () => void): () => void
}

/** Where a process can be entered as it starts: for the option `registry` of `GenServer.start`. */
export abstract class Registrar {
  /** The system whose processes it takes. */
  abstract readonly system: System
  /**
   * Keeps a key for a process that starts, so that nobody else takes it and nobody finds it there; refuses as `enter` does.
   *
   * @internal
   */
  abstract reserve(key: string, process: Registrable): void
  /** @internal */
  abstract enter(key: string, process: Registrable, metadata: unknown): void
}
