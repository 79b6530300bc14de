import type { ProcessStatus } from '../actor/process.ts'
import type { System } from '../system/system.ts'

/** What a name or a key can stand for: a process of any kind. */
export interface Registrable {
  readonly id: string
  readonly ref: { readonly id: string }
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
  /** @internal */
  abstract enter(key: string, process: Registrable, metadata: unknown): void
}
