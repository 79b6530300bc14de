import { runOutsideHandler } from '../../actor/call-context.ts'
import { lazy } from '../../internal/lazy.ts'
import { callable, known, options as checkOptions } from '../../internal/validate.ts'
import { call, castTo, stop as stopServer } from '../gen-server/calls.ts'
import { startAs } from '../gen-server/start.ts'
import type { CallOptions, TerminateReason } from '../gen-server/types.ts'
import type * as BusModule from './implementation.ts'
import type {
  AnyBusRef,
  EventBusOptions,
  EventBusRef,
  EventBusStats,
  EventHandler,
  MessageOf,
  SubscribeOptions,
  BusSubscription,
  TopicPattern,
  TypedBusRef,
  UntypedTopics,
} from './types.ts'

type Implementation = typeof BusModule

const buses = lazy(() => require('./implementation.ts') as Implementation)

async function start<Topics = UntypedTopics>(options?: EventBusOptions): Promise<EventBusRef<Topics>> {
  const settings = checkOptions('options', options)
  known('options', settings, ['name', 'registry', 'metadata', 'maxMailbox', 'overflow', 'system'])
  // The bus is no part of the handler that starts it.
  const ref = (await runOutsideHandler(() => startAs('EventBus', new (buses().Bus)(), settings))) as EventBusRef<Topics>
  buses().busOf(ref)
  return ref
}

function publish<Topics, const Topic extends keyof Topics & string>(
  ref: TypedBusRef<Topics>,
  topic: Topic,
  message: Topics[Topic],
): boolean
function publish<T>(ref: EventBusRef, topic: string, message: T): boolean
function publish(ref: AnyBusRef, topic: string, message: unknown): boolean {
  const bus = buses().runningBusOf(ref)
  const to = bus.table.match(topic)
  bus.published++
  return to.length === 0 || castTo(bus.process, new (buses().Delivery)(topic, message, to))
}

function publishSync<Topics, const Topic extends keyof Topics & string>(
  ref: TypedBusRef<Topics>,
  topic: Topic,
  message: Topics[Topic],
  options?: CallOptions,
): Promise<void>
function publishSync<T>(ref: EventBusRef, topic: string, message: T, options?: CallOptions): Promise<void>
async function publishSync(ref: AnyBusRef, topic: string, message: unknown, options?: CallOptions): Promise<void> {
  const bus = buses().runningBusOf(ref)
  const to = bus.table.match(topic)
  const delivery = call(ref, new (buses().Delivery)(topic, message, to) as never, options)
  bus.published++
  await delivery
}

function once<Topics, const Pattern extends TopicPattern<Topics>>(
  ref: TypedBusRef<Topics>,
  pattern: Pattern,
  handler: EventHandler<MessageOf<Topics, Pattern>>,
  options?: Omit<SubscribeOptions, 'once'>,
): Promise<BusSubscription>
function once<T>(
  ref: EventBusRef,
  pattern: string,
  handler: EventHandler<T>,
  options?: Omit<SubscribeOptions, 'once'>,
): Promise<BusSubscription>
async function once(
  ref: AnyBusRef,
  pattern: string,
  handler: EventHandler<never>,
  options?: Omit<SubscribeOptions, 'once'>,
): Promise<BusSubscription> {
  callable('handler', handler)
  const settings = checkOptions('options', options)
  known('options', settings, ['signal', 'owner'])
  return buses().subscribe(ref as EventBusRef, pattern, handler, { ...settings, once: true })
}

async function getSubscriptionCount(ref: AnyBusRef): Promise<number> {
  return buses().runningBusOf(ref).table.entries.size
}

async function getSubscriberCount(ref: AnyBusRef, topic: string): Promise<number> {
  return buses().runningBusOf(ref).table.match(topic).length
}

async function getTopics(ref: AnyBusRef): Promise<readonly string[]> {
  return [...new Set(Array.from(buses().runningBusOf(ref).table.entries, ({ pattern }) => pattern))]
}

