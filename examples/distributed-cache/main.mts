// A cache on several processes, of which some are killed all the time, while clients check every value.
//
//   npm run example -- distributed-cache                        five nodes, ten seconds
//   npm run example -- distributed-cache --nodes 3 --calm       without kills
//   npm run example -- distributed-cache --audit ./audit        keeps the life of all processes in a journal
import { createSystem, openJournal, Supervisor, type System } from 'keelson'

import { numberOf, options, portOf } from '../lib/options.mjs'
import { program, Refusal, stopSignal } from '../lib/program.mjs'
import { connect, type DistributedCache } from './client.mjs'
import { type Cluster, startCluster } from './cluster.mjs'
import { History } from './history.mjs'
import { startTicker } from './ticker.mjs'
import { httpTransport } from './transport.mjs'

const CLIENTS = 3
const KEYS = 50
const CHAOS_MS = 1000

const flags = {
  nodes: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '10' },
  port: { type: 'string', default: '0' },
  seed: { type: 'string' },
  calm: { type: 'boolean', default: false },
  audit: { type: 'string' },
} as const

/** Reads and writes random keys until the signal aborts. */
async function work(name: string, cache: DistributedCache, history: History, system: System, signal: AbortSignal) {
  const { random } = system
  for (let n = 0; !signal.aborted; n++) {
    const key = `key-${random.int(KEYS)}`
    const value = `${name} ${n}`
    if (random.next() < 0.7) await history.run(key, 'read', undefined, () => cache.read(key))
    else await history.run(key, 'write', value, () => cache.set(key, value, 600_000))
  }
}

/** Prints how many nodes answer, and what the clients did, once a second. */
async function printLine(cluster: Cluster, history: History, kills: number): Promise<void> {
  const ready = (await cluster.ready()).map((name) => name.replace('node-', ''))
  const { operations, unknown } = history
  console.log(
    `${String(operations).padStart(10)}   ${String(unknown).padStart(7)}   ${String(kills).padStart(5)}   ${ready.join(' ')}`,
  )
}

async function run(system: System, cluster: Cluster, seconds: number, isCalm: boolean): Promise<void> {
  const { clock } = system
  const history = new History()
  let kills = 0
  const connected = Array.from({ length: CLIENTS }, () =>
    connect({ seeds: cluster.addresses(), nodes: cluster.addresses().length, transport: httpTransport(), system }),
  )
  const caches = await Promise.all(connected)
  console.log('operations   unknown   kills   nodes that answer')
  const killOne = async (): Promise<void> => {
    if ((await cluster.killOne()) !== undefined) kills += 1
  }
  const background = await Supervisor.start({
    system,
    children: [
      { id: 'print', start: () => startTicker(1000, () => printLine(cluster, history, kills), system) },
      ...(isCalm ? [] : [{ id: 'chaos', start: () => startTicker(CHAOS_MS, killOne, system) }]),
    ],
  })
  const end = new AbortController()
  const workers = caches.map((cache, n) => work(`client-${n}`, cache, history, system, end.signal))
  await Promise.race([clock.sleep(seconds * 1000), stopSignal()])
  end.abort()
  await Promise.all(workers)
  await Supervisor.stop(background)

  const faults = history.faults()
  const { hitRate } = caches.map((cache) => cache.stats()).reduce((a, b) => (a.hits > b.hits ? a : b))
  const repairs = caches.reduce((sum, cache) => sum + cache.stats().repairs, 0)
  for (const cache of caches) await cache.close()
  console.log(
    `\n${history.operations} operations, ${history.unknown} of unknown outcome, ${kills} kills, ${repairs} read repairs, ` +
      `${Math.round(hitRate * 100)} % hits.`,
  )
  if (faults.length > 0) throw new Error(faults.slice(0, 10).join('\n'))
  console.log('Each read saw the last acknowledged write, or a later one.')
}

await program(async () => {
  const { values } = options(flags)
  const nodes = numberOf('nodes', values.nodes, { min: 1, max: 9 })
  const seconds = numberOf('seconds', values.seconds, { min: 1, max: 3600 })
  const port = portOf(values.port)
  if (port !== 0 && port + nodes > 65_536) throw new Refusal(`--port must leave ${nodes} ports up to 65535.`)
  const seed = values.seed === undefined ? undefined : numberOf('seed', values.seed, { min: 0, max: 2 ** 53 - 1 })
  // Killed nodes are what this example is about, so nothing warns of them.
  const system = createSystem({ crashReports: false, ...(seed !== undefined && { seed }) })
  if (values.audit !== undefined) system.audit(await openJournal(values.audit, { system, durability: 'flush' }))
  const cluster = await startCluster({ nodes, port, system })
  try {
    await run(system, cluster, seconds, values.calm)
  } finally {
    await cluster.stop()
    await system.close()
  }
})
