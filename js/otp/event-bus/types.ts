import type { System } from '../../system/system.ts'
import type { Registrar } from '../gen-server/registrable.ts'
import type { GenServerRef, SerializedRef, StartOptions } from '../gen-server/types.ts'

/** Names a bus. Opaque, as every ref; a bus is a process, and its ref goes wherever a process's may. */
export interface EventBusRef extends GenServerRef<null, never, never, never> {
  readonly id: string
}

/** Options of `EventBus.start`. */
export interface EventBusOptions extends Pick<StartOptions, 'name' | 'metadata' | 'maxMailbox' | 'overflow'> {
  /** Registers it there under `name`, instead of among the system's names. */
  readonly registry?: Registrar
  /** Default: the default system of this environment. */
  readonly system?: System
}

/** A message and where it was published. */
export interface BusEvent<T = unknown> {
  readonly topic: string
  readonly message: T
}

/** Told of a message. What it throws, or rejects with, goes to the system's `onError`. */
export type EventHandler<T = unknown> = (message: T, topic: string) => unknown

/** A process that takes events as casts, typed by what it takes. */
export type EventProcess<CastMsg> = GenServerRef<unknown, unknown, CastMsg> &
  (BusEvent<never> extends CastMsg ? unknown : never)

/** Options of a subscription. */
export interface SubscribeOptions {
  /** Ends with the first message. Default false. */
  readonly once?: boolean
  /** Ends when it aborts. */
  readonly signal?: AbortSignal
  /** Ends with this process, of the same system. */
  readonly owner?: SerializedRef
}

/**
 * Ends a subscription: called, or disposed of by `using` and `await using`. Nothing is delivered after the call, also
 * not what was published before it. Idempotent, and nothing happens once the bus has ended.
 */
export interface BusSubscription {
  (): Promise<void>
  /** What it was made with. */
  readonly pattern: string
  [Symbol.dispose](): void
  [Symbol.asyncDispose](): Promise<void>
}

/** Options of `EventBus.next`. */
export interface NextOptions {
  /** How long to wait, in ms. Default: for ever. */
  readonly timeout?: number
  /** Gives up when it aborts, with its reason. */
  readonly signal?: AbortSignal
}

/** What happens to a message for which a slow reader has no room. */
export type EventOverflow = 'error' | 'block' | 'drop-oldest' | 'drop-newest'

/** Options of `EventBus.events`. */
export interface EventsOptions {
  /** How many messages may wait to be read. Default 1024. */
  readonly highWaterMark?: number
  /**
   * What happens beyond that. `'error'` (default): the subscription ends, and the reader gets what waited and then a
   * `BusOverflowError`. `'block'`: `publishSync` waits until there is room, and `publish`, which cannot wait, is an
   * error as above. `'drop-oldest'` and `'drop-newest'` lose a message and count it in `dropped`.
   */
  readonly overflow?: EventOverflow
  /** Ends the reading when it aborts: it rejects with the reason. */
  readonly signal?: AbortSignal
  /** Ends with this process, of the same system; what waits can still be read. */
  readonly owner?: SerializedRef
}

/** Events to read one after the other. Leaving the loop ends the subscription. */
export interface BusEvents<T = unknown> extends AsyncIterableIterator<BusEvent<T>> {
  /** How many wait to be read. */
  readonly size: number
  /** How many were lost, with `overflow: 'drop-oldest'` or `'drop-newest'`. */
  readonly dropped: number
  next(): Promise<IteratorResult<BusEvent<T>, undefined>>
  return(): Promise<IteratorResult<BusEvent<T>, undefined>>
  [Symbol.asyncIterator](): BusEvents<T>
  [Symbol.asyncDispose](): Promise<void>
}

/** What a bus has done since it started. */
export interface EventBusStats {
  readonly subscriptions: number
  /** Messages published, whether or not anybody wanted them. */
  readonly published: number
  /** Messages given to subscribers, each counted. */
  readonly delivered: number
  /** Subscribers that threw, rejected, or could not take a message. */
  readonly failed: number
  /** Messages that slow readers lost, as they had asked. */
  readonly dropped: number
}
