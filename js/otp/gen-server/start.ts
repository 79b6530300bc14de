/** Checks the options of `GenServer.start` and starts processes of every service. */
import { limitOn } from '../../clock/internal-timers.ts'
import { runAsSelf } from '../../actor/call-context.ts'
import { runtimeOf } from '../../actor/system-runtime.ts'
import { lazy } from '../../internal/lazy.ts'
import {
  callable,
  callbacks,
  integer,
  isA,
  known,
  object,
  oneOf,
  optionalCallable,
  options as checkOptions,
  positiveMillis,
  refuseNoSystem,
  text,
  timeout,
} from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { getDefaultSystem, resolveSystem } from '../../system/default.ts'
import { assertSystem, type System } from '../../system/system.ts'
import { CONTEXTS } from '../../actor/caller-context.ts'
import { classNameOf } from '../../internal/class-name.ts'
import { promiseOf } from '../../internal/thenable.ts'
import { asError } from '../../internal/thrown-values.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { InitializationError, InvalidReturnError } from '../errors.ts'
import { OVERFLOWS, UNBOUNDED } from '../../protocol/actor.ts'
import { namesOf } from './names.ts'
import { ProcessIds } from './process-ids.ts'
import { Registrar } from './registrable.ts'
import type { PersistentBehavior, PersistentStartOptions } from '../persistence/behavior.ts'
import { Continued } from './callback-results.ts'
import { GenServerProcess } from './process.ts'
import type { GenServerBehavior, GenServerRef, StartOptions } from './types.ts'
import type * as PersistentModule from '../persistence/persistent.ts'

const persistent = lazy(() => require('../persistence/persistent.ts') as typeof PersistentModule)

export const INIT_TIMEOUT = 5000
const LONGEST_MAILBOX: number = UNBOUNDED - 1

/** The names of the options of `GenServer.start`. */
export const OPTIONS: readonly string[] = [
  'name',
  'registry',
  'metadata',
  'initTimeout',
  'trapExit',
  'maxMailbox',
  'overflow',
  'onError',
  'idleTimeoutMs',
  'onIdle',
  'context',
  'system',
]
const OPTIONAL = ['handleCall', 'handleCast', 'handleInfo', 'handleContinue', 'terminate'] as const
const CALLBACKS = ['init', ...OPTIONAL]
const PERSISTENT_OPTIONS = [...OPTIONS, 'persist']

function checkBehavior(behavior: GenServerBehavior<never>): void {
  object('behavior', behavior, 'an object with init')
  callbacks('behavior', behavior, CALLBACKS)
  callable('behavior.init', behavior.init)
  for (const name of OPTIONAL) {
    if (behavior[name] !== undefined) callable(`behavior.${name}`, behavior[name])
  }
}

/**
 * An optional last argument. As a tuple it tells `f(a)` from `f(a, undefined)`, where a system was meant and is
 * refused.
 */
export type SystemArgument = readonly [system?: System]

/** Returns the system of an optional last argument: the default one if it is left out. */
export function systemFromArgument(argument: SystemArgument): System {
  if (argument.length === 0) return getDefaultSystem()
  const [system] = argument
  if (system === undefined) refuseNoSystem('options.system')
  assertSystem('options.system', system)
  return system
}

function checkRegistry({ name, registry, metadata, system }: StartOptions): void {
  if (registry === undefined) {
    if (metadata !== undefined) throw new InvalidArgumentError('options.registry', 'given, as metadata is', registry)
    return
  }
  if (!isA(registry, Registrar)) throw new InvalidArgumentError('options.registry', 'a RegistryInstance', registry)
  if (name === undefined) throw new InvalidArgumentError('options.name', 'given, as registry is', name)
  if (registry.system !== resolveSystem(system)) {
    throw new InvalidArgumentError('options.registry', 'a RegistryInstance of the same system', registry)
  }
}

