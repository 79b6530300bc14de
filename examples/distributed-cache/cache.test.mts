import { type CacheRef, GenServer, Registry } from 'keelson'
import { createTestSystem, type TestSystem } from 'keelson/testing'

import { type ClientOptions, connect, type DistributedCache } from './client.mjs'
import { Network } from './network.mjs'
import type { Entry, Message } from './protocol.mjs'
import { MAX_TTL_MS, type ReplicaRef } from './replica.mjs'
import { type Running, SimulatedCluster } from './simulation.mjs'

const NODES = 3

let system: TestSystem
let network: Network
let cluster: SimulatedCluster
let cache: DistributedCache

const connectTo = (options: Partial<ClientOptions> = {}): Promise<DistributedCache> =>
  connect({ seeds: cluster.addresses, nodes: NODES, transport: network.port(), system, ...options })

const runningOf = (name: string): Running => cluster.running.get(name) as Running
const addressOf = (name: string): string => runningOf(name).node.address
const storeOf = (name: string) => (Registry.lookup('store', runningOf(name).system) as CacheRef<Entry, string>).handle
const replicaOf = (name: string) => Registry.lookup('replica', runningOf(name).system) as ReplicaRef

const never = new Promise<never>(() => {})
/** Loses the messages of these types to these nodes. */
const lose = (types: readonly Message['type'][], ...names: string[]): void => {
  const addresses = new Set(names.map(addressOf))
  network.hold = (address, { type }) => (addresses.has(address) && types.includes(type) ? never : undefined)
}

