// What a consumer's compiler has to accept of supervisors, and what it has to refuse.
import {
  type ChildInfo,
  type ChildSpec,
  type ChildTemplate,
  GenServer,
  type GenServerBehavior,
  type GenServerRef,
  isMaxRestartsExceededError,
  Supervisor,
  type SupervisorRef,
  type TerminateReason,
} from 'keelson/otp'

declare const counter: GenServerBehavior<number, 'get', 'add', number>
declare function args(): [string, number]

const supervisor: SupervisorRef = await Supervisor.start({
  strategy: 'rest_for_one',
  restartIntensity: { maxRestarts: 3, withinMs: 5000 },
  backoff: { initialMs: 10, maxMs: 1000 },
  children: [
    { id: 'a', restart: 'transient', shutdownTimeout: 'brutal_kill', start: () => GenServer.start(counter) },
    { id: 'b', start: () => Supervisor.start({ children: [] }), shutdownTimeout: Infinity },
    { id: 'c', start: async () => GenServer.start(counter) },
  ],
})
const children: readonly ChildInfo[] = Supervisor.getChildren(supervisor)
const first: ChildInfo | undefined = Supervisor.getChild(supervisor, 'a')
const ref: GenServerRef = await Supervisor.startChild(supervisor, { id: 'd', start: () => GenServer.start(counter) })
const reason: TerminateReason = await supervisor.terminated
await GenServer.monitor(ref, supervisor)
await Supervisor.start({
  strategy: 'simple_one_for_one',
  childTemplate: { start: (name: string, size: number) => GenServer.start(counter, { name: name + size }) },
})
await Supervisor.startChild(supervisor, ['name', 5])
// The arguments of a template's start function are those of `startChild`, and its result has the type of its ref.
const pool = await Supervisor.start({
  strategy: 'simple_one_for_one',
  childTemplate: {
    restart: 'transient',
    start: (name: string, size?: number) => GenServer.start(counter, { name: name + size }),
  },
})
const worker: GenServerRef<number, 'get', 'add', number> = await Supervisor.startChild(pool, ['name', 5])
void [worker, await Supervisor.startChild(pool, ['name']), await Supervisor.startChild(pool, args())]
// @ts-expect-error: the name is a text
void Supervisor.startChild(pool, [5, 5])
// @ts-expect-error: a name is needed
void Supervisor.startChild(pool, [])
// @ts-expect-error: there is no third argument
void Supervisor.startChild(pool, ['name', 5, 5])
// @ts-expect-error: a start function makes a process
void Supervisor.start({ strategy: 'simple_one_for_one', childTemplate: { start: () => 5 } })
const untyped: SupervisorRef = pool
const loose: GenServerRef = await Supervisor.startChild(untyped, [5, 'any', {}])
const silent = await Supervisor.start({
  strategy: 'simple_one_for_one',
  childTemplate: { start: (...list) => GenServer.start(counter, { name: `${list.length}` }) },
})
const template: ChildTemplate<[id: number]> = { start: (id) => GenServer.start(counter, { name: `${id}` }) }
const named = await Supervisor.start({ strategy: 'simple_one_for_one', childTemplate: template })
// @ts-expect-error: the id is a number
void Supervisor.startChild(named, ['id'])
void [loose, await Supervisor.startChild(silent, [1, 'two']), await Supervisor.startChild(named, [1])]
// What a child's start makes is what `startChild` gives.
const typed = await Supervisor.startChild(supervisor, { id: 'typed', start: () => GenServer.start(counter) })
const reply: number = await GenServer.call(typed, 'get')
const spec: ChildSpec<GenServerRef<number, 'get', 'add', number>> = {
  id: 'spec',
  start: () => GenServer.start(counter),
}
const bySpec: GenServerRef<number, 'get', 'add', number> = await Supervisor.startChild(supervisor, spec)
const below: SupervisorRef = await Supervisor.startChild(supervisor, { id: 'n', start: () => Supervisor.start() })
const plain: ChildSpec = spec
const anything: GenServerRef = await Supervisor.startChild(supervisor, plain)
const renewed = await Supervisor.restartChild<typeof typed>(supervisor, 'typed')
const info: ChildInfo<typeof typed> | undefined = Supervisor.getChild<typeof typed>(supervisor, 'typed')
const dynamic = await Supervisor.startChild<typeof typed>(supervisor, ['name', 5])
GenServer.cast(dynamic, 'add')
void [reply, bySpec, below, anything, await GenServer.call(renewed, 'get'), info?.ref]
const error: unknown = children
if (isMaxRestartsExceededError(error)) error.maxRestarts satisfies number
void [first, reason]

// @ts-expect-error: a supervisor takes no messages
void GenServer.call(supervisor, 'get')
// @ts-expect-error: a supervisor takes no messages
GenServer.cast(supervisor, 'add')
// @ts-expect-error: not a strategy
void Supervisor.start({ strategy: 'one_for_some' })
// @ts-expect-error: a start function makes a process
void Supervisor.startChild(supervisor, { id: 'e', start: () => 5 })
// @ts-expect-error: a child has an id
void Supervisor.startChild(supervisor, { start: () => GenServer.start(counter) })
// @ts-expect-error: the child understands something else
void GenServer.call(typed, 'set')

// Children have the types of their start functions, by id.
const family = await Supervisor.start({
  strategy: 'one_for_one',
  children: [
    { id: 'count', start: () => GenServer.start({ init: () => 0, handleCall: (_: 'get', n: number) => [n, n] }) },
    { id: 'inner', start: () => Supervisor.start(), restart: 'transient' },
  ],
})
const count: number | undefined = await (async () => {
  const child = Supervisor.getChild(family, 'count')
  return child && GenServer.call(child.ref, 'get')
})()
Supervisor.getChild(family, 'inner')?.ref.terminated satisfies Promise<unknown> | undefined
// Others may be added later.
Supervisor.getChild(family, 'later')?.ref.id satisfies string | undefined
await Supervisor.stop(family)
const anySupervisor: SupervisorRef = family
void [count, anySupervisor]
// @ts-expect-error: it is called 'count', and takes no such call
void GenServer.call((Supervisor.getChild(family, 'count') as NonNullable<typeof found>).ref, 'put')
const found = Supervisor.getChild(family, 'count')
