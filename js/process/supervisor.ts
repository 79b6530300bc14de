import { assertClock } from '../system/system.ts'
import type { Clock } from '../clock/types.ts'
import { callable } from '../internal/validate.ts'
import { ProcessError } from './errors.ts'
import type { Emit, ProcessEvent } from './event-emitter.ts'
import { type Host, hostOf } from './host.ts'
import { checkStrategy } from './options.ts'
import { Restarts, type Verdict } from './restarts.ts'
import { Teller } from './event-listeners.ts'
import type { ProcessId } from './ids.ts'
import type { SupervisionStrategy } from './types.ts'

/**
 * The rules of restarts alone, for those who restart something themselves: one budget and back-off an id. Time is the
 * clock's monotonic one; jitter comes from the default system's seed.
 */
export class Supervisor {
  readonly #strategy: SupervisionStrategy
  readonly #clock: Clock
  readonly #host: Host
  readonly #teller: Teller<ProcessEvent>
  readonly #slots: Map<string, { restarts: Restarts; verdict: Verdict | undefined }> = new Map()

  /** @throws InvalidArgumentError naming the field that is refused. */
  constructor(strategy: SupervisionStrategy, clock: Clock, emit?: Emit) {
    this.#strategy = checkStrategy('strategy', strategy)
    assertClock('clock', clock)
    if (emit !== undefined) callable('emit', emit)
    this.#clock = clock
    this.#host = hostOf({ clock })
    this.#teller = new Teller(emit, this.#host)
  }

  /** Counts a failure of `id` and says whether it is to be started over. Keep the id over restarts. */
  shouldRestart(id: ProcessId): boolean {
    if (this.#strategy.type === 'none') return false
    let slot = this.#slots.get(id)
    if (slot === undefined) {
      slot = { restarts: new Restarts(this.#strategy), verdict: undefined }
      this.#slots.set(id, slot)
    }
    const now = this.#clock.monoMs()
    slot.restarts.started(now)
    const verdict = slot.restarts.failed(now, this.#host.chance())
    slot.verdict = verdict
    const withinMs = this.#strategy.maxRestarts?.within ?? 0
    if (verdict.restart) {
      this.#teller.tell({ type: 'supervisor:restart', id, attempt: verdict.attempt, delayMs: verdict.delayMs })
    } else {
      this.#teller.tell({ type: 'supervisor:giveup', id, attempts: verdict.attempts, withinMs })
    }
    return verdict.restart
  }

  /**
   * How long to wait before that restart, in ms.
   *
   * @throws ProcessError unless {@link shouldRestart} has just granted one.
   */
  getRestartDelay(id: ProcessId): number {
    const verdict = this.#slots.get(id)?.verdict
    if (verdict?.restart !== true) throw new ProcessError('No restart was granted', id)
    return verdict.delayMs
  }

  /** Forgets the failures of an id. */
  clearRestartHistory(id: ProcessId): void {
    this.#slots.get(id)?.restarts.close()
    this.#slots.delete(id)
  }
}
