import { runOutsideHandler } from '../../actor/call-context.ts'
import { lazy } from '../../internal/lazy.ts'
import {
  callable,
  callbacks,
  known,
  MAX_DURATION_MS,
  object,
  options as checkOptions,
  positiveMillis,
  text,
} from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { stop as stopServer } from '../gen-server/calls.ts'
import { livingProcessOf, findProcess } from '../gen-server/ref.ts'
import type { System } from '../../system/system.ts'
import type { GenServerProcess } from '../gen-server/process.ts'
import { startAs } from '../gen-server/start.ts'
import type { GenServerRef, TerminateReason } from '../gen-server/types.ts'
import type * as AdapterStoreModule from './adapter-store.ts'
import type { TimerStorage } from './store.ts'
import type * as TimersModule from './timers.ts'
import type { TimerServiceBehavior } from './timers.ts'
import type { ScheduleTimerOptions, TimerEntry, TimerServiceOptions, TimerServiceRef } from './types.ts'
import { resolveSystem } from '../../system/default.ts'
import type * as StoreModule from './store.ts'

const services = lazy(() => require('./timers.ts') as typeof TimersModule)
const adapters = lazy(() => require('./adapter-store.ts') as typeof AdapterStoreModule)
const journals = lazy(() => require('./store.ts') as typeof StoreModule)

const RETRY_MS = 1000
const OPTIONS = [
  'name',
  'registry',
  'metadata',
  'path',
  'durability',
  'adapter',
  'checkIntervalMs',
  'retryMs',
  'system',
]
const ADAPTER = ['save', 'load', 'delete', 'listKeys'] as const

/** True once it was said that `checkIntervalMs` has no effect. */
let saidInterval = false

function checkAdapter({ adapter, path }: TimerServiceOptions): void {
  if (adapter === undefined) return
  callbacks('options.adapter', object('options.adapter', adapter, 'a TimerAdapter'), ADAPTER)
  for (const name of ADAPTER) callable(`options.adapter.${name}`, adapter[name])
  if (path !== undefined) throw new InvalidArgumentError('options.path', 'left out, as adapter is given', path)
}

function checkInterval(checkIntervalMs: number | undefined): void {
  if (checkIntervalMs === undefined) return
  positiveMillis('options.checkIntervalMs', checkIntervalMs)
  if (saidInterval) return
  saidInterval = true
  const warning = 'checkIntervalMs of TimerService.start has no effect: each timer fires at its own time'
  process.emitWarning(warning, { type: 'KeelsonWarning', code: 'KEELSON_NO_EFFECT' })
}

async function start(options?: TimerServiceOptions): Promise<TimerServiceRef> {
  const settings = checkOptions('options', options)
  known('options', settings, OPTIONS)
  const { path, durability, adapter: _, checkIntervalMs, retryMs = RETRY_MS, ...startOptions } = settings
  positiveMillis('options.retryMs', retryMs)
  checkAdapter(settings)
  checkInterval(checkIntervalMs)
  if (path === undefined && durability !== undefined) {
    throw new InvalidArgumentError('options.path', 'given, as durability is', path)
  }
  const system = resolveSystem(settings.system)
  system.assertOpen()
  const store = await openStore(settings, system)
  try {
    const timers = new (services().TimerServiceBehavior)(system, retryMs, store)
    // The service is no part of the handler that starts it.
    const ref = (await runOutsideHandler(() => startAs('TimerService', timers, startOptions))) as TimerServiceRef
    services().timersOf(ref).restore()
    return ref
  } catch (error) {
    await store?.close()
    throw error
  }
}

async function openStore(
  { adapter, path, durability }: TimerServiceOptions,
  system: System,
): Promise<TimerStorage | undefined> {
  if (adapter !== undefined) return adapters().AdapterStore.open(adapter, system)
  return path === undefined ? undefined : journals().TimerStore.open(path, durability, system)
}

/** Returns the target of a timer: a name, which outlives processes, or a process. */
function targetOf(target: unknown, timers: TimerServiceBehavior, system: System): string | GenServerProcess {
  if (typeof target === 'string') return text('target', target)
  const server = findProcess(target)
  if (server === undefined) throw new InvalidArgumentError('target', 'a name, or a ref of this environment', target)
  livingProcessOf('target', target, system)
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
  const timers = services().runningTimersOf(ref)
  const settings = checkOptions('options', options)
  known('options', settings, ['repeat', 'id'])
  if (settings.repeat !== undefined) positiveMillis('options.repeat', settings.repeat)
  if (settings.id !== undefined) text('options.id', settings.id)
  if (!(typeof delayMs === 'number' && delayMs >= 0 && delayMs <= MAX_DURATION_MS)) {
    throw new InvalidArgumentError('delayMs', 'a finite number of milliseconds from 0', delayMs)
  }
  const to = targetOf(target, timers, (findProcess(ref) as GenServerProcess).system)
  return timers.schedule(to, message, delayMs, settings.repeat, settings.id)
}

async function cancel(ref: TimerServiceRef, timerId: string): Promise<boolean> {
  return services().runningTimersOf(ref).cancel(text('timerId', timerId))
}

async function get(ref: TimerServiceRef, timerId: string): Promise<TimerEntry | undefined> {
  return services().runningTimersOf(ref).get(text('timerId', timerId))
}

async function getAll(ref: TimerServiceRef): Promise<readonly TimerEntry[]> {
  return services().runningTimersOf(ref).getAll()
}

async function stop(ref: TimerServiceRef, reason?: TerminateReason): Promise<void> {
  services().timersOf(ref)
  return stopServer(ref, reason)
}

/**
 * Sends messages later. With a `path` the timers are on disk: they also fire after a restart of the program, to the
 * process that has the name then. See `docs/timers.md`.
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
   * Starts a service. With a `path` it takes over the timers that are stored there; overdue ones fire at once.
   *
   * @throws AlreadyRegisteredError when the name is taken.
   * @throws JournalLockedError when another process or service uses the path; otherwise as `openJournal`.
   */
  start: start as typeof start,
  /**
   * Casts a message to a name or a process after `delayMs` milliseconds. Resolves with the timer's id; with a `path`,
   * once the timer is stored.
   *
   * @throws NotPlainError for a message that cannot be stored.
   * @throws InvalidArgumentError naming the argument that is refused; with a `path`, also for a process that has no
   * name.
   */
  schedule: schedule as typeof schedule,
  /** Ends a timer. Resolves with whether it was still to fire; with a `path`, once that is stored. */
  cancel: cancel as typeof cancel,
  /** Resolves with a timer that has not ended, or with `undefined`. */
  get: get as typeof get,
  /**
   * Resolves with all timers that have not ended, in the order in which they were scheduled, or were due when they were
   * restored.
   */
  getAll: getAll as typeof getAll,
  /** Returns whether the service takes timers. */
  isRunning: (ref: TimerServiceRef): boolean => services().timersOf(ref).isRunning,
  /** Ends the service and the timers that are not stored. Those that are stored go on with the next start. */
  stop: stop as typeof stop,
} as const
