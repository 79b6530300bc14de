import type { Call } from '../../actor/call.ts'
import { RUNNING } from '../../actor/process.ts'
import { runtimeOf } from '../../actor/system-runtime.ts'
import { handles, HandlerTrace } from '../../actor/handler-trace.ts'
import type { ProcessRuntime } from '../../actor/runtime.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { offerTable } from '../../tables/offers.ts'
import { keepOptimized } from '../../internal/keep-optimized.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { serviceOf } from '../gen-server/ref.ts'
import { NoReply } from '../gen-server/callback-results.ts'
import type { GenServerProcess } from '../gen-server/process.ts'
import { servicesOf } from '../gen-server/services.ts'
import { SystemMembers } from '../gen-server/system-members.ts'
import type { CallResult, From, GenServerBehavior } from '../gen-server/types.ts'
import { brief } from './errors.ts'
import type { EndCause, SubscriberHost, Subscriber, WaitingPublisher } from './subscriber.ts'
import { SubscriptionTable } from './subscription-table.ts'
import type { AnyBusRef, EventBusStats } from './types.ts'

/** A message on its way, and the subscribers that matched its topic when it was published. */
export class Delivery {
  readonly topic: string
  readonly message: unknown
  readonly to: readonly Subscriber[]

  constructor(topic: string, message: unknown, to: readonly Subscriber[]) {
    this.topic = topic
    this.message = message
    this.to = to
  }
}
keepOptimized(new Delivery('', undefined, []))

/** A call of `publishSync` that replies once every subscriber has room for the message. */
class PendingPublish implements WaitingPublisher {
  readonly #answer: () => void
  readonly #giveUpListeners: (() => void)[] = []
  #holds = 0
  #isDelivered = false

  constructor(answer: () => void) {
    this.#answer = answer
  }

  hold(onGiveUp: () => void): () => void {
    this.#holds++
    this.#giveUpListeners.push(onGiveUp)
    return () => {
      this.#holds--
      if (this.#holds === 0 && this.#isDelivered) this.#answer()
    }
  }

  /** Marks the message as delivered. Returns whether no subscriber holds the reply back. */
  delivered(): boolean {
    this.#isDelivered = true
    return this.#holds === 0
  }

  giveUp(): void {
    for (const onGiveUp of this.#giveUpListeners) onGiveUp()
  }
}

const buses = new SystemMembers<Bus>((bus) => bus.close('system'))

const notForMessages = (message: unknown): InvalidArgumentError =>
  new InvalidArgumentError('ref', 'a GenServerRef: a bus takes messages through EventBus.publish', message)

/** The behaviour of a bus: it hands each message to the subscribers that matched its topic when it was published. */
export class Bus implements GenServerBehavior<null>, SubscriberHost {
  readonly table: SubscriptionTable<Subscriber> = new SubscriptionTable()
  published = 0
  #delivered = 0
  #failed = 0
  #dropped = 0
  #server: GenServerProcess | undefined
  #runtime: ProcessRuntime | undefined
  #isClosed = false

  readonly init: () => null = () => null

  get id(): string {
    return this.process.id
  }

  get process(): GenServerProcess {
    return this.#server as GenServerProcess
  }

  get isRunning(): boolean {
    return !this.#isClosed && this.process.status === RUNNING
  }

  get stats(): EventBusStats {
    return {
      subscriptions: this.table.entries.size,
      published: this.published,
      delivered: this.#delivered,
      failed: this.#failed,
      dropped: this.#dropped,
    }
  }

  /** Sets the process of the bus. From now on the bus ends with it, or with the system. */
  attach(server: GenServerProcess): void {
    if (this.#server !== undefined) return
    this.#server = server
    server.isCarrier = true
    this.#runtime = runtimeOf(server.system)
    const removeFromSystem = buses.add(server.system, this)
    server.whenEnded(() => {
      removeFromSystem()
      this.close('bus')
    })
  }

  handleCast(delivery: unknown): null {
    if (delivery instanceof Delivery) this.#deliver(delivery, undefined)
    else this.process.system.report(notForMessages(delivery), `a cast to the bus ${this.id}`)
    return null
  }

  handleCall(delivery: unknown, _state: null, from: From): CallResult<undefined, null> | NoReply<null> {
    if (!(delivery instanceof Delivery)) throw notForMessages(delivery)
    const [call, server] = [from as Call, this.process]
    const publisher = new PendingPublish(() => server.reply(call, undefined))
    this.#deliver(delivery, publisher)
    if (publisher.delivered()) return [undefined, null]
    const settled = call.whenSettled
    call.whenSettled = () => {
      settled?.()
      server.deferred?.delete(call)
      publisher.giveUp()
    }
    return new NoReply(null)
  }

  add(subscriber: Subscriber): void {
    if (!this.isRunning) throw new ServerNotRunningError(this.id, this.process)
    this.table.add(subscriber)
  }

  leave(subscriber: Subscriber): void {
    this.table.remove(subscriber)
  }

  failed(error: unknown, pattern: string): void {
    this.#failed++
    this.process.system.report(error, `a subscriber of ${brief(pattern)} on the bus ${this.id}`)
  }

  traceOf(message: unknown, topic: string, pattern: string): HandlerTrace | undefined {
    const { isTraced, tracer } = this.#runtime as ProcessRuntime
    if (!isTraced) return undefined
    const { id, ref, name } = this.process
    const context = handles.hasSubscribers
      ? ({ ref, name, kind: 'event', message, topic, pattern } as const)
      : undefined
    const target = { id, className: 'EventBus', publicName: name, topic, pattern }
    return new HandlerTrace(context, tracer?.handler(target, 'event', message, tracer.capture()))
  }

  dropped(): void {
    this.#dropped++
  }

  close(cause: EndCause): void {
    if (this.#isClosed) return
    this.#isClosed = true
    const subscribers = [...this.table.entries]
    this.table.close()
    for (const subscriber of subscribers) subscriber.end(cause)
  }

  #deliver({ topic, message, to }: Delivery, publisher: PendingPublish | undefined): void {
    // Calls of subscribers are not calls of the bus, because the bus waits for none of them.
    ;(this.#runtime as ProcessRuntime).leaveHandler()
    for (const subscriber of to) {
      // A subscription that ended after the message was published does not get it.
      if (!subscriber.active) continue
      this.#delivered++
      subscriber.take(message, topic, publisher)
    }
  }
}

offerTable('bus', (system) => servicesOf(system, Bus), {
  name: ({ publicName, id }) => publicName ?? id,
  subscriptions: ({ behavior }) => behavior.stats.subscriptions,
  published: ({ behavior }) => behavior.stats.published,
  delivered: ({ behavior }) => behavior.stats.delivered,
  dropped: ({ behavior }) => behavior.stats.dropped,
})

/** Returns the bus of a ref. */
export function busOf(ref: AnyBusRef): Bus {
  const server = serviceOf(Bus, 'an EventBus', ref)
  server.behavior.attach(server)
  return server.behavior
}

/**
 * Returns the bus of a ref that takes messages and subscribers.
 *
 * @throws ServerNotRunningError when it does not run.
 */
export function runningBusOf(ref: AnyBusRef): Bus {
  const bus = busOf(ref)
  if (!bus.isRunning) throw new ServerNotRunningError(bus.id, bus.process)
  return bus
}
