// What a consumer's compiler has to accept of event buses, and what it has to refuse.
import {
  type BusEvent,
  type BusEvents,
  type BusSubscription,
  EventBus,
  type EventBusRef,
  GenServer,
  type GenServerRef,
  Registry,
  Supervisor,
} from 'keelson/otp'

const bus: EventBusRef = await EventBus.start({ name: 'events', maxMailbox: 100, overflow: 'drop-oldest' })

interface User {
  readonly id: string
}
const leave: BusSubscription = await EventBus.subscribe<User>(bus, 'user.*', ({ id }, topic) => id + topic.length)
await leave()
leave.pattern satisfies string
// As those write it who know the earlier library.
const unsubscribe: () => Promise<void> = await EventBus.subscribe(bus, 'user.*', (message, topic) => {
  JSON.stringify(message)
  topic satisfies string
})
await unsubscribe()
await EventBus.subscribe(bus, '#', async (message: User) => message.id, { once: true })
await EventBus.once<User>(bus, '#', ({ id }) => id, { signal: new AbortController().signal })
EventBus.publish(bus, 'user.created', { id: '5' }) satisfies boolean
EventBus.publish<User>(bus, 'user.created', { id: '5' })
await EventBus.publishSync(bus, 'user.created', { id: '5' }, { timeout: 10 })
const { message, topic }: BusEvent<User> = await EventBus.next<User>(bus, 'user.*', { timeout: 5 })
;[message.id, topic] satisfies string[]
for await (const event of EventBus.events<User>(bus, 'user.*', { overflow: 'block' })) event.message.id satisfies string
EventBus.events<User>(bus, 'user.*') satisfies BusEvents<User>

declare const listener: GenServerRef<number, 'get', BusEvent<User> | 'other', number>
declare const deaf: GenServerRef<number, 'get', 'add', number>
await EventBus.subscribe(bus, 'user.*', listener, { once: true })
// @ts-expect-error a process that takes no events
await EventBus.subscribe(bus, 'user.*', deaf)

// A bus is a process.
await GenServer.stop(bus)
Registry.register('events', bus)
await Supervisor.start({ children: [{ id: 'bus', start: () => EventBus.start() }] })
const found: EventBusRef = Registry.lookup('events')
EventBus.isRunning(found) satisfies boolean

// @ts-expect-error a topic is a string
EventBus.publish(bus, 5, 'message')
// @ts-expect-error the type argument says what the message is
EventBus.publish<User>(bus, 'user.created', 5)
// @ts-expect-error no such overflow
EventBus.events(bus, 'a', { overflow: 'wait' })
// @ts-expect-error no such option
await EventBus.subscribe(bus, 'a', () => undefined, { twice: true })
// @ts-expect-error a bus takes no messages of one's own
GenServer.cast(bus, 'message')
// @ts-expect-error another process is no bus
EventBus.publish(deaf, 'a', 5)

// A bus with typed topics.
interface Topics {
  'user.created': User
  'order.paid': { readonly total: number }
}
const typed: EventBusRef<Topics> = await EventBus.start<Topics>()
EventBus.publish(typed, 'user.created', { id: '5' }) satisfies boolean
await EventBus.publishSync(typed, 'order.paid', { total: 5 })
await EventBus.subscribe(typed, 'user.created', ({ id }) => id satisfies string)
await EventBus.once(typed, 'order.paid', ({ total }, where) => [total satisfies number, where satisfies string])
await EventBus.subscribe(typed, 'user.*', (any) => ('id' in any ? any.id : any.total) satisfies string | number)
;(await EventBus.next(typed, 'order.paid')).message.total satisfies number
for await (const event of EventBus.events(typed, 'user.created')) event.message.id satisfies string
await EventBus.subscribe(typed, 'user.created', listener)
await EventBus.getStats(typed)
await EventBus.stop(typed)
const anyBus = (ref: EventBusRef<any>): boolean => EventBus.isRunning(ref) // oxlint-disable-line typescript/no-explicit-any -- of any topics
anyBus(typed)
anyBus(bus)
// @ts-expect-error no such topic
EventBus.publish(typed, 'user.removed', { id: '5' })
// @ts-expect-error not the message of this topic
EventBus.publish(typed, 'user.created', { total: 5 })
// @ts-expect-error no such topic, and no wildcard
await EventBus.subscribe(typed, 'user.removed', () => undefined)
// @ts-expect-error not the message of this topic
await EventBus.subscribe(typed, 'user.created', ({ total }) => total)
