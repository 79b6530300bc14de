// What a consumer's compiler has to accept of registries, agents and tasks, and what it has to refuse.
import {
  Agent,
  type AgentRef,
  GenServer,
  type GenServerRef,
  type DispatchFn,
  Registry,
  type RegisterableRef,
  type RegistryEntry,
  type RegistryInstance,
  type RegistryKeyMode,
  type RegistryPredicate,
  Task,
  type TaskRef,
} from 'keelson/otp'

type Counter = GenServerRef<number, 'get', 'add', number>
declare const counter: Counter

Registry.register('counter', counter)
const found = Registry.lookup<number, 'get', 'add', number>('counter')
const count: number = await GenServer.call(found, 'get')
Registry.whereis<number, 'get'>('counter') satisfies GenServerRef<number, 'get'> | undefined
Registry.getNames() satisfies readonly string[]
// @ts-expect-error the type arguments say which messages it takes
await GenServer.call(found, 'set')
// @ts-expect-error a name stands for a process
Registry.register('counter', 5)

interface Seat {
  readonly row: number
}
const seats: RegistryInstance<Seat, Counter> = Registry.create<Seat, Counter>({ keys: 'duplicate' })
seats.register('a', counter, { row: 5 })
const entry: RegistryEntry<Seat, Counter> = seats.lookup('a')
GenServer.cast(entry.ref, 'add')
seats.updateMetadata('a', ({ row }) => ({ row: row + 1 }))
seats.match('*', ({ metadata: { row } }) => row > 2).map(({ key }) => key.length)
seats.dispatch('a', 'add')
seats.dispatch('a', 'add', (entries) => entries.map(({ metadata }) => metadata.row))
await GenServer.start({ init: () => 0, handleCall: () => [0, 0], handleCast: () => 0 }, { name: 'a', registry: seats })
const plain = Registry.create()
plain.register('a', counter)
plain.register('b', counter, 'anything')

// @ts-expect-error metadata is part of what this registry keeps
seats.register('a', counter)
// @ts-expect-error and has a type
seats.register('a', counter, { row: '5' })
// @ts-expect-error another ref takes other messages
seats.register('a', {} as GenServerRef<string, 'x', 'y'>, { row: 5 })
// @ts-expect-error no such mode
Registry.create({ keys: 'many' })
// @ts-expect-error metadata is changed through updateMetadata
entry.metadata.row = 6

const list: AgentRef<number[]> = await Agent.start(async () => [1, 2])
const length: number = await Agent.get(list, (items) => items.length)
const first: number | undefined = await Agent.getAndUpdate(list, ([head, ...rest]) => [head, rest])
await Agent.update(list, async (items) => [...items, 3], { timeout: 100 })
Agent.cast(list, (items) => items.slice(1)) satisfies boolean
await Agent.update(Registry.lookup('list'), (items) => [...items, 3])
;(await Agent.get(Registry.lookup('list'), (items) => Number(items.length))) satisfies number
Agent.cast(Registry.lookup('list'), (items) => items)
await Agent.stop(Registry.lookup('list'))
// @ts-expect-error the next state has the type of the state
await Agent.update(list, (items) => items.length)
// @ts-expect-error a process that is no agent
await Agent.get(counter, (state) => state)

const task: Task<number> = Task.async(async (signal) => (signal.aborted ? 0 : 1), { timeout: 100 })
const one: number = await Task.await(task, 100)
const [a, b]: [number, string] = await Task.awaitAll([task, Task.async(() => 'x')], { timeout: Infinity })
const maybe: PromiseSettledResult<number> | undefined = await Task.yield(task, 5)
const ref: TaskRef = await Task.start(() => undefined)
for await (const size of Task.asyncStream(['a', 'b'], async (item, _signal, index) => item.length + index)) {
  size satisfies number
}
for await (const result of Task.asyncStreamSettled(new Set([1]), (item) => item, { ordered: false })) {
  if (result.status === 'fulfilled') result.value satisfies number
}
// @ts-expect-error a task takes no messages
await GenServer.call(task.ref, 'get')
// @ts-expect-error a task is awaited through Task
await Task.await(ref)
// @ts-expect-error no such option
Task.asyncStream([], () => 1, { concurrency: 5 })

export { a, b, count, first, length, maybe, one }

'unique' satisfies RegistryKeyMode
counter satisfies RegisterableRef
const inFront: RegistryPredicate<Seat, Counter> = (key, { metadata }) => key !== '' && metadata.row < 3
seats.select(inFront)
const tell: DispatchFn<Seat, 'add', Counter> = (entries, message) =>
  entries.map((registered) => GenServer.cast(registered.ref, message))
seats.dispatch('a', 'add', tell)
