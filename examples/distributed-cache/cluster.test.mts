import { createSystem, type System } from 'keelson'

import { connect } from './client.mjs'
import { type Cluster, startCluster } from './cluster.mjs'
import { History } from './history.mjs'
import { httpTransport } from './transport.mjs'

const NODES = 3
const KILLS = 3
const OPERATIONS = 100
/** A slow machine must not make operations fail. A killed node refuses connections at once. */
const PATIENT = { requestTimeoutMs: 10_000, operationTimeoutMs: 120_000 }

let system: System
let cluster: Cluster

beforeEach(async () => {
  system = createSystem({ crashReports: false })
  cluster = await startCluster({ nodes: NODES, system })
})
afterEach(async () => {
  await cluster.stop()
  await system.close()
})

const connected = () =>
  connect({ seeds: cluster.addresses(), nodes: NODES, transport: httpTransport(), system, ...PATIENT })

test('processes that are killed lose no acknowledged write', async () => {
  const history = new History()
  const caches = [await connected(), await connected()]
  let kills = 0
  const isDone = (): boolean => kills >= KILLS && history.operations >= OPERATIONS
  const client = async (name: string, cache: (typeof caches)[number]): Promise<void> => {
    for (let n = 0; !isDone(); n++) {
      const key = `key-${n % 5}`
      await history.run(key, 'write', `${name} ${n}`, () => cache.set(key, `${name} ${n}`))
      await history.run(key, 'read', undefined, () => cache.read(key))
    }
  }
  const chaos = async (): Promise<void> => {
    while (!isDone()) {
      if ((await cluster.killOne()) !== undefined) kills += 1
      await system.clock.sleep(20)
    }
  }
  await Promise.all([client('ann', caches[0]!), client('bob', caches[1]!), chaos()])
  expect([system.seed, history.faults()]).toEqual([system.seed, []])
  for (const cache of caches) await cache.close()
})

test('an operation is traced by its id in the journals of client and nodes', async () => {
  const cache = await connected()
  await cache.set('a', { deep: [1, 'ä'] })
  expect(await cache.get('a')).toEqual({ deep: [1, 'ä'] })
  const [done] = cache.audit({ type: 'set.done', key: 'a' })
  const trace = await cache.trace(done?.requestId ?? '')
  const stored = trace.filter(({ operation }) => operation.type === 'store').map(({ node }) => node)
  expect(new Set(stored).size).toBeGreaterThanOrEqual(2)
  await cache.close()
})
