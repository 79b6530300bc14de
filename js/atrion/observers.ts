import { Listeners } from '../internal/listeners.ts'
import type { System } from '../system/system.ts'
import type { Mode, ShedReason } from './decisions.ts'
import type { TaskOutcome } from './lease.ts'

/** An event of an Atrion. Observers get events in order, synchronously, from where they happen. */
export type AtrionEvent =
  /** `route()` took a report and decided. */
  | {
      readonly type: 'decision'
      readonly route: string
      readonly allow: boolean
      readonly resistance: number
      readonly voltage: number
      readonly mode: Mode
    }
  /** The breaker of a route changed its mode between two decisions of `route()`. */
  | {
      readonly type: 'mode'
      readonly route: string
      readonly from: Mode
      readonly to: Mode
      readonly resistance: number
    }
  /** A route opened, which raised the resistance of this many neighbours. */
  | { readonly type: 'cascade'; readonly route: string; readonly neighbours: number }
  /** A gate refused a request. */
  | { readonly type: 'shed'; readonly route: string; readonly reason: ShedReason; readonly resistance: number }
  /** A task began under a lease. */
  | {
      readonly type: 'lease:start'
      readonly route: string
      readonly lease: string
      readonly profile: string
      /** The data that `startTask` was given. */
      readonly metadata: Readonly<Record<string, unknown>> | undefined
    }
  /** A task reported that it is alive. */
  | {
      readonly type: 'lease:heartbeat'
      readonly route: string
      readonly lease: string
      readonly progress: number | undefined
      readonly memoryBytes: number | undefined
      readonly status: string | undefined
    }
  /** A lease ended. */
  | {
      readonly type: 'lease:end'
      readonly route: string
      readonly lease: string
      readonly outcome: TaskOutcome
      /** The scar that it added to the route, ohms. */
      readonly scar: number
      readonly elapsedMs: number
    }
  /** The state provider answers, for the first time or again after an outage. */
  | { readonly type: 'provider:joined'; readonly provider: string }
  /**
   * The state provider does not answer, or answers with nonsense. The Atrion decides by its own state, and tries again.
   */
  | { readonly type: 'provider:away'; readonly provider: string; readonly error: unknown }
  /** The state provider answered with nonsense for this many routes, which was ignored. */
  | { readonly type: 'provider:garbage'; readonly provider: string; readonly routes: number }

/** Receives events. What it throws or rejects with is reported to the system's `onError`. */
export type AtrionObserver = (event: AtrionEvent) => unknown

/** The observers of one Atrion. */
export class Observers {
  readonly system: System
  readonly #listeners: Listeners<AtrionEvent>

  constructor(system: System) {
    this.system = system
    this.#listeners = new Listeners('observer', (error) => system.report(error, 'an observer of Atrion'))
  }

  /** True if there is an observer. */
  get any(): boolean {
    return this.#listeners.size > 0
  }

  add(observer: AtrionObserver): () => void {
    return this.#listeners.add(observer)
  }

  tell(event: AtrionEvent): void {
    if (this.#listeners.size > 0) this.#listeners.tell(event)
  }

  end(): void {
    this.#listeners.end()
  }
}
