import type { ServerResponse } from 'node:http'

import type { Gate } from '../../atrion/gate.ts'
import type { Ticket } from '../../atrion/ticket.ts'
import type { TicketOutcome } from '../../atrion/types.ts'
import type { TimerHandle } from '../../clock/types.ts'
import { onEndCall } from '../response-end.ts'
import type { ReportError } from '../user-callbacks.ts'

/** Longest wait for the end of an abandoned request, in milliseconds. */
const MAX_WAIT_MS = 10_000
/** After this many ends in a row were heard, the end of the next abandoned request is waited for. */
const PROOF = 4

const ABORTED: TicketOutcome = { aborted: true }

/**
 * Requests whose client has left while their handler goes on.
 *
 * The service is no less busy for it, so such a request keeps its place at the gate until its handler ends the
 * response, as most handlers do although nobody gets it. A handler that stops with its client may never do that, and
 * would keep the place for nothing. So a place is kept only after the last {@link PROOF} abandoned requests were heard
 * to end, and for at most {@link MAX_WAIT_MS}. Otherwise a place is free as soon as its client has left.
 *
 * The outcome of an abandoned request counts as nothing: a failure may only say that the work was called off.
 */
export class AbandonedRequests {
  /** The number of abandoned requests in a row whose end was heard. */
  #heard = 0

  /** Takes over the ticket of a request whose client has left and whose handler has not answered. */
  add(ticket: Ticket, response: ServerResponse, gate: Gate, report: ReportError): void {
    const release = (): void => {
      try {
        ticket.done(ABORTED)
      } catch (error) {
        report(error, 'admission: the report of a request')
      }
    }
    const keepsPlace = this.#heard >= PROOF
    let wait: TimerHandle | undefined
    const onSilence = (): void => {
      wait = undefined
      this.#heard = 0
      release()
    }
    try {
      wait = gate.schedule(MAX_WAIT_MS, onSilence)
      if (keepsPlace) ticket.left()
      else release()
    } catch (error) {
      report(error, 'admission: the report of a request')
      release()
    }
    onEndCall(response, () => {
      // An end that comes too late is no better than none.
      if (wait === undefined) return
      wait.cancel()
      this.#heard++
      release()
    })
  }
}
