/** The tables of timers and of the event loop. */
import { BaseClock } from '../clock/base.ts'
import { loopTime } from '../clock/host.ts'
import { loopTimes, threadName } from '../internal/loop-watch.ts'
import { offerTable, type TableItems } from './offers.ts'
import type { Clock } from '../clock/types.ts'

/** Returns the clock of a system. A clock that is not ours does not say what it holds. */
const clockRow = (clock: Clock): TableItems<BaseClock> | undefined =>
  clock instanceof BaseClock && !clock.closed ? { items: [clock], key: () => 'timers' } : undefined

/** Offers the tables. */
export function offerSystemTables(): void {
  offerTable('timer', ({ clock }) => clockRow(clock), {
    pending: (clock) => clock.getPendingTimerCount(),
    fired: ({ firedCount }) => firedCount,
    nextDueMs: ({ nextDueMs }) => nextDueMs,
  })
  // Stalls are counted while a watchdog runs.
  offerTable('loop', () => ({ items: [{ ...loopTime(), ...loopTimes() }], key: threadName }), {
    thread: threadName,
    running: ({ active }) => active,
    idle: ({ idle }) => idle,
    blocked: ({ blocked }) => blocked ?? 0,
    longest: ({ longest }) => longest ?? 0,
    stalls: ({ stalls }) => stalls ?? 0,
  })
}
