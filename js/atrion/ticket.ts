import { flag, known, options as checkOptions } from '../internal/validate.ts'
import { keepOptimized } from '../internal/keep-optimized.ts'
import { OUTCOME_ABORTED, OUTCOME_FAILED, OUTCOME_LEFT, OUTCOME_OK } from '../protocol/admission.ts'
import type { TicketOutcome } from './types.ts'

/** What a ticket reports to. */
interface Reporting {
  settle(ticket: number, outcome: number): boolean
}

/** Admitted work. Report its end with {@link done}; a ticket that is never done is freed at its deadline. */
export class Ticket {
  /** Always true: a ticket is an admission. */
  readonly allow = true as const
  /** The route it belongs to. */
  readonly route: string
  /** How long it waited for admission, in milliseconds. */
  readonly waitedMs: number
  readonly #gate: Reporting
  readonly #id: number

  /** @internal */
  constructor(gate: Reporting, id: number, route: string, waitedMs: number) {
    this.#gate = gate
    this.#id = id
    this.route = route
    this.waitedMs = waitedMs
  }

  /**
   * Reports the end of the work and frees its place. Counts once: false when it was done, or past its deadline, before.
   *
   * @throws InvalidArgumentError when the outcome is not one; the ticket stays in flight.
   */
  done(outcome?: TicketOutcome): boolean {
    return this.#gate.settle(this.#id, outcome === undefined ? OUTCOME_OK : outcomeCode(outcome))
  }

  /**
   * Tells the gate that whoever asked is gone while the work goes on: the place stays taken, because the service is no
   * less busy, and the gate learns how patient clients are. Report the end with {@link done} all the same. False when
   * the work is done, or was left before.
   *
   * @example
   * response.once('close', () => ticket.left())
   * await query()
   * ticket.done()
   */
  left(): boolean {
    return this.#gate.settle(this.#id, OUTCOME_LEFT)
  }
}

keepOptimized(new Ticket({ settle: () => false }, 0, '', 0))

function outcomeCode(outcome: TicketOutcome): number {
  const { ok, aborted } = checkOptions('outcome', outcome)
  known('outcome', outcome, ['ok', 'aborted'])
  if (flag('outcome.aborted', false, aborted)) return OUTCOME_ABORTED
  return flag('outcome.ok', true, ok) ? OUTCOME_OK : OUTCOME_FAILED
}