/** Lets messages on their way arrive. They take no time, only turns of the event loop. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await system.clock.flush()
}

beforeEach(async () => {
  system = createTestSystem()
  network = new Network(system, { loss: 0, repeat: 0, slow: 0, delayMs: 0 })
  cluster = new SimulatedCluster(system, NODES, network)
  for (const name of cluster.names) await cluster.start(name, true)
  await system.clock.advance(2000)
  cache = await connectTo()
})
afterEach(async () => {
  await cache.close()
  await cluster.close()
  await system.close()
})

describe('values', () => {
  test('a value that was set is on a quorum of nodes, and any client reads it', async () => {
    await cache.set('a', { deep: [1, 2] })
    expect(await (await connectTo()).get('a')).toEqual({ deep: [1, 2] })
    await settle()
    expect(cluster.names.filter((name) => storeOf(name).has('a'))).toEqual(['node-1', 'node-2', 'node-3'])
  })

  test('a value expires at the exact millisecond', async () => {
    await cache.set('a', 1, 1000)
    await system.clock.advance(999)
    expect(await cache.get('a')).toBe(1)
    await system.clock.advance(1)
    expect(await cache.get('a')).toBeUndefined()
  })

  test('a deleted value is gone, and a later write wins over the deletion', async () => {
    await cache.set('a', 1)
    await cache.delete('a')
    expect(await cache.get('a')).toBeUndefined()
    await cache.set('a', 2)
    expect(await cache.get('a')).toBe(2)
  })

  test('a value that was overwritten does not come back when the later one expires', async () => {
    await cache.set('a', 'old', MAX_TTL_MS)
    lose(['store'], 'node-3')
    await cache.set('a', 'new', 10)
    await system.clock.advance(1000)
    network.hold = undefined
    lose(['read'], 'node-1')
    expect(await cache.get('a')).toBeUndefined()
  })

  test('nodes keep an entry until no older one can be left', async () => {
    await cache.set('a', 1, 1000)
    await settle()
    expect(cluster.names.map((name) => storeOf(name).ttl('a'))).toEqual(Array(NODES).fill(1000 + MAX_TTL_MS))
  })
})

describe('quorums', () => {
  test('a read repairs a node that missed a write', async () => {
    lose(['store'], 'node-3')
    await cache.set('a', 1)
    lose(['read'], 'node-1')
    expect(storeOf('node-3').peek('a')).toBeUndefined()
    expect(await cache.get('a')).toBe(1)
    await settle()
    expect(storeOf('node-3').peek('a')?.value).toBe(1)
    expect(cache.stats().repairs).toBe(1)
  })

  test('once a read has seen a value, no later read sees an older one', async () => {
    await cache.set('a', 'old')
    await settle()
    lose(['store'], 'node-2', 'node-3')
    const set = cache.set('a', 'new').catch(() => {})
    await settle()
    // The write is on node-1 alone. A first read sees it there, a second one asks the other two.
    lose(['read'], 'node-3')
    expect(await cache.get('a')).toBe('new')
    lose(['read'], 'node-1')
    expect(await cache.get('a')).toBe('new')
    network.hold = undefined
    await system.clock.advance(10_000)
    await set
  })

  test('reads and writes go on while a minority of the nodes is away', async () => {
    await cache.set('a', 1)
    cluster.kill('node-2')
    expect(await cache.get('a')).toBe(1)
    await cache.set('a', 2)
    expect(await cache.get('a')).toBe(2)
  })

  test('without a quorum an operation fails in its time', async () => {
    cluster.kill('node-2')
    cluster.kill('node-3')
    const refused = cache.set('a', 1).catch((error: { _tag?: string; code?: string }) => error._tag ?? error.code)
    await system.clock.advance(5000)
    expect(['NoQuorum', 'KEELSON_TIMEOUT']).toContain(await refused)
    expect(cache.stats().failures).toBe(1)
  })

  test('a write does not count on a node that has forgotten it', async () => {
    let release = (): void => {}
    const released = new Promise<void>((resolve) => (release = resolve))
    const [second, third] = [addressOf('node-2'), addressOf('node-3')]
    network.hold = (address, { type }) => {
      if (type !== 'store') return undefined
      return address === second ? released : address === third ? never : undefined
    }
    let isAcknowledged = false
    const set = cache.set('a', 1).then(() => (isAcknowledged = true))
    await settle()
    // node-1 has the value, and says so. Then it forgets it, and copies from the others, which do not have it yet.
    cluster.kill('node-1')
    await cluster.start('node-1', false)
    await system.clock.advance(900)
    expect(await GenServer.call(replicaOf('node-1'), { type: 'look' })).toMatchObject({ isReady: true, size: 0 })
    release()
    await settle()
    expect(isAcknowledged).toBe(false)
    network.hold = undefined
    await system.clock.advance(3000)
    await set
    expect(await cache.get('a')).toBe(1)
  })
})

describe('nodes', () => {
  test('a node that starts again copies what it forgot before it answers', async () => {
    await cache.set('a', 1)
    await settle()
    cluster.kill('node-1')
    lose(['copy'], 'node-2')
    await cluster.start('node-1', false)
    await system.clock.advance(500)
    const read = GenServer.call(replicaOf('node-1'), { type: 'read', key: 'a' })
    expect(await read.catch((error: Error) => error.message)).toContain('not ready')
    network.hold = undefined
    await system.clock.advance(2000)
    expect(storeOf('node-1').peek('a')?.value).toBe(1)
  })

  test('a process that crashes in a node starts anew, empty, and copies too', async () => {
    await cache.set('a', 1)
    await settle()
    const before = await GenServer.call(replicaOf('node-1'), { type: 'look' })
    await GenServer.stop(replicaOf('node-1'), { error: new Error('crash') })
    await system.clock.advance(2000)
    const after = await GenServer.call(replicaOf('node-1'), { type: 'look' })
    expect(after).toMatchObject({ isReady: true, size: 1, incarnation: before.incarnation + 1 })
  })

  test('gossip tells a client of one node about all others, and of their new addresses', async () => {
    const other = await connectTo({ seeds: [addressOf('node-1')] })
    expect(other.nodes().map(({ member }) => member.name)).toEqual(['node-1', 'node-2', 'node-3'])
    cluster.kill('node-2')
    await cluster.start('node-2', false)
    await system.clock.advance(5000)
    const found = other.nodes().find(({ member }) => member.name === 'node-2')
    expect(found?.member.address).toBe(addressOf('node-2'))
    await other.close()
  })

  test('health checks find nodes that went and came back', async () => {
    await system.clock.advance(2000)
    expect(cache.stats().healthy).toBe(3)
    cluster.kill('node-2')
    await system.clock.advance(5000)
    expect(cache.stats().healthy).toBe(2)
    await cluster.start('node-2', false)
    await system.clock.advance(5000)
    expect(cache.stats().healthy).toBe(3)
  })

  test('the circuit breaker spares a node that does not answer', async () => {
    lose(['read', 'store', 'ping'], 'node-3')
    for (let n = 0; n < 5; n++) await cache.set(`key-${n}`, n)
    await system.clock.advance(1000)
    const { sent } = network.counts
    await cache.get('key-0')
    // Two nodes are asked and answer.
    expect(network.counts.sent - sent).toBe(4)
  })
})

describe('around', () => {
  test('the audit trail has each operation, and can be filtered', async () => {
    await cache.set('a', 1)
    await cache.get('a')
    await cache.get('b')
    const types = cache.audit({ key: 'a' }).map(({ type }) => type)
    expect(types).toEqual(['set.started', 'set.done', 'get.started', 'get.done'])
    expect(cache.stats()).toMatchObject({ hits: 1, misses: 1, hitRate: 0.5 })
  })

  test('the id of an operation goes with its messages', async () => {
    await cache.set('a', 1)
    await settle()
    const [{ requestId = '' } = {}] = cache.audit({ type: 'set.done' })
    const trace = await cache.trace(requestId)
    const ofFirst = trace.flatMap(({ node, operation: { type, key } }) => (node === 'node-1' ? [`${type} ${key}`] : []))
    expect(ofFirst).toEqual(['read a', 'store a'])
  })

  test('a near cache serves repeated reads, and many at once cause one', async () => {
    const near = await connectTo({ nearTtlMs: 100 })
    await near.set('a', 1)
    const values = await Promise.all(Array.from({ length: 100 }, () => near.get('a')))
    expect(new Set(values)).toEqual(new Set([1]))
    expect(near.stats().hits).toBe(1)
    await cache.set('a', 2)
    expect(await near.get('a')).toBe(1)
    await system.clock.advance(100)
    expect(await near.get('a')).toBe(2)
    await near.close()
  })

  test('a time to live out of range is refused', async () => {
    const refused = await cache.set('a', 1, 0).catch((error: Error) => error.message)
    expect(refused).toContain('ttlMs')
  })
})
