import { fieldOf } from '../../internal/validate.ts'
import { DEAD, RUNNING } from '../../actor/process.ts'
import type { TimerHandle } from '../../clock/types.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { MailboxFullError, ServerNotRunningError } from '../../actor/errors.ts'
import { castTo } from './calls.ts'
import { serverOf } from './ref.ts'
import { timeoutOf } from './start.ts'
import type { GenServerRef, TimerRef } from './types.ts'

interface Pending {
  readonly timer: TimerHandle
  /** The process need not cancel it at its end any more. */
  readonly forget: () => void
}

const pending = new Map<string, Pending>()
let made = 0

/** Casts a message later, on the clock of the process's system, unless it has ended by then. */
export function sendAfter<CastMsg>(
  ref: GenServerRef<unknown, unknown, CastMsg>,
  message: NoInfer<CastMsg>,
  delayMs: number,
): TimerRef {
  const server = serverOf('ref', ref)
  const delay = timeoutOf('delayMs', delayMs, 0)
  if (server.status === DEAD) throw new ServerNotRunningError(server.id, server)
  const timerId = `timer_${++made}`
  if (delay === Infinity) return { timerId }
  const timer = server.system.clock.schedule(
    delay,
    () => {
      pending.delete(timerId)
      forget()
      // One that finds no room has no sender to tell.
      if (server.status !== RUNNING || castTo(server, message)) return
      const error = new MailboxFullError(server.id, server.maxMailbox, server)
      server.system.report(error, `sendAfter to ${server.label}`)
    },
    { label: `sendAfter to ${server.label}` },
  )
  const forget = server.whenEnded(() => void cancelTimer({ timerId }))
  pending.set(timerId, { timer, forget })
  return { timerId }
}

/** Whether the timer was still to fire. */
export function cancelTimer(ref: TimerRef): boolean {
  if (typeof fieldOf(ref, 'timerId') !== 'string')
    throw new InvalidArgumentError('ref', 'what GenServer.sendAfter gave', ref)
  const found = pending.get(ref.timerId)
  if (found === undefined) return false
  pending.delete(ref.timerId)
  found.timer.cancel()
  found.forget()
  return true
}
