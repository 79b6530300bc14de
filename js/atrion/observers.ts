import { Listeners } from '../internal/listeners.ts'
import type { System } from '../system/system.ts'
import type { TaskOutcome } from './lease-state.ts'
import type { Mode, ShedReason } from './decisions.ts'

/** What an engine tells its observers, in order, on the stack of what happened. */
export type AtrionEvent =
  /** A report was taken in by `route()` and answered. */
  | {
      readonly type: 'decision'
      readonly route: string
      readonly allow: boolean
      readonly resistance: number
      readonly voltage: number
      readonly mode: Mode
    }
  /** The mode at this decision of `route()` is not that of the one before. */
  | {
      readonly type: 'mode'
      readonly route: string
      readonly from: Mode
      readonly to: Mode
      readonly resistance: number
    }
  /** A route opened, and so many of its neighbours felt it. */
  | { readonly type: 'cascade'; readonly route: string; readonly neighbours: number }
  /** A gate did not admit something. */
  | { readonly type: 'shed'; readonly route: string; readonly reason: ShedReason; readonly resistance: number }
  | { readonly type: 'lease:start'; readonly route: string; readonly lease: string; readonly profile: string }
  | {
      readonly type: 'lease:heartbeat'
      readonly route: string
      readonly lease: string
      readonly progress: number | undefined
      readonly memoryBytes: number | undefined
      readonly status: string | undefined
    }
  | {
      readonly type: 'lease:end'
      readonly route: string
      readonly lease: string
      readonly outcome: TaskOutcome
      /** What it added to the route's scar, ohms. */
      readonly scar: number
      readonly elapsedMs: number
    }
  /** The state provider answers; after an outage, again. */
  | { readonly type: 'provider:joined'; readonly provider: string }
  /** The state provider does not answer, or not with sense. The engine decides by what it knows itself, and tries again. */
  | { readonly type: 'provider:away'; readonly provider: string; readonly error: unknown }
  /** The state provider gave something for these many routes that is no state; it was passed over. */
  | { readonly type: 'provider:garbage'; readonly provider: string; readonly routes: number }

/** Receives events. What it throws goes to the system's owner of errors. */
export type AtrionObserver = (event: AtrionEvent) => unknown

/** The observers of one engine. */
export class Observers {
  readonly #listeners: Listeners<AtrionEvent>

  constructor(system: System) {
    this.#listeners = new Listeners('observer', (error) => system.report(error, 'an observer of Atrion'))
  }

  /** Whether there is anybody to tell. */
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
