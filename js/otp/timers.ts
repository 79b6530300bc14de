import { DEAD, RUNNING } from '../actor/process.ts'
import type { TimerHandle } from '../clock/types.ts'
import { ServerNotRunningError } from './errors.ts'
import { castTo } from './calls.ts'
import { serverOf } from './ref.ts'
import { timeoutOf } from './start.ts'
import type { GenServerRef, TimerRef } from './types.ts'

const pending = new Map<string, TimerHandle>()
let made = 0

/** Casts a message later, on the clock of the process's system, unless it has ended by then. */
export function sendAfter<CastMsg>(
  ref: GenServerRef<unknown, unknown, CastMsg>,
  message: CastMsg,
  delayMs: number,
): TimerRef {
  const server = serverOf('ref', ref)
  const delay = timeoutOf('delayMs', delayMs, 0)
  if (server.status === DEAD) throw new ServerNotRunningError(server.id)
  const timerId = `timer_${++made}`
  if (delay === Infinity) return { timerId }
  const cancel = (): void => void cancelTimer({ timerId })
  const timer = server.system.clock.schedule(
    delay,
    () => {
      pending.delete(timerId)
      if (server.status === RUNNING) castTo(server, message)
    },
    { label: `sendAfter to ${server.id}` },
  )
  pending.set(timerId, timer)
  ;(server.onEnd ??= []).push(cancel)
  return { timerId }
}

/** Whether the timer was still to fire. */
export function cancelTimer(ref: TimerRef): boolean {
  const timer = pending.get(ref.timerId)
  if (timer === undefined) return false
  pending.delete(ref.timerId)
  timer.cancel()
  return true
}
