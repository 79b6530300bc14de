/** The kinds of subscribers of a bus: functions, processes, and single waits. Readers are in `events.ts`. */
import { AsyncResource } from 'node:async_hooks'

import { RUNNING } from '../../actor/process.ts'
import { ifRejected, promiseOf } from '../../internal/thenable.ts'
import type { HandlerTrace } from '../../actor/handler-trace.ts'
import { castTo } from '../gen-server/calls.ts'
import { MailboxFullError } from '../../actor/errors.ts'
import type { GenServerProcess } from '../gen-server/process.ts'
import type { TableEntry } from './subscription-table.ts'
import type { BusEvent, EventHandler } from './types.ts'

/** A publisher that waits until every subscriber has taken its message. */
export interface WaitingPublisher {
  /** Makes the publisher wait. `onGiveUp` is called when it waits no more; the returned function lets it go on. */
  hold(onGiveUp: () => void): () => void
}

/** A bus as its subscribers see it. */
export interface SubscriberHost {
  readonly id: string
  leave(subscriber: Subscriber): void
  failed(error: unknown, pattern: string): void
  /** Returns the trace of a handler that gets a message, if handlers are traced. */
  traceOf(message: unknown, topic: string, pattern: string): HandlerTrace | undefined
  dropped(): void
}

/** The cause of a subscription's end: its own side, its bus, or the system. */
export type EndCause = 'left' | 'bus' | 'system'

/** A subscription to a pattern. */
export abstract class Subscriber implements TableEntry {
  id = -1
  slot = -1
  /** True while messages are delivered. */
  active = true
  readonly pattern: string
  protected readonly host: SubscriberHost
  #releases: (() => void)[] | undefined

  constructor(host: SubscriberHost, pattern: string) {
    this.host = host
    this.pattern = pattern
  }

  /** Delivers a message. Never throws. */
  abstract take(message: unknown, topic: string, publisher: WaitingPublisher | undefined): void

  /** Runs a function once the subscription ends. */
  releaseAtEnd(release: () => void): void {
    ;(this.#releases ??= []).push(release)
  }

  /** Ends the subscription. Idempotent. */
  end(cause: EndCause = 'left'): void {
    if (!this.active) return
    this.active = false
    if (cause === 'left') this.host.leave(this)
    const releases = this.#releases
    this.#releases = undefined
    if (releases !== undefined) for (const release of releases) release()
    this.ended(cause)
  }

  protected ended(_ending: EndCause): void {}
}

/** Calls a function, in the asynchronous context in which it was subscribed. */
export class HandlerSubscriber extends Subscriber {
  readonly #handler: EventHandler
  readonly #once: boolean
  readonly #scope = new AsyncResource('keelson.subscriber', { requireManualDestroy: true })

  constructor(host: SubscriberHost, pattern: string, handler: EventHandler<never>, once: boolean) {
    super(host, pattern)
    this.#handler = handler as EventHandler
    this.#once = once
  }

  take(message: unknown, topic: string): void {
    if (this.#once) this.end()
    const trace = this.host.traceOf(message, topic, this.pattern)
    if (trace !== undefined) {
      this.#takeTraced(message, topic, trace)
      return
    }
    try {
      const result: unknown = this.#scope.runInAsyncScope(this.#handler, undefined, message, topic)
      // Nobody waits for an asynchronous handler, so its rejection is reported.
      ifRejected(result, (error) => this.host.failed(error, this.pattern))
    } catch (error) {
      this.host.failed(error, this.pattern)
    }
  }

  #takeTraced(message: unknown, topic: string, trace: HandlerTrace): void {
    const failed = (error: unknown): void => {
      trace.failed(error)
      this.host.failed(error, this.pattern)
    }
    this.#scope.runInAsyncScope(() =>
      trace.run(() => {
        try {
          return promiseOf(this.#handler(message, topic))?.then(undefined, failed)
        } catch (error) {
          failed(error)
          return undefined
        }
      }),
    )
  }
}

/** Casts each message to a process, with its topic. */
export class ProcessSubscriber extends Subscriber {
  readonly #server: GenServerProcess
  readonly #once: boolean

  constructor(host: SubscriberHost, pattern: string, server: GenServerProcess, once: boolean) {
    super(host, pattern)
    this.#server = server
    this.#once = once
  }

  take(message: unknown, topic: string): void {
    const server = this.#server
    if (server.status !== RUNNING) return
    if (this.#once) this.end()
    const event: BusEvent = { topic, message }
    if (!castTo(server, event))
      this.host.failed(new MailboxFullError(server.id, server.maxMailbox, server), this.pattern)
  }
}

/** Resolves a promise with the first message. */
export class NextSubscriber extends Subscriber {
  readonly #resolve: (event: BusEvent<never>) => void
  readonly #whenBusEnds: () => void

  constructor(
    host: SubscriberHost,
    pattern: string,
    resolve: (event: BusEvent<never>) => void,
    whenBusEnds: () => void,
  ) {
    super(host, pattern)
    this.#resolve = resolve
    this.#whenBusEnds = whenBusEnds
  }

  take(message: unknown, topic: string): void {
    this.end()
    this.#resolve({ topic, message: message as never })
  }

  protected override ended(cause: EndCause): void {
    // When a system closes, pending waits never settle, as those of its clock.
    if (cause === 'bus') this.#whenBusEnds()
  }
}
