import type { System } from '../../system/system.ts'
import type { Registrar } from '../gen-server/registrable.ts'
import type { GenServerRef, SerializedRef, StartOptions } from '../gen-server/types.ts'

declare const UNTYPED: unique symbol
/** The topics of a bus whose messages have no types of their own. */
export interface UntypedTopics {
  /** Exists for the compiler alone. */
  readonly [UNTYPED]: never
}

/**
 * Refers to a bus. A bus is a process, and its ref goes wherever a process's may.
 *
 * `Topics` has the type of each topic's messages, by topic: `EventBusRef<{ 'user.created': User }>`. A function that
 * takes any bus takes an `EventBusRef<any>`.
 */
export interface EventBusRef<Topics = UntypedTopics> extends GenServerRef<null, never, never, never> {
  /** The id of the process. */
  readonly id: string
  /** Exists for the compiler alone, never at run time: the types of messages by topic. */
  readonly __topics?: Topics
}

/** The pattern of a subscription to a bus with typed topics: a topic, or a text with wildcards. */
export type TopicPattern<Topics> = (keyof Topics & string) | `${string}*${string}` | `${string}#${string}`

/** The type of the messages that a pattern may match: that of the topic, or for wildcards those of all topics. */
export type MessageOf<Topics, Pattern> = Pattern extends keyof Topics ? Topics[Pattern] : Topics[keyof Topics]

/** Accepts a bus with typed topics, and no other. */
export type TypedBusRef<Topics> = EventBusRef<Topics> & (UntypedTopics extends Topics ? never : unknown)

/** Refers to a bus of whichever topics. */
// oxlint-disable-next-line typescript/no-explicit-any -- topics of any type
export type AnyBusRef = EventBusRef<any>

/** Options of `EventBus.start`. */
export interface EventBusOptions extends Pick<StartOptions, 'name' | 'metadata' | 'maxMailbox' | 'overflow'> {
  /** A `RegistryInstance` that takes `name` as a key, instead of the system's names. */
  readonly registry?: Registrar
  /** The system that the bus belongs to. Default: the default system of this environment. */
  readonly system?: System
}

/**
 * A message and its topic: an item of `EventBus.events`, the result of `EventBus.next`, and the cast that a subscribed
 * process gets.
 */
export interface BusEvent<T = unknown> {
  /** The topic under which it was published. */
  readonly topic: string
  /** The message. */
  readonly message: T
}

/** Receives a message and its topic. What it throws, or rejects with, goes to the system's `onError`. */
export type EventHandler<T = unknown> = (message: T, topic: string) => unknown

/** A process that takes events as casts, typed by the messages that it takes. */
export type EventProcess<CastMsg> = GenServerRef<unknown, unknown, CastMsg> &
  (BusEvent<never> extends CastMsg ? unknown : never)

/** Options of a subscription. */
export interface SubscribeOptions {
  /** Ends the subscription with the first message. Default false. */
  readonly once?: boolean
  /** Ends the subscription when it aborts. */
  readonly signal?: AbortSignal
  /** A process of the same system; the subscription ends with it. */
  readonly owner?: SerializedRef
}

/**
 * Ends a subscription when it is called, or disposed of by `using` and `await using`. Nothing is delivered after the
 * call, not even what was published before it. Idempotent, and does nothing once the bus has ended.
 */
export interface BusSubscription {
  (): Promise<void>
  /** The pattern of the subscription. */
  readonly pattern: string
  /** Ends the subscription. */
  [Symbol.dispose](): void
  /** Ends the subscription. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Options of `EventBus.next`. */
export interface NextOptions {
  /** The longest time to wait, in ms; then it rejects with a `TimeoutError`. Default: no limit. */
  readonly timeout?: number
  /** Rejects with the signal's reason when it aborts. */
  readonly signal?: AbortSignal
}

/** Names what is done with a message when a slow reader has no room for it; see {@link EventsOptions.overflow}. */
export type EventOverflow = 'error' | 'block' | 'drop-oldest' | 'drop-newest'

/** Options of `EventBus.events`. */
export interface EventsOptions {
  /** The number of messages that may wait to be read. Default 1024. */
  readonly highWaterMark?: number
  /**
   * Decides about messages beyond `highWaterMark`. `'error'` (default): the subscription ends, and the reader gets what
   * waited and then a `BusOverflowError`. `'block'`: `publishSync` waits until there is room; `publish` cannot wait, so
   * it counts as an error as above. `'drop-oldest'` and `'drop-newest'` lose a message and count it in `dropped`.
   */
  readonly overflow?: EventOverflow
  /** Ends the reading when it aborts: `next()` rejects with the reason. */
  readonly signal?: AbortSignal
  /** A process of the same system; the subscription ends with it, and what waits can still be read. */
  readonly owner?: SerializedRef
}

/** Yields events one after the other. Leaving the loop ends the subscription. */
export interface BusEvents<T = unknown> extends AsyncIterableIterator<BusEvent<T>> {
  /** The number of events that wait to be read. */
  readonly size: number
  /** The number of events that were lost, with `overflow: 'drop-oldest'` or `'drop-newest'`. */
  readonly dropped: number
  /** Resolves with the next event; rejects when the subscription has failed. */
  next(): Promise<IteratorResult<BusEvent<T>, undefined>>
  /** Ends the subscription and drops what waits. */
  return(): Promise<IteratorResult<BusEvent<T>, undefined>>
  /** Returns itself. */
  [Symbol.asyncIterator](): BusEvents<T>
  /** Ends the subscription and drops what waits. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Counts of a bus since it started. */
export interface EventBusStats {
  /** Subscriptions that have not ended. */
  readonly subscriptions: number
  /** Messages that were published, with or without subscribers. */
  readonly published: number
  /** Deliveries: a message to three subscribers counts three times. */
  readonly delivered: number
  /** Deliveries that failed: the subscriber threw, rejected, or could not take the message. */
  readonly failed: number
  /** Messages that slow readers lost, as their `overflow` says. */
  readonly dropped: number
}
