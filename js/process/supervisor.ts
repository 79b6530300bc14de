import { assertClock } from '../system/system.ts'
import type { Clock } from '../clock/types.ts'
import { callable } from '../internal/validate.ts'
import { ProcessError } from './errors.ts'
import type { Emit, ProcessEvent } from './events.ts'
import { type ProcessHost, hostOf } from './host.ts'
import { checkStrategy } from './options.ts'
import { RestartTracker, type RestartDecision } from './restarts.ts'
import { EventNotifier } from './event-notifier.ts'
import type { ProcessId } from './ids.ts'
import type { SupervisionStrategy } from './types.ts'

/**
 * Decides about restarts of something that you start yourself: it keeps one budget and back-off per id. Time is the
 * clock's monotonic time; jitter comes from the default system's seed.
 */
export class Supervisor {
  readonly #strategy: SupervisionStrategy
  readonly #clock: Clock
  readonly #host: ProcessHost
  readonly #notifier: EventNotifier<ProcessEvent>
  readonly #slots: Map<string, { restarts: RestartTracker; decision: RestartDecision | undefined }> = new Map()

  /** @throws InvalidArgumentError naming the field that is refused. */
  constructor(strategy: SupervisionStrategy, clock: Clock, emit?: Emit) {
    this.#strategy = checkStrategy('strategy', strategy)
    assertClock('clock', clock)
    if (emit !== undefined) callable('emit', emit)
    this.#clock = clock
    this.#host = hostOf({ clock })
    this.#notifier = new EventNotifier(emit, this.#host)
  }

  /** Counts a failure of `id` and returns whether it restarts. Keep the id over restarts. */
  shouldRestart(id: ProcessId): boolean {
    if (this.#strategy.type === 'none') return false
    let slot = this.#slots.get(id)
    if (slot === undefined) {
      slot = { restarts: new RestartTracker(this.#strategy), decision: undefined }
      this.#slots.set(id, slot)
    }
    const now = this.#clock.monoMs()
    slot.restarts.started(now)
    const decision = slot.restarts.failed(now, this.#host.chance())
    slot.decision = decision
    const withinMs = this.#strategy.maxRestarts?.within ?? 0
    if (decision.restart) {
      this.#notifier.notify({ type: 'supervisor:restart', id, attempt: decision.attempt, delayMs: decision.delayMs })
    } else {
      this.#notifier.notify({ type: 'supervisor:giveup', id, attempts: decision.attempts, withinMs })
    }
    return decision.restart
  }

  /**
   * Returns the delay before that restart, in ms.
   *
   * @throws ProcessError unless {@link shouldRestart} has just granted one.
   */
  getRestartDelay(id: ProcessId): number {
    const decision = this.#slots.get(id)?.decision
    if (decision?.restart !== true) throw new ProcessError('No restart was granted', id)
    return decision.delayMs
  }

  /** Forgets the failures of an id. */
  clearRestartHistory(id: ProcessId): void {
    this.#slots.get(id)?.restarts.close()
    this.#slots.delete(id)
  }
}
