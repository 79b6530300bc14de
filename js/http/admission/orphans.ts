import type { ServerResponse } from 'node:http'

import type { Ticket } from '../../atrion/ticket.ts'
import type { TicketOutcome } from '../../atrion/types.ts'
import type { Clock, TimerHandle } from '../../clock/types.ts'
import type { Report } from '../ask.ts'

/** How long the end of an orphan is waited for, in milliseconds. */
const LONGEST_MS = 2000
/** How much an orphan says about the next. */
const WEIGHT = 0.25

const ABORTED: TicketOutcome = { aborted: true }

/**
 * Work whose client is gone while it goes on. The service is no less busy for it, so it keeps its place until it ends
 * the response, as most handlers do although nobody gets it. One that stops with its client may never do that: its
 * place is free after two seconds, and where most were silent lately the places of others are free at once.
 *
 * What such work answers counts as nothing: a failure may only say that it was called off.
 */
export class Orphans {
  /** Share of those whose end was heard, the last ones most. */
  #heard = 1

  /** The client of a ticket is gone, and the handler has not answered. */
  adopt(ticket: Ticket, response: ServerResponse, clock: Clock, report: Report): void {
    const free = (): void => {
      try {
        ticket.done(ABORTED)
      } catch (error) {
        report(error, 'admission: the report of a request')
      }
    }
    let timer: TimerHandle | undefined
    onEnd(response, () => {
      timer?.cancel()
      this.#heard += WEIGHT * (1 - this.#heard)
      free()
    })
    if (this.#heard < 0.5) return free()
    const silent = (): void => {
      this.#heard -= WEIGHT * this.#heard
      free()
    }
    try {
      timer = clock.schedule(LONGEST_MS, silent, { ref: false, label: 'admission: a client left' })
      ticket.left()
    } catch (error) {
      report(error, 'admission: the report of a request')
      free()
    }
  }
}

/** Tells when somebody ends a response. One that is closed emits nothing any more, so that its `end` has to say it. */
function onEnd(response: ServerResponse, ended: () => void): void {
  const { end } = response
  let isTold = false
  response.end = ((...args: unknown[]) => {
    if (!isTold) ended()
    isTold = true
    return Reflect.apply(end, response, args)
  }) as typeof end
}
