import { flag, known, options as checkOptions } from '../internal/validate.ts'
import { keepOptimized } from '../internal/keep-optimized.ts'
import { assertInternal, INTERNAL } from '../internal/private-constructor.ts'
import { OUTCOME_ABORTED, OUTCOME_FAILED, OUTCOME_LEFT, OUTCOME_OK, OUTCOME_TIMED_OUT } from '../protocol/admission.ts'
import type { TicketOutcome } from './types.ts'

/** The gate of a ticket. */
interface TicketOwner {
  settle(ticket: number, outcome: number): boolean
}

/** @internal Makes a ticket. */
export let makeTicket: (gate: TicketOwner, id: number, route: string, waitedMs: number) => Ticket

/**
 * The right of admitted work to be in flight, returned by `Atrion.admit` and `Atrion.tryAdmit`.
 *
 * Report the end of the work with {@link done}. A ticket that is never done is freed at its deadline, and counts as a
 * failure then.
 */
export class Ticket {
  static {
    makeTicket = (gate, id, route, waitedMs) => new Ticket(INTERNAL, gate, id, route, waitedMs)
  }

  /** True, which tells a ticket from a refusal. */
  readonly allow = true as const
  /** The route of the work. */
  readonly route: string
  /** The time that the request waited for admission, in milliseconds. */
  readonly waitedMs: number
  readonly #gate: TicketOwner
  readonly #id: number

  /** @throws PrivateConstructorError outside the package. */
  private constructor(internal: typeof INTERNAL, gate: TicketOwner, id: number, route: string, waitedMs: number) {
    assertInternal(internal, 'Ticket', 'Atrion.admit() or Atrion.tryAdmit()')
    this.#gate = gate
    this.#id = id
    this.route = route
    this.waitedMs = waitedMs
  }

  /**
   * Reports the end of the work, and frees its place. Returns false when the work was done, or past its deadline,
   * before: it counts once.
   *
   * @param outcome The end of the work. Default: it succeeded.
   * @throws InvalidArgumentError for an outcome that is not one; the ticket stays in flight.
   */
  done(outcome?: TicketOutcome): boolean {
    return this.#gate.settle(this.#id, outcome === undefined ? OUTCOME_OK : outcomeCode(outcome))
  }

  /**
   * Reports that the caller has left while the work goes on. The place stays taken, because the service is no less
   * busy, and the gate learns how patient callers are. Report the end with {@link done} all the same.
   *
   * Returns false when the work is done, or the caller had left before.
   *
   * @example
   * ```ts
   * response.once('close', () => ticket.left())
   * await query()
   * ticket.done()
   * ```
   */
  left(): boolean {
    return this.#gate.settle(this.#id, OUTCOME_LEFT)
  }

  /** @internal Reports that the time of the work is over, which counts as a failure. */
  timeOut(): boolean {
    return this.#gate.settle(this.#id, OUTCOME_TIMED_OUT)
  }
}

keepOptimized(makeTicket({ settle: () => false }, 0, '', 0))

function outcomeCode(outcome: TicketOutcome): number {
  const { ok, aborted } = checkOptions('outcome', outcome)
  known('outcome', outcome, ['ok', 'aborted'])
  if (flag('outcome.aborted', false, aborted)) return OUTCOME_ABORTED
  return flag('outcome.ok', true, ok) ? OUTCOME_OK : OUTCOME_FAILED
}
