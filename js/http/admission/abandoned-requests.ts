import type { ServerResponse } from 'node:http'

import type { Gate } from '../../atrion/gate.ts'
import type { Ticket } from '../../atrion/ticket.ts'
import type { TicketOutcome } from '../../atrion/types.ts'
import type { Report } from '../user-callbacks.ts'
import { whenAnswered } from '../response-end.ts'

/** How long the end of an orphan is waited for, in milliseconds. */
const LONGEST_MS = 10_000
/** After so many in a row whose end was heard, that of the next is waited for. */
const PROOF = 4

const ABORTED: TicketOutcome = { aborted: true }

/**
 * Work whose client is gone while it goes on. The service is no less busy for it, so it keeps its place until it ends
 * the response, as most handlers do although nobody gets it. A handler that stops with its client may never do that,
 * and would keep a place for nothing: so places are kept only once the last few orphans were heard to end, and not
 * longer than {@link LONGEST_MS}. Until then a place is free as soon as its client is gone.
 *
 * What such work answers counts as nothing: a failure may only say that it was called off.
 */
export class Orphans {
  /** How many ended in a row and were heard to. */
  #heard = 0

  /** The client of a ticket is gone, and the handler has not answered. */
  adopt(ticket: Ticket, response: ServerResponse, gate: Gate, report: Report): void {
    const free = (): void => {
      try {
        ticket.done(ABORTED)
      } catch (error) {
        report(error, 'admission: the report of a request')
      }
    }
    const isKept = this.#heard >= PROOF
    let callOff: (() => void) | undefined
    const silent = (): void => {
      callOff = undefined
      this.#heard = 0
      free()
    }
    try {
      callOff = gate.later(LONGEST_MS, silent)
      if (isKept) ticket.left()
      else free()
    } catch (error) {
      report(error, 'admission: the report of a request')
      free()
    }
    whenAnswered(response, () => {
      // Heard too late it is no better than silent.
      if (callOff === undefined) return
      callOff()
      this.#heard++
      free()
    })
  }
}
