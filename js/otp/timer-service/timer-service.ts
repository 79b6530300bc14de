import { outsideRun } from '../../actor/call-context.ts'
import { ENDING } from '../../actor/process.ts'
import { known, MAX_DURATION_MS, options as checkOptions, positiveMillis, text } from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { stop as stopServer } from '../gen-server/calls.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { serverIn } from '../gen-server/ref.ts'
import type { System } from '../../system/system.ts'
import type { Server } from '../gen-server/process.ts'
import { startAs } from '../gen-server/start.ts'
import type { GenServerRef, TerminateReason } from '../gen-server/types.ts'
import { TimerStore } from './store.ts'
import { runningTimersOf, Timers, timersOf } from './timers.ts'
import type { ScheduleTimerOptions, TimerEntry, TimerServiceOptions, TimerServiceRef } from './types.ts'
import { resolveSystem } from '../../system/default.ts'

const RETRY_MS = 1000
const OPTIONS = ['name', 'registry', 'metadata', 'path', 'durability', 'retryMs', 'system']

async function start(options?: TimerServiceOptions): Promise<TimerServiceRef> {
  const given = checkOptions('options', options)
  known('options', given, OPTIONS)
  const { path, durability, retryMs = RETRY_MS, ...process } = given
  positiveMillis('options.retryMs', retryMs)
  if (path === undefined && durability !== undefined) {
    throw new InvalidArgumentError('options.path', 'given, as durability is', path)
  }
  const system = resolveSystem(given.system)
  system.assertOpen()
  const store = path === undefined ? undefined : await TimerStore.open(path, durability, system)
  try {
    const timers = new Timers(system, retryMs, store)
    // A process of its own, whoever starts it.
    const ref = (await outsideRun(() => startAs('TimerService', timers, process))) as TimerServiceRef
    timersOf(ref).restore()
    return ref
  } catch (error) {
    await store?.close()
    throw error
  }
}

/** Who gets the message: a name, which outlives processes, or a process. */
function targetOf(target: unknown, timers: Timers, system: System): string | Server {
  if (typeof target === 'string') return text('target', target)
  const server = serverIn(target)
  if (server === undefined) throw new InvalidArgumentError('target', 'a name, or a ref of this environment', target)
  if (server.system !== system) throw new InvalidArgumentError('target', 'a ref of the same system', target)
  if (server.status >= ENDING) throw new ServerNotRunningError(server.id, server)
  if (timers.store === undefined) return server
  if (server.name !== undefined) return server.name
  throw new InvalidArgumentError(
    'target',
    'a name, or a ref of a process that has one: refs do not outlive processes',
    target,
  )
}

async function schedule<CastMsg>(
  ref: TimerServiceRef,
  target: string | GenServerRef<unknown, unknown, CastMsg>,
  message: NoInfer<CastMsg>,
  delayMs: number,
  options?: ScheduleTimerOptions,
): Promise<string> {
  const timers = runningTimersOf(ref)
  const given = checkOptions('options', options)
  known('options', given, ['repeat', 'id'])
  if (given.repeat !== undefined) positiveMillis('options.repeat', given.repeat)
  if (given.id !== undefined) text('options.id', given.id)
  if (!(typeof delayMs === 'number' && delayMs >= 0 && delayMs <= MAX_DURATION_MS)) {
    throw new InvalidArgumentError('delayMs', 'a finite number of milliseconds from 0', delayMs)
  }
  const to = targetOf(target, timers, (serverIn(ref) as Server).system)
  return timers.schedule(to, message, delayMs, given.repeat, given.id)
}

async function cancel(ref: TimerServiceRef, timerId: string): Promise<boolean> {
  return runningTimersOf(ref).cancel(text('timerId', timerId))
}

async function get(ref: TimerServiceRef, timerId: string): Promise<TimerEntry | undefined> {
  return runningTimersOf(ref).get(text('timerId', timerId))
}

async function getAll(ref: TimerServiceRef): Promise<readonly TimerEntry[]> {
  return runningTimersOf(ref).getAll()
}

async function stop(ref: TimerServiceRef, reason?: TerminateReason): Promise<void> {
  timersOf(ref)
  return stopServer(ref, reason)
}

/**
 * Messages that are sent later, and are not forgotten: with a `path` they are on disk, and are sent after a restart of
 * the program too, to whoever has the name then. See `docs/timers.md`.
 *
 * @example
 * ```ts
 * const timers = await TimerService.start({ path: './data/timers' })
 * await TimerService.schedule(timers, 'mailer', { type: 'remind', user: 5 }, 24 * 60 * 60 * 1000)
 * await TimerService.schedule(timers, 'reports', 'make', 0, { id: 'daily', repeat: 24 * 60 * 60 * 1000 })
 * ```
 */
export const TimerService = {
  /**
   * Starts a service. With a `path` it takes over the timers that are stored there; overdue ones are sent at once.
   *
   * @throws AlreadyRegisteredError when the name is taken.
   * @throws JournalLockedError when somebody else uses the path, in this process or another; otherwise as `openJournal`.
   */
  start: start as typeof start,
  /**
   * Casts a message to a name, or to a process, after `delayMs`, and resolves with the timer's id; with a `path`, once it is
   * stored.
   *
   * @throws NotPlainError for a message that cannot be stored.
   * @throws InvalidArgumentError naming what is refused: with a `path`, also a process that has no name.
   */
  schedule: schedule as typeof schedule,
  /** Ends a timer; whether it was still to fire. With a `path`, resolves once that is stored. */
  cancel: cancel as typeof cancel,
  /** A timer that has not ended, or `undefined`. */
  get: get as typeof get,
  /** All timers that have not ended, in the order in which they were scheduled, or were due when they were restored. */
  getAll: getAll as typeof getAll,
  /** Whether it takes timers. */
  isRunning: (ref: TimerServiceRef): boolean => timersOf(ref).isRunning,
  /** Ends it, and with it all timers that are not stored; those that are go on with the next start. */
  stop: stop as typeof stop,
} as const
