import { limitOn } from '../../clock/internal-timers.ts'
import { ENDING } from '../../actor/process.ts'
import { abortSignal, flag, integer, known, options as checkOptions } from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { TimeoutError } from '../../errors/errors.ts'
import { whenAborted } from '../../internal/abort-hub.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { serverIn, serverOf } from '../gen-server/ref.ts'
import type { Server } from '../gen-server/process.ts'
import { timeoutOf } from '../gen-server/start.ts'
import { type Bus, Bus as BusBehavior, runningBusOf } from './bus.ts'
import { brief } from './errors.ts'
import { EventStream } from './events.ts'
import { HandlerSubscriber, NextSubscriber, ProcessSubscriber, type Subscriber } from './subscriber.ts'
import type {
  BusEvent,
  BusEvents,
  EventBusRef,
  EventHandler,
  EventOverflow,
  EventProcess,
  EventsOptions,
  NextOptions,
  SubscribeOptions,
  BusSubscription,
} from './types.ts'

const HIGH_WATER_MARK = 1024
const MOST_WAITING = 2 ** 30
const OVERFLOWS: readonly EventOverflow[] = ['error', 'block', 'drop-oldest', 'drop-newest']
const NOTHING: Promise<void> = Promise.resolve()

/** A process of the bus's system that has not ended. */
function livingOf(field: string, given: unknown, bus: Bus): Server {
  const server = serverOf(field, given)
  if (server.system !== bus.process.system) throw new InvalidArgumentError(field, 'a ref of the same system', given)
  if (server.status >= ENDING) throw new ServerNotRunningError(server.id, server)
  return server
}

/** Ends a subscriber with a process. */
const endWith = (subscriber: Subscriber, server: Server): void =>
  subscriber.releaseAtEnd(server.whenEnded(() => subscriber.end()))

/** Does something when a signal aborts; no listener outlives the subscription. */
function follow(subscriber: Subscriber, signal: AbortSignal, onAbort: () => void): void {
  subscriber.releaseAtEnd(whenAborted(signal, onAbort))
}

/** A signal that has not aborted. */
function signalOf(given: AbortSignal | undefined): AbortSignal | undefined {
  const signal = abortSignal('options.signal', given)
  signal?.throwIfAborted()
  return signal
}

function subscriptionOf(subscriber: Subscriber): BusSubscription {
  const leave = ((): Promise<void> => {
    subscriber.end()
    return NOTHING
  }) as BusSubscription & { pattern: string }
  leave.pattern = subscriber.pattern
  leave[Symbol.dispose] = leave
  leave[Symbol.asyncDispose] = leave
  return leave
}

export function subscribe<T>(
  ref: EventBusRef,
  pattern: string,
  handler: EventHandler<T>,
  options?: SubscribeOptions,
): Promise<BusSubscription>
export function subscribe<CastMsg>(
  ref: EventBusRef,
  pattern: string,
  process: EventProcess<CastMsg>,
  options?: SubscribeOptions,
): Promise<BusSubscription>
export async function subscribe(
  ref: EventBusRef,
  pattern: string,
  to: unknown,
  options?: SubscribeOptions,
): Promise<BusSubscription> {
  const bus = runningBusOf(ref)
  const given = options === undefined ? {} : checkOptions('options', options)
  if (options !== undefined) known('options', given, ['once', 'signal', 'owner'])
  const once = flag('options.once', false, given.once)
  const owner = given.owner === undefined ? undefined : livingOf('options.owner', given.owner, bus)
  const signal = signalOf(given.signal)
  const server = typeof to === 'function' ? undefined : subscriberOf(to, bus)
  const subscriber =
    typeof to === 'function'
      ? new HandlerSubscriber(bus, pattern, to as EventHandler<never>, once)
      : new ProcessSubscriber(bus, pattern, server as Server, once)
  bus.add(subscriber)
  if (server !== undefined) endWith(subscriber, server)
  if (owner !== undefined) endWith(subscriber, owner)
  if (signal !== undefined) follow(subscriber, signal, () => subscriber.end())
  return subscriptionOf(subscriber)
}

function subscriberOf(given: unknown, bus: Bus): Server {
  const server = serverIn(given)
  if (server === undefined || server.supervises || server.behavior instanceof BusBehavior) {
    throw new InvalidArgumentError('handler', 'a function, or a ref of a process that takes casts', given)
  }
  return livingOf('handler', given, bus)
}

export async function next<T>(ref: EventBusRef, pattern: string, options?: NextOptions): Promise<BusEvent<T>> {
  const bus = runningBusOf(ref)
  const given = checkOptions('options', options)
  known('options', given, ['timeout', 'signal'])
  const timeoutMs = timeoutOf('options.timeout', given.timeout, Infinity)
  const signal = signalOf(given.signal)
  return new Promise((resolve, reject) => {
    const subscriber = new NextSubscriber(bus, pattern, resolve, () =>
      reject(new ServerNotRunningError(bus.id, bus.process)),
    )
    bus.add(subscriber)
    const giveUp = (reason: unknown): void => {
      subscriber.end()
      reject(reason)
    }
    if (signal !== undefined) follow(subscriber, signal, () => giveUp(signal.reason))
    if (timeoutMs === Infinity) return
    const what = `waiting for ${brief(pattern)} on the bus ${bus.id}`
    const { clock } = bus.process.system
    const timer = limitOn(clock, timeoutMs, what, () => giveUp(new TimeoutError(what, timeoutMs)))
    subscriber.releaseAtEnd(() => timer.cancel())
  })
}

export function events<T>(ref: EventBusRef, pattern: string, options?: EventsOptions): BusEvents<T> {
  const bus = runningBusOf(ref)
  const given = checkOptions('options', options)
  known('options', given, ['highWaterMark', 'overflow', 'signal', 'owner'])
  const { highWaterMark = HIGH_WATER_MARK, overflow = 'error' } = given
  integer('options.highWaterMark', 1, MOST_WAITING, highWaterMark)
  if (!OVERFLOWS.includes(overflow)) {
    throw new InvalidArgumentError('options.overflow', `one of ${OVERFLOWS.join(', ')}`, overflow)
  }
  const owner = given.owner === undefined ? undefined : livingOf('options.owner', given.owner, bus)
  const signal = signalOf(given.signal)
  const stream = new EventStream<T>(bus, pattern, highWaterMark, overflow)
  bus.add(stream)
  if (owner !== undefined) endWith(stream, owner)
  if (signal !== undefined) follow(stream, signal, () => stream.abort(signal.reason))
  return stream
}
