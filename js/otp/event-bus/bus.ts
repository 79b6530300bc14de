import type { Call } from '../../actor/call.ts'
import { RUNNING } from '../../actor/process.ts'
import { runtimeOf } from '../../actor/system-runtime.ts'
import type { ActorRuntime } from '../../actor/runtime.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { keepOptimized } from '../../internal/keep-optimized.ts'
import type { System } from '../../system/system.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { serviceOf } from '../gen-server/ref.ts'
import { NoReply } from '../gen-server/callback-results.ts'
import type { Server } from '../gen-server/process.ts'
import type { CallResult, From, GenServerBehavior } from '../gen-server/types.ts'
import { brief } from './errors.ts'
import type { Ending, Home, Subscriber, Waiting } from './subscriber.ts'
import { Table } from './subscription-table.ts'
import type { EventBusRef, EventBusStats } from './types.ts'

/** A message on its way, and who wanted its topic when it was published. */
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

/** Whoever called `publishSync`, as long as somebody has no room for the message. */
class Publisher implements Waiting {
  readonly #answer: () => void
  readonly #givenUp: (() => void)[] = []
  #holds = 0
  #isTold = false

  constructor(answer: () => void) {
    this.#answer = answer
  }

  hold(givenUp: () => void): () => void {
    this.#holds++
    this.#givenUp.push(givenUp)
    return () => {
      this.#holds--
      if (this.#holds === 0 && this.#isTold) this.#answer()
    }
  }

  /** Everybody was told. Whether nobody holds it. */
  told(): boolean {
    this.#isTold = true
    return this.#holds === 0
  }

  giveUp(): void {
    for (const givenUp of this.#givenUp) givenUp()
  }
}

/** The buses of a system that have not ended. */
const buses = new WeakMap<System, Set<Bus>>()

function enlist(system: System, bus: Bus): Set<Bus> {
  let all = buses.get(system)
  if (all === undefined) {
    const own = (all = new Set())
    buses.set(system, own)
    system.own({
      close: () => {
        for (const open of own) open.close('system')
      },
    })
  }
  all.add(bus)
  return all
}

const foreign = (message: unknown): InvalidArgumentError =>
  new InvalidArgumentError('ref', 'a GenServerRef: a bus takes messages through EventBus.publish', message)

/** What a bus does as a process: it hands each message to those who wanted it when it was published. */
export class Bus implements GenServerBehavior<null>, Home {
  readonly table: Table<Subscriber> = new Table()
  published = 0
  #delivered = 0
  #failed = 0
  #dropped = 0
  #server: Server | undefined
  #runtime: ActorRuntime | undefined
  #isClosed = false

  readonly init: () => null = () => null

  get id(): string {
    return this.process.id
  }

  get process(): Server {
    return this.#server as Server
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

  /** Its process: from here on it ends with that, or with the system. */
  attach(server: Server): void {
    if (this.#server !== undefined) return
    this.#server = server
    this.#runtime = runtimeOf(server.system)
    const all = enlist(server.system, this)
    server.whenEnded(() => {
      all.delete(this)
      this.close('bus')
    })
  }

  handleCast(delivery: unknown): null {
    if (delivery instanceof Delivery) this.#deliver(delivery, undefined)
    else this.process.system.report(foreign(delivery), `a cast to the bus ${this.id}`)
    return null
  }

  handleCall(delivery: unknown, _state: null, from: From): CallResult<undefined, null> | NoReply<null> {
    if (!(delivery instanceof Delivery)) throw foreign(delivery)
    const [call, server] = [from as Call, this.process]
    const publisher = new Publisher(() => server.reply(call, undefined))
    this.#deliver(delivery, publisher)
    if (publisher.told()) return [undefined, null]
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

  dropped(): void {
    this.#dropped++
  }

  close(ending: Ending): void {
    if (this.#isClosed) return
    this.#isClosed = true
    const subscribers = [...this.table.entries]
    this.table.close()
    for (const subscriber of subscribers) subscriber.end(ending)
  }

  #deliver({ topic, message, to }: Delivery, publisher: Publisher | undefined): void {
    // What subscribers call is called by them: the bus waits for none of them.
    ;(this.#runtime as ActorRuntime).current = undefined
    for (const subscriber of to) {
      // One that has ended since the message was published gets it no more.
      if (!subscriber.active) continue
      this.#delivered++
      subscriber.take(message, topic, publisher)
    }
  }
}

/** The bus of a ref. */
export function busOf(ref: EventBusRef): Bus {
  const server = serviceOf(Bus, 'an EventBus', ref)
  server.behavior.attach(server)
  return server.behavior
}

/** The same, of one that takes messages and subscribers. */
export function runningBusOf(ref: EventBusRef): Bus {
  const bus = busOf(ref)
  if (!bus.isRunning) throw new ServerNotRunningError(bus.id, bus.process)
  return bus
}