function checkStart(options: StartOptions | undefined, names: readonly string[]): StartOptions {
  const settings = checkOptions('options', options)
  known('options', settings, names)
  if (settings.name !== undefined) text('options.name', settings.name)
  checkRegistry(settings)
  if (settings.overflow !== undefined && !OVERFLOWS.includes(settings.overflow)) {
    throw new InvalidArgumentError('options.overflow', `one of ${OVERFLOWS.join(', ')}`, settings.overflow)
  }
  if (settings.onError !== undefined && settings.onError !== 'reply' && settings.onError !== 'crash') {
    throw new InvalidArgumentError('options.onError', "'reply' or 'crash'", settings.onError)
  }
  if (settings.maxMailbox !== undefined && settings.maxMailbox !== Infinity) {
    integer('options.maxMailbox', 1, LONGEST_MAILBOX, settings.maxMailbox)
  }
  if (settings.idleTimeoutMs !== undefined) positiveMillis('options.idleTimeoutMs', settings.idleTimeoutMs)
  optionalCallable('options.onIdle', settings.onIdle)
  if (settings.context !== undefined) oneOf('options.context', CONTEXTS, settings.context)
  if (settings.onIdle !== undefined && settings.idleTimeoutMs === undefined) {
    throw new InvalidArgumentError('options.idleTimeoutMs', 'given, as onIdle is', undefined)
  }
  return settings
}

const ids = new ProcessIds()

/**
 * Creates a process with an id and a pid. Nothing of it runs yet.
 *
 * @param kind The word for it in errors and in its id.
 */
export function spawn(
  kind: string,
  system: System,
  behavior: GenServerBehavior<unknown>,
  settings: Pick<StartOptions, 'trapExit' | 'maxMailbox' | 'overflow' | 'onError'>,
): GenServerProcess {
  system.assertOpen()
  const runtime = runtimeOf(system)
  const server = new GenServerProcess(ids.next(system, kind.toLowerCase()), runtime, system, behavior, {
    kind,
    startedAt: system.clock.now().wallMs,
    crashesOnCallError: settings.onError === 'crash',
  })
  const { maxMailbox = Infinity } = settings
  runtime.spawn(server, {
    trapExit: settings.trapExit === true,
    maxMailbox: maxMailbox === Infinity ? UNBOUNDED : maxMailbox,
    overflow: OVERFLOWS.indexOf(settings.overflow ?? 'reject'),
  })
  return server
}

function enter(server: GenServerProcess, { name, registry, metadata }: StartOptions): void {
  if (name === undefined) return
  if (registry === undefined) {
    namesOf(server.system).register(name, server)
  } else {
    registry.enter(name, server, metadata)
    server.name ??= name
  }
}

/** Reserves the name or key of a process, so that neither `init` nor `terminate` runs when it is taken. */
function reserve(server: GenServerProcess, { name, registry }: StartOptions): void {
  if (name === undefined) return
  try {
    if (registry === undefined) namesOf(server.system).reserve(name, server)
    else registry.reserve(name, server)
  } catch (error) {
    server.abandon('shutdown')
    throw error
  }
}

/** Starts a process. Resolves once its `init` has made a state. */
export function start<State, CallMsg = unknown, CastMsg = unknown, CallReply = unknown>(
  behavior: GenServerBehavior<State, CallMsg, CastMsg, CallReply>,
  options?: StartOptions<NoInfer<State>>,
): Promise<GenServerRef<State, CallMsg, CastMsg, CallReply>>
/** Starts a persistent process. Resolves once the events of its stream have made its state. */
export function start<State, Event, CallMsg = unknown, CastMsg = unknown, CallReply = unknown>(
  behavior: PersistentBehavior<State, Event, CallMsg, CastMsg, CallReply>,
  options: PersistentStartOptions<State, Event>,
): Promise<GenServerRef<State, CallMsg, CastMsg, CallReply>>
export function start(
  behavior: object,
  options?: StartOptions | PersistentStartOptions<unknown, unknown>,
): Promise<GenServerRef> {
  return options === undefined
    ? startAs('GenServer', behavior as GenServerBehavior<unknown>)
    : startWith(behavior, options)
}

