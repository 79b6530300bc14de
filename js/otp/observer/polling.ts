/** Reads the numbers of processes at intervals. */
import { isClosed } from '../../clock/base.ts'
import type { TimerHandle } from '../../clock/types.ts'
import { callOut } from '../../internal/report-error.ts'
import type { System } from '../../system/system.ts'
import { alertsOf } from './alerts.ts'
import { read } from './stats.ts'
import type { ObserverEventHandler } from './types.ts'

/**
 * Calls a handler now and after each interval, on the clock of the system. Its timer does not keep the program alive.
 * The returned function ends it.
 */
export function startPolling(intervalMs: number, handler: ObserverEventHandler, system: System): () => void {
  let timer: TimerHandle | undefined
  let ended = false
  const failed = (error: unknown): void => system.report(error, 'a handler of Observer.startPolling')
  const poll = (): void => {
    timer = undefined
    if (ended || system.closed) return
    const { servers, supervisors } = read(system)
    alertsOf(system).check(servers, true)
    callOut(() => handler({ type: 'stats_update', servers, supervisors }), failed)
    // The handler may have ended it, or closed the system.
    if (ended || system.closed || isClosed(system.clock)) return
    timer = system.clock.schedule(intervalMs, poll, { ref: false, label: 'Observer.startPolling' })
  }
  poll()
  return () => {
    ended = true
    timer?.cancel()
  }
}
