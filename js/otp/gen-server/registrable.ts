import type { RunStatus } from '../../actor/process.ts'
import type { System } from '../../system/system.ts'

/** A process as names and keys see it, of whichever kind. */
export interface Registrable {
  readonly id: string
  readonly ref: { readonly id: string }
  /** The word for it in errors, before its name and id. */
  readonly kind?: string
  readonly system: System
  readonly status: RunStatus
  /** One of its names, for its status and for errors. */
  name: string | undefined
  /** Calls a listener once, when the process has ended; at once if it had. The returned function removes it. */
  whenEnded(listener: () => void): () => void
}

/** Registers a process as it starts: for the option `registry` of `GenServer.start`. A `RegistryInstance` is one. */
export abstract class Registrar {
  /** The system whose processes it takes. */
  abstract readonly system: System
  /**
   * Reserves a key for a process that starts: nobody else takes it, and nobody finds it there. Throws as `enter` does.
   *
   * @internal
   */
  abstract reserve(key: string, process: Registrable): void
  /** @internal */
  abstract enter(key: string, process: Registrable, metadata: unknown): void
}
