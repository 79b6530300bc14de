/** `EventBus.subscribe`, `next` and `events`: checks their options and adds subscribers to a bus. */
import { limitOn } from '../../clock/internal-timers.ts'
import { abortSignal, flag, integer, known, options as checkOptions, timeout } from '../../internal/validate.ts'
import { InvalidArgumentError, TimeoutError } from '../../errors/errors.ts'
import { whenAborted } from '../../internal/abort-hub.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { livingProcessOf, findProcess } from '../gen-server/ref.ts'
import type { GenServerProcess } from '../gen-server/process.ts'
import { Bus, runningBusOf } from './bus.ts'
import { brief } from './errors.ts'
import { EventStream } from './events.ts'
import { HandlerSubscriber, NextSubscriber, ProcessSubscriber, type Subscriber } from './subscriber.ts'
import type {
  AnyBusRef,
  BusEvent,
  BusEvents,
  EventBusRef,
  EventHandler,
  EventOverflow,
  EventProcess,
  EventsOptions,
  MessageOf,
  NextOptions,
  SubscribeOptions,
  BusSubscription,
  TopicPattern,
  TypedBusRef,
} from './types.ts'

const HIGH_WATER_MARK = 1024
const MOST_WAITING = 2 ** 30
const OVERFLOWS: readonly EventOverflow[] = ['error', 'block', 'drop-oldest', 'drop-newest']
const NOTHING: Promise<void> = Promise.resolve()

/** Returns the process of the option `owner`. */
const ownerOf = (owner: unknown, bus: Bus): GenServerProcess | undefined =>
  owner === undefined ? undefined : livingProcessOf('options.owner', owner, bus.process.system)

/** Ends a subscriber with a process. */
const endWith = (subscriber: Subscriber, server: GenServerProcess): void =>
  subscriber.releaseAtEnd(server.whenEnded(() => subscriber.end()))

/** Calls a function when a signal aborts. The listener goes with the subscription. */
function follow(subscriber: Subscriber, signal: AbortSignal, onAbort: () => void): void {
  subscriber.releaseAtEnd(whenAborted(signal, onAbort))
}

/** Returns the option `signal`. Throws its reason if it has aborted. */
function signalOf(option: AbortSignal | undefined): AbortSignal | undefined {
  const signal = abortSignal('options.signal', option)
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

export function subscribe<Topics, const Pattern extends TopicPattern<Topics>>(
  ref: TypedBusRef<Topics>,
  pattern: Pattern,
  handler: EventHandler<MessageOf<Topics, Pattern>>,
  options?: SubscribeOptions,
): Promise<BusSubscription>
export function subscribe<T>(
  ref: EventBusRef,
  pattern: string,
  handler: EventHandler<T>,
  options?: SubscribeOptions,
): Promise<BusSubscription>
export function subscribe<CastMsg>(
  ref: AnyBusRef,
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
  const settings = options === undefined ? {} : checkOptions('options', options)
  if (options !== undefined) known('options', settings, ['once', 'signal', 'owner'])
  const once = flag('options.once', false, settings.once)
  const owner = ownerOf(settings.owner, bus)
  const signal = signalOf(settings.signal)
  const server = typeof to === 'function' ? undefined : subscriberOf(to, bus)
  const subscriber =
    typeof to === 'function'
      ? new HandlerSubscriber(bus, pattern, to as EventHandler<never>, once)
      : new ProcessSubscriber(bus, pattern, server as GenServerProcess, once)
  bus.add(subscriber)
  if (server !== undefined) endWith(subscriber, server)
  if (owner !== undefined) endWith(subscriber, owner)
  if (signal !== undefined) follow(subscriber, signal, () => subscriber.end())
  return subscriptionOf(subscriber)
}

function subscriberOf(ref: unknown, bus: Bus): GenServerProcess {
  const server = findProcess(ref)
  if (server === undefined || server.isSupervisor || server.behavior instanceof Bus) {
    throw new InvalidArgumentError('handler', 'a function, or a ref of a process that takes casts', ref)
  }
  return livingProcessOf('handler', ref, bus.process.system)
}

export function next<Topics, const Pattern extends TopicPattern<Topics>>(
  ref: TypedBusRef<Topics>,
  pattern: Pattern,
  options?: NextOptions,
): Promise<BusEvent<MessageOf<Topics, Pattern>>>
export function next<T>(ref: EventBusRef, pattern: string, options?: NextOptions): Promise<BusEvent<T>>
export async function next<T>(ref: EventBusRef, pattern: string, options?: NextOptions): Promise<BusEvent<T>> {
  const bus = runningBusOf(ref)
  const settings = checkOptions('options', options)
  known('options', settings, ['timeout', 'signal'])
  const timeoutMs = timeout('options.timeout', Infinity, settings.timeout)
  const signal = signalOf(settings.signal)
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

export function events<Topics, const Pattern extends TopicPattern<Topics>>(
  ref: TypedBusRef<Topics>,
  pattern: Pattern,
  options?: EventsOptions,
): BusEvents<MessageOf<Topics, Pattern>>
export function events<T>(ref: EventBusRef, pattern: string, options?: EventsOptions): BusEvents<T>
export function events<T>(ref: EventBusRef, pattern: string, options?: EventsOptions): BusEvents<T> {
  const bus = runningBusOf(ref)
  const settings = checkOptions('options', options)
  known('options', settings, ['highWaterMark', 'overflow', 'signal', 'owner'])
  const { highWaterMark = HIGH_WATER_MARK, overflow = 'error' } = settings
  integer('options.highWaterMark', 1, MOST_WAITING, highWaterMark)
  if (!OVERFLOWS.includes(overflow)) {
    throw new InvalidArgumentError('options.overflow', `one of ${OVERFLOWS.join(', ')}`, overflow)
  }
  const owner = ownerOf(settings.owner, bus)
  const signal = signalOf(settings.signal)
  const stream = new EventStream<T>(bus, pattern, highWaterMark, overflow)
  bus.add(stream)
  if (owner !== undefined) endWith(stream, owner)
  if (signal !== undefined) follow(stream, signal, () => stream.abort(signal.reason))
  return stream
}
