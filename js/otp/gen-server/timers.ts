/** `GenServer.sendAfter` and `cancelTimer`: one timer of the system's clock a message. */
import { MailboxFullError, ServerNotRunningError } from '../../actor/errors.ts'
import { DEAD, RUNNING } from '../../actor/process.ts'
import type { TimerHandle } from '../../clock/types.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { fieldOf, timeout } from '../../internal/validate.ts'
import { CastInContext } from '../../actor/caller-context.ts'
import { castTo } from './calls.ts'
import { processOf } from './ref.ts'
import type { GenServerRef, TimerRef } from './types.ts'

interface ScheduledCast {
  readonly timer: TimerHandle
  /** Removes the listener that cancels the timer when its process ends. */
  readonly removeExitListener: () => void
}

const scheduled = new Map<string, ScheduledCast>()
let count = 0

/** Casts a message after a delay in ms, on the clock of the process's system. The timer ends with the process. */
export function sendAfter<CastMsg>(
  ref: GenServerRef<unknown, unknown, CastMsg>,
  message: NoInfer<CastMsg>,
  delayMs: number,
): TimerRef {
  const server = processOf('ref', ref)
  const delay = timeout('delayMs', 0, delayMs)
  if (server.status === DEAD) throw new ServerNotRunningError(server.id, server)
  // A message that is sent later has the context of the code that asks for it.
  const sent = server.usesCallerContext ? new CastInContext(message) : message
  const timerId = `timer_${++count}`
  if (delay === Infinity) return { timerId }
  const timer = server.system.clock.schedule(
    delay,
    () => {
      scheduled.delete(timerId)
      removeExitListener()
      if (server.status !== RUNNING || castTo(server, sent)) return
      // A message that finds the mailbox full has no sender, so the system reports it.
      const error = new MailboxFullError(server.id, server.maxMailbox, server)
      server.system.report(error, `sendAfter to ${server.label}`)
    },
    { label: `sendAfter to ${server.label}` },
  )
  const removeExitListener = server.whenEnded(() => void cancelTimer({ timerId }))
  scheduled.set(timerId, { timer, removeExitListener })
  return { timerId }
}

/** Cancels a timer of {@link sendAfter}. Returns whether it was still to fire. */
export function cancelTimer(ref: TimerRef): boolean {
  if (typeof fieldOf(ref, 'timerId') !== 'string')
    throw new InvalidArgumentError('ref', 'what GenServer.sendAfter gave', ref)
  const found = scheduled.get(ref.timerId)
  if (found === undefined) return false
  scheduled.delete(ref.timerId)
  found.timer.cancel()
  found.removeExitListener()
  return true
}
