import { limitOn } from '../../clock/internal-timers.ts'
import { runtimeOf } from '../../actor/system-runtime.ts'
import {
  callable,
  callbacks,
  integer,
  isA,
  known,
  object,
  options as checkOptions,
  refuseNoSystem,
  text,
  timeout,
} from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { getDefaultSystem, resolveSystem } from '../../system/default.ts'
import { assertSystem, type System } from '../../system/system.ts'
import { promiseOf } from '../../internal/thenable.ts'
import { asError } from '../../internal/thrown-values.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { InitializationError, InvalidReturnError } from '../errors.ts'
import { namesOf } from './names.ts'
import { Registrar } from './registrable.ts'
import { Continued } from './callback-results.ts'
import { Server } from './process.ts'
import type { GenServerBehavior, GenServerRef, StartOptions } from './types.ts'

const INIT_TIMEOUT = 5000
const LONGEST_MAILBOX = 2 ** 32 - 2

const OPTIONS = [
  'name',
  'registry',
  'metadata',
  'initTimeout',
  'trapExit',
  'maxMailbox',
  'overflow',
  'onError',
  'system',
]
const REQUIRED = ['init', 'handleCall', 'handleCast'] as const
const OPTIONAL = ['handleInfo', 'handleContinue', 'terminate'] as const
const CALLBACKS = [...REQUIRED, ...OPTIONAL]
const OVERFLOWS = ['reject', 'drop-oldest', 'drop-newest'] as const

/** A time in ms from 0, or for ever. */
export const timeoutOf = (field: string, value: unknown, fallback: number): number => timeout(field, fallback, value)

function checkBehavior(behavior: GenServerBehavior<never>): void {
  object('behavior', behavior, 'an object with init, handleCall and handleCast')
  callbacks('behavior', behavior, CALLBACKS)
  for (const name of REQUIRED) callable(`behavior.${name}`, behavior[name])
  for (const name of OPTIONAL) {
    if (behavior[name] !== undefined) callable(`behavior.${name}`, behavior[name])
  }
}

/** An optional last argument. Tells `f(a)` from `f(a, undefined)`, which meant a system. */
export type SystemGiven = readonly [system?: System]

/** The system of an optional last argument, or the default one. */
export function systemGiven(given: SystemGiven): System {
  if (given.length === 0) return getDefaultSystem()
  if (given[0] === undefined) refuseNoSystem('options.system')
  assertSystem('options.system', given[0])
  return given[0]
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

function checkStart(options: StartOptions | undefined): StartOptions {
  const given = checkOptions('options', options)
  known('options', given, OPTIONS)
  if (given.name !== undefined) text('options.name', given.name)
  checkRegistry(given)
  if (given.overflow !== undefined && !OVERFLOWS.includes(given.overflow)) {
    throw new InvalidArgumentError('options.overflow', `one of ${OVERFLOWS.join(', ')}`, given.overflow)
  }
  if (given.onError !== undefined && given.onError !== 'reply' && given.onError !== 'crash') {
    throw new InvalidArgumentError('options.onError', "'reply' or 'crash'", given.onError)
  }
  if (given.maxMailbox !== undefined && given.maxMailbox !== Infinity) {
    integer('options.maxMailbox', 1, LONGEST_MAILBOX, given.maxMailbox)
  }
  return given
}

/** Numbers the processes of a system; the second half tells runs of a program apart. */
const counts = new WeakMap<System, { next: number; suffix: string }>()

function nextId(system: System, kind: string): string {
  let count = counts.get(system)
  if (count === undefined) {
    count = { next: 0, suffix: Math.floor(system.clock.now().wallMs).toString(36) }
    counts.set(system, count)
  }
  return `${kind}_${++count.next}_${count.suffix}`
}

/** A process with an id and a pid, which has not begun; `kind` is what it is called. */
export function spawn(
  kind: string,
  system: System,
  behavior: GenServerBehavior<unknown>,
  given: Pick<StartOptions, 'trapExit' | 'maxMailbox' | 'overflow' | 'onError'>,
): Server {
  system.assertOpen()
  const runtime = runtimeOf(system)
  const maxMailbox = given.maxMailbox ?? Infinity
  const server = new Server(nextId(system, kind.toLowerCase()), runtime, system, behavior, {
    kind,
    startedAt: system.clock.now().wallMs,
    maxMailbox,
    crashesOnCallError: given.onError === 'crash',
  })
  runtime.spawn(server, {
    trapExit: given.trapExit === true,
    maxMailbox: maxMailbox === Infinity ? 2 ** 32 - 1 : maxMailbox,
    overflow: OVERFLOWS.indexOf(given.overflow ?? 'reject'),
  })
  return server
}

function enter(server: Server, { name, registry, metadata }: StartOptions): void {
  if (name === undefined) return
  if (registry === undefined) {
    namesOf(server.system).register(name, server)
  } else {
    registry.enter(name, server, metadata)
    server.name ??= name
  }
}

/** Keeps its name or key for it, so that neither `init` nor `terminate` runs of one whose name is taken. */
function reserve(server: Server, { name, registry }: StartOptions): void {
  if (name === undefined) return
  try {
    if (registry === undefined) namesOf(server.system).reserve(name, server)
    else registry.reserve(name, server)
  } catch (error) {
    server.abandon('shutdown')
    throw error
  }
}

/** Starts a process; it runs once its `init` has made a state. */
export function start<State, CallMsg = unknown, CastMsg = unknown, CallReply = unknown>(
  behavior: GenServerBehavior<State, CallMsg, CastMsg, CallReply>,
  options?: StartOptions,
): Promise<GenServerRef<State, CallMsg, CastMsg, CallReply>> {
  return startAs('GenServer', behavior, options)
}

/** The same, of what errors call by the name of its `kind`. */
export async function startAs<State, CallMsg = unknown, CastMsg = unknown, CallReply = unknown>(
  kind: string,
  behavior: GenServerBehavior<State, CallMsg, CastMsg, CallReply>,
  options?: StartOptions,
): Promise<GenServerRef<State, CallMsg, CastMsg, CallReply>> {
  checkBehavior(behavior as GenServerBehavior<never>)
  const given = checkStart(options)
  const initTimeout = timeoutOf('options.initTimeout', given.initTimeout, INIT_TIMEOUT)
  const system = resolveSystem(given.system)
  const server = spawn(kind, system, behavior as GenServerBehavior<unknown>, given)
  reserve(server, given)
  const called = { kind, name: given.name }
  const fail = (thrown: unknown): never => {
    const error = asError(thrown)
    if (server.isAlive) server.abandon({ error })
    throw new InitializationError(server.id, error, called)
  }
  let first: unknown
  try {
    first = behavior.init()
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
    enter(server, given)
  } catch (error) {
    server.decline(first)
    throw error
  }
  server.announce()
  server.begin(first)
  return server.ref as GenServerRef<State, CallMsg, CastMsg, CallReply>
}

/** What `init` makes, or an error when it takes too long, or the system closes; what it makes then is dropped. */
function within(server: Server, timeoutMs: number, pending: Promise<unknown>): Promise<unknown> {
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
