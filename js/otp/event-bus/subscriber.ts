import { AsyncResource } from 'node:async_hooks'
import { RUNNING } from '../../actor/process.ts'
import { ifRejected } from '../../internal/thenable.ts'
import { castTo } from '../gen-server/calls.ts'
import { MailboxFullError } from '../../actor/errors.ts'
import type { Server } from '../gen-server/process.ts'
import type { Entry } from './subscription-table.ts'
import type { BusEvent, EventHandler } from './types.ts'

/** A publisher who waits until everybody has taken its message. */
export interface Waiting {
  /** Makes it wait. Called when it waits no more; the returned function lets it go on. */
  hold(givenUp: () => void): () => void
}

/** What a subscriber needs of its bus. */
export interface Home {
  readonly id: string
  leave(subscriber: Subscriber): void
  failed(error: unknown, pattern: string): void
  dropped(): void
}

/** Why a subscription ended: by its own side, with its bus, or with the system. */
export type Ending = 'left' | 'bus' | 'system'

/** Somebody who wants the messages of a pattern. */
export abstract class Subscriber implements Entry {
  id = -1
  slot = -1
  /** Messages still come. */
  active = true
  readonly pattern: string
  protected readonly home: Home
  #releases: (() => void)[] | undefined

  constructor(home: Home, pattern: string) {
    this.home = home
    this.pattern = pattern
  }

  /** Takes a message. Never throws. */
  abstract take(message: unknown, topic: string, publisher: Waiting | undefined): void

  /** Run once when it ends. */
  releaseAtEnd(release: () => void): void {
    ;(this.#releases ??= []).push(release)
  }

  /** Ends it; idempotent. */
  end(ending: Ending = 'left'): void {
    if (!this.active) return
    this.active = false
    if (ending === 'left') this.home.leave(this)
    const releases = this.#releases
    this.#releases = undefined
    if (releases !== undefined) for (const release of releases) release()
    this.ended(ending)
  }

  protected ended(_ending: Ending): void {}
}

/** A function, run where it was subscribed: neither the publisher's context nor the bus's. */
export class HandlerSubscriber extends Subscriber {
  readonly #handler: EventHandler
  readonly #once: boolean
  readonly #scope = new AsyncResource('keelson.subscriber', { requireManualDestroy: true })

  constructor(home: Home, pattern: string, handler: EventHandler<never>, once: boolean) {
    super(home, pattern)
    this.#handler = handler as EventHandler
    this.#once = once
  }

  take(message: unknown, topic: string): void {
    if (this.#once) this.end()
    try {
      const result: unknown = this.#scope.runInAsyncScope(this.#handler, undefined, message, topic)
      // Nobody waits for it.
      ifRejected(result, (error) => this.home.failed(error, this.pattern))
    } catch (error) {
      this.home.failed(error, this.pattern)
    }
  }
}

/** A process: each message is cast to it, with its topic. */
export class ProcessSubscriber extends Subscriber {
  readonly #server: Server
  readonly #once: boolean

  constructor(home: Home, pattern: string, server: Server, once: boolean) {
    super(home, pattern)
    this.#server = server
    this.#once = once
  }

  take(message: unknown, topic: string): void {
    const server = this.#server
    if (server.status !== RUNNING) return
    if (this.#once) this.end()
    const event: BusEvent = { topic, message }
    if (!castTo(server, event))
      this.home.failed(new MailboxFullError(server.id, server.maxMailbox, server), this.pattern)
  }
}

/** One message for who waits for it. */
export class NextSubscriber extends Subscriber {
  readonly #resolve: (event: BusEvent<never>) => void
  readonly #whenBusEnds: () => void

  constructor(home: Home, pattern: string, resolve: (event: BusEvent<never>) => void, whenBusEnds: () => void) {
    super(home, pattern)
    this.#resolve = resolve
    this.#whenBusEnds = whenBusEnds
  }

  take(message: unknown, topic: string): void {
    this.end()
    this.#resolve({ topic, message: message as never })
  }

  protected override ended(ending: Ending): void {
    // A closed system forgets who waits, as its clock does.
    if (ending === 'bus') this.#whenBusEnds()
  }
}