async function startWith(
  behavior: object,
  options: StartOptions | PersistentStartOptions<unknown, unknown>,
): Promise<GenServerRef> {
  const { persist } = checkOptions('options', options as PersistentStartOptions<unknown, unknown>)
  if (persist === undefined) return startAs('GenServer', behavior as GenServerBehavior<unknown>, options)
  const stored = new (persistent().PersistentProcess)(behavior as PersistentBehavior<unknown, unknown>, persist)
  const attach = (server: GenServerProcess): void => {
    server.givenClassName = classNameOf(behavior)
    stored.attach(server)
  }
  return startAs('GenServer', stored.behavior, options, attach, PERSISTENT_OPTIONS)
}

/**
 * Starts a process of a service.
 *
 * @param kind The word for it in errors and in its id.
 * @param onSpawn Receives the process before anything of it runs.
 * @param names The names of its options.
 */
export async function startAs<State, CallMsg = unknown, CastMsg = unknown, CallReply = unknown>(
  kind: string,
  behavior: GenServerBehavior<State, CallMsg, CastMsg, CallReply>,
  options?: StartOptions,
  onSpawn?: (server: GenServerProcess) => void,
  names: readonly string[] = OPTIONS,
): Promise<GenServerRef<State, CallMsg, CastMsg, CallReply>> {
  checkBehavior(behavior as GenServerBehavior<never>)
  const settings = checkStart(options, names)
  const initTimeout = timeout('options.initTimeout', INIT_TIMEOUT, settings.initTimeout)
  const system = resolveSystem(settings.system)
  const server = spawn(kind, system, behavior as GenServerBehavior<unknown>, settings)
  server.usesCallerContext = settings.context === 'caller'
  if (settings.idleTimeoutMs !== undefined) server.watchIdleTime(settings.idleTimeoutMs, settings.onIdle)
  reserve(server, settings)
  onSpawn?.(server)
  const called = { kind, name: settings.name }
  const fail = (thrown: unknown): never => {
    const error = asError(thrown)
    if (server.isAlive) server.abandon({ error })
    throw new InitializationError(server.id, error, called)
  }
  let first: unknown
  try {
    first = runAsSelf(server, behavior.init, () => behavior.init())
    const pending = promiseOf(first)
    if (pending !== undefined) first = await within(server, initTimeout, pending)
  } catch (error) {
    return fail(error)
  }
  if (first === undefined || (Continued.is(first) && first.state === undefined)) {
    return fail(new InvalidReturnError(server.id, 'init', 'the first state', called))
  }
  if (Continued.is(first) && behavior.handleContinue === undefined) {
    const expected = 'a state without continueWith, as there is no handleContinue'
    return fail(new InvalidReturnError(server.id, 'init', expected, called))
  }
  try {
    enter(server, settings)
  } catch (error) {
    server.decline(first)
    throw error
  }
  server.announce()
  server.begin(first)
  return server.ref as GenServerRef<State, CallMsg, CastMsg, CallReply>
}

/**
 * Resolves with the result of an asynchronous `init`. Rejects when it takes too long or the system closes; a later
 * result is dropped.
 */
function within(server: GenServerProcess, timeoutMs: number, pending: Promise<unknown>): Promise<unknown> {
  const { clock } = server.system
  return new Promise((resolve, reject) => {
    const release = [server.whenEnded(() => over(() => reject(new ServerNotRunningError(server.id, server))))]
    const over = (tell: () => void): void => {
      for (const end of release) end()
      tell()
    }
    if (timeoutMs !== Infinity) {
      const late = (): void => over(() => reject(new Error(`Init timed out after ${timeoutMs}ms`)))
      const timer = limitOn(clock, timeoutMs, `init of ${server.id}`, late)
      release.push(() => timer.cancel())
    }
    pending.then(
      (value) => over(() => resolve(value)),
      (error: unknown) => over(() => reject(error)),
    )
  })
}
