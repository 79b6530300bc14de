// What a consumer's compiler has to accept of supervisors of partitions, and what it has to refuse.
import {
  GenServer,
  type GenServerBehavior,
  type GenServerRef,
  type PartitionInfo,
  PartitionSupervisor,
  type PartitionSupervisorRef,
  Supervisor,
  type SupervisorRef,
} from 'keelson/otp'

declare const counter: GenServerBehavior<number, 'get', 'add', number>
type Counter = GenServerRef<number, 'get', 'add', number>

const counters: PartitionSupervisorRef<Counter> = await PartitionSupervisor.start({
  partitions: 4,
  name: 'counters',
  restart: 'transient',
  shutdownTimeout: 'brutal_kill',
  strategy: 'rest_for_one',
  restartIntensity: { maxRestarts: 5 },
  start: (partition: number) => GenServer.start(counter, { name: `counter ${partition}` }),
})
const one: Counter = PartitionSupervisor.of(counters, 'key')
const value: number = await GenServer.call(PartitionSupervisor.of(counters, 5), 'get')
const byName: Counter = PartitionSupervisor.of<Counter>('counters', 'key')
const all: readonly PartitionInfo<Counter>[] = PartitionSupervisor.whichChildren(counters)
const pools: PartitionSupervisorRef<SupervisorRef> = await PartitionSupervisor.start({
  start: () => Supervisor.start({ children: [] }),
})
await Supervisor.start({ children: [{ id: 'pools', start: () => PartitionSupervisor.start({ start: () => one }) }] })
const supervisor: SupervisorRef = counters
await PartitionSupervisor.stop(pools, 'shutdown')
void [value, byName, all, supervisor, PartitionSupervisor.partitions(counters).toFixed()]

// @ts-expect-error: what the partitions understand
void GenServer.call(PartitionSupervisor.of(counters, 'key'), 'set')
// @ts-expect-error: a key is a text or an integer
PartitionSupervisor.of(counters, { id: 5 })
// @ts-expect-error: partitions are of one number
void PartitionSupervisor.start({ strategy: 'simple_one_for_one', start: () => one })
// @ts-expect-error: a start function makes a process
void PartitionSupervisor.start({ start: () => 5 })
// @ts-expect-error: partitions have no id of their own
void PartitionSupervisor.start({ id: 'x', start: () => one })