async function getStats(ref: AnyBusRef): Promise<EventBusStats> {
  return buses().runningBusOf(ref).stats
}

async function stop(ref: AnyBusRef, reason?: TerminateReason): Promise<void> {
  buses().busOf(ref)
  return stopServer(ref, reason)
}

/**
 * Publishes messages by topic to subscribers that the publisher does not know. A bus is a process. See
 * `docs/event-bus.md` for patterns, order, and what happens to slow and failing subscribers.
 *
 * Topics and patterns are segments between dots, at most 65 536 bytes and 256 segments. In a pattern `*` matches one
 * segment, or as the last one after plain segments one or more; `**` and `#` match any number of segments, including
 * none.
 *
 * @example
 * ```ts
 * const bus = await EventBus.start()
 * await EventBus.subscribe<{ id: string }>(bus, 'user.*', ({ id }, topic) => console.log(topic, id))
 * EventBus.publish(bus, 'user.created', { id: '123' })
 * await EventBus.stop(bus)
 * ```
 */
export const EventBus = {
  /**
   * Starts a bus.
   *
   * @throws AlreadyRegisteredError when the name is taken.
   */
  start: start as typeof start,
  /**
   * Subscribes a function, or a process, to which each message is cast as `{ topic, message }`; a process's
   * subscription ends with it. It is in effect when the call returns: what is published later is delivered.
   *
   * @throws InvalidArgumentError for a pattern beyond the limits, and for a handler that is neither function nor
   * process.
   * @throws ServerNotRunningError when the bus, or the process, ends or has ended.
   */
  subscribe: ((...args: Parameters<Implementation['subscribe']>) =>
    buses().subscribe(...args)) as Implementation['subscribe'],
  /** Subscribes a function to the first message only. */
  once: once as typeof once,
  /**
   * Resolves with the first message, and its topic, that is published after the call.
   *
   * @throws TimeoutError after `timeout` ms.
   * @throws ServerNotRunningError when the bus ends before.
   */
  next: ((...args: Parameters<Implementation['next']>) => buses().next(...args)) as Implementation['next'],
  /**
   * Subscribes a reader: `for await (const { topic, message } of EventBus.events(bus, pattern))`. It is in effect when
   * the call returns. When the bus ends, messages that wait are read first.
   *
   * @throws BusOverflowError while reading, when it was too slow and its `overflow` is `'error'` or `'block'`.
   */
  events: ((...args: Parameters<Implementation['events']>) => buses().events(...args)) as Implementation['events'],
  /**
   * Sends a message to all subscribers whose pattern matches the topic now. Returns false when the bus's mailbox is
   * bounded and full.
   *
   * @throws ServerNotRunningError when there is no such bus.
   * @throws InvalidArgumentError for a topic beyond the limits.
   */
  publish: publish as typeof publish,
  /**
   * Publishes a message and resolves when all subscribers have it, and all earlier messages: functions were called
   * (asynchronous ones go on), processes have it in their mailbox, and readers with `overflow: 'block'` had room.
   *
   * @throws CallTimeoutError after `timeout`, 5000 ms by default; readers that had no room do not get the message.
   * @throws MailboxFullError when the bus's mailbox is bounded and full.
   */
  publishSync: publishSync as typeof publishSync,
  /** Resolves with the number of subscriptions. */
  getSubscriptionCount: getSubscriptionCount as typeof getSubscriptionCount,
  /** Resolves with the number of subscribers that a message with this topic would have. */
  getSubscriberCount: getSubscriberCount as typeof getSubscriberCount,
  /** Resolves with the patterns of all subscriptions, each once, in order of subscription. */
  getTopics: getTopics as typeof getTopics,
  /** Resolves with counts of subscriptions and messages. */
  getStats: getStats as typeof getStats,
  /** Returns whether the bus takes messages. */
  isRunning: (ref: AnyBusRef): boolean => buses().busOf(ref).isRunning,
  /** Ends the bus once it has delivered what was published before. Subscriptions end with it. */
  stop: stop as typeof stop,
} as const
