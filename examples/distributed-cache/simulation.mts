// Random programs: clients, nodes that are killed, and a bad network, all drawn from a seed and under one controlled clock.
import { createSystem, GenServer, Registry, retry, Supervisor, type System } from 'keelson'
import { createTestSystem } from 'keelson/testing'

import { connect } from './client.mjs'
import { History } from './history.mjs'
import { Network, type Port } from './network.mjs'
import { type CacheNode, startNode } from './node.mjs'
import { quorumOf } from './protocol.mjs'
import { MAX_TTL_MS, type ReplicaRef } from './replica.mjs'

const OPERATIONS = 20
/** The longest time of a program, which its operations need only if nothing works. */
const MOST_MS = 600_000

export interface Running {
  readonly node: CacheNode
  readonly port: Port
  readonly system: System
}

/** Nodes on a simulated network, of which a minority may be away at any time. */
export class SimulatedCluster {
  readonly network: Network
  readonly #system: System
  readonly running = new Map<string, Running>()
  readonly #systems: System[] = []
  /** Errors of nodes that had no caller. */
  readonly #errors: unknown[] = []
  readonly #incarnations = new Map<string, number>()
  readonly names: readonly string[]
  kills = 0
  crashes = 0

  constructor(system: System, size: number, network: Network) {
    this.#system = system
    this.network = network
    this.names = Array.from({ length: size }, (_, n) => `node-${n + 1}`)
  }

  get addresses(): string[] {
    return Array.from(this.running.values(), ({ node }) => node.address)
  }

  async start(name: string, isNew: boolean): Promise<void> {
    const { clock, random } = this.#system
    const onError = (error: unknown): void => void this.#errors.push(error)
    const system = createSystem({ clock, seed: random.int(2 ** 32), crashReports: false, onError })
    this.#systems.push(system)
    const incarnation = (this.#incarnations.get(name) ?? 0) + 100
    this.#incarnations.set(name, incarnation)
    const [port, nodes, seeds] = [this.network.port(), this.names.length, this.addresses]
    const node = await startNode({ name, nodes, incarnation, isNew, seeds, transport: port, system })
    this.running.set(name, { node, port, system })
  }

  /** Returns the nodes that answer reads and writes. */
  async #ready(): Promise<string[]> {
    const ready: string[] = []
    for (const [name, { system }] of this.running) {
      const ref = Registry.whereis('replica', system) as ReplicaRef | undefined
      if (ref === undefined) continue
      const look = await GenServer.call(ref, { type: 'look' }).catch(() => undefined)
      if (look?.isReady === true) ready.push(name)
    }
    return ready
  }

  /** Ends a node at once: it forgets everything. */
  kill(name: string): void {
    const { node, port } = this.running.get(name) as Running
    this.running.delete(name)
    port.kill()
    void Supervisor.stop(node.supervisor)
  }

  /** Ends or crashes a random node, unless too few would be left. */
  async disturb(): Promise<void> {
    const { random } = this.#system
    const ready = await this.#ready()
    if (ready.length <= quorumOf(this.names.length)) return
    const name = random.pick(ready)
    const { system } = this.running.get(name) as Running
    if (random.next() < 0.3) {
      this.crashes += 1
      await GenServer.stop(Registry.lookup('replica', system) as ReplicaRef, { error: new Error('chaos') })
      return
    }
    this.kills += 1
    this.kill(name)
    await this.#system.clock.sleep(random.int(1000))
    await this.start(name, false)
  }

  /** Rejects with the first error of a node that had no caller. */
  async close(): Promise<void> {
    for (const { port } of this.running.values()) port.kill()
    for (const system of this.#systems) await system.close()
    if (this.#errors.length > 0) throw this.#errors[0]
  }
}

export interface Outcome {
  readonly faults: string[]
  readonly operations: number
  readonly unknown: number
  readonly kills: number
  readonly crashes: number
  readonly repairs: number
  readonly lost: number
  readonly repeated: number
}

/** Runs clients, chaos and a bad network, all drawn from a seed. */
export async function runProgram(seed: number): Promise<Outcome> {
  const system = createTestSystem({ seed })
  const { clock, random } = system
  const [loss, repeat, slow] = [random.pick([0, 0.02, 0.1]), random.pick([0, 0.1]), random.pick([0, 0.1, 0.3])]
  const [keys, pauseMs, chaosMs] = [random.pick([1, 6]), random.pick([10, 100]), random.pick([300, 3000, 60_000])]
  const network = new Network(system, { loss, repeat, slow, delayMs: 5 })
  const cluster = new SimulatedCluster(system, random.pick([3, 5]), network)
  for (const name of cluster.names) await cluster.start(name, true)
  const history = new History()
  const progress = { isOver: false, isDone: false }
  let repairs = 0

  const client = async (name: string): Promise<void> => {
    const transport = network.port()
    const cache = await retry({ system, maxAttempts: 10 }).execute(() =>
      connect({
        seeds: cluster.addresses,
        nodes: cluster.names.length,
        transport,
        system,
        requestTimeoutMs: 500,
        operationTimeoutMs: 3000,
      }),
    )
    for (let n = 0; n < OPERATIONS; n++) {
      await clock.sleep(random.int(pauseMs))
      const key = `key-${random.int(keys)}`
      const value = `${name} ${n}`
      if (random.next() < 0.5) await history.run(key, 'read', undefined, () => cache.read(key))
      else await history.run(key, 'write', value, () => cache.set(key, value, MAX_TTL_MS))
    }
    repairs += cache.stats().repairs
    await cache.close()
  }
  const chaos = async (clients: Promise<unknown>): Promise<void> => {
    while (!progress.isOver) {
      await Promise.race([clock.sleep(random.int(chaosMs)), clients])
      if (!progress.isOver) await cluster.disturb()
    }
  }
  const names = ['ann', 'bob', 'eve'].slice(0, 2 + random.int(2))
  const clients = Promise.all(names.map(client)).finally(() => (progress.isOver = true))
  const all = Promise.all([clients, chaos(clients)])
  void all.catch(() => {}).then(() => (progress.isDone = true))
  while (!progress.isDone && clock.monoMs() < MOST_MS) await clock.advance(100)
  if (!progress.isDone) throw new Error(`seed ${seed} did not end: ${clock.sleepers().length} waits are left`)
  await all
  await cluster.close()
  await system.close()
  const { kills, crashes } = cluster
  const { lost, repeated } = network.counts
  const { operations, unknown } = history
  return { faults: history.faults(), operations, unknown, kills, crashes, repairs, lost, repeated }
}
