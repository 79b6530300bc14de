// The cache as a program uses it: quorums of nodes, read repair, failover, health checks, an audit trail.
import {
  Cache,
  circuitBreaker,
  createAtom,
  createJournal,
  effect,
  Effect,
  fail,
  getDefaultSystem,
  keyed,
  retry,
  schedule,
  Supervisor,
  type System,
  timeout,
  wrap,
} from 'keelson'

import type { Operation } from './node.mjs'
import {
  compare,
  type Entry,
  type Member,
  type Message,
  NO_VERSION,
  type PingAnswer,
  quorum,
  quorumOf,
  type ReadAnswer,
  type Stamp,
  type Version,
} from './protocol.mjs'
import { MAX_TTL_MS } from './replica.mjs'
import { startTicker } from './ticker.mjs'
import type { Transport } from './transport.mjs'

export interface ClientOptions {
  /** Addresses of some nodes. The client learns the others from them. */
  readonly seeds: readonly string[]
  /** The number of nodes of the cluster. */
  readonly nodes: number
  readonly transport: Transport
  readonly system?: System
  /** The longest wait for one node. Default 1000 ms. */
  readonly requestTimeoutMs?: number
  /** The longest time of an operation with its retries. Default 5000 ms. */
  readonly operationTimeoutMs?: number
  /** The pause between two checks of all nodes. Default 1000 ms. */
  readonly healthMs?: number
  /** Serves reads for so long from a cache beside the client: faster, and possibly stale. Default 0: never. */
  readonly nearTtlMs?: number
}

/** A node as this client finds it. */
export interface NodeHealth {
  readonly member: Member
  readonly isReady: boolean
  /** Failures since the last answer: one makes a node degraded, three make it unhealthy. */
  readonly failures: number
  readonly latencyMs: number
}

export interface CacheStats {
  readonly hits: number
  readonly misses: number
  readonly repairs: number
  readonly failures: number
}

/** What the client did, in order. */
export interface CacheEvent {
  readonly type: string
  readonly requestId?: string
  readonly key?: string
  readonly node?: string
  readonly error?: string
  readonly stats?: CacheStats
}

export interface Written {
  readonly version: Version
}

export interface DistributedCache {
  /** Resolves with the value of a key, or `undefined`. */
  get(key: string): Promise<unknown>
  /** Resolves with the newest entry of a key, and repairs nodes that had an older one. */
  read(key: string): Promise<{ readonly value: unknown; readonly version: Version }>
  /**
   * Stores a value on a quorum of nodes, for `ttlMs` (default: a minute). When it has resolved, each later read sees it
   * or a later one. When it rejects, the outcome is unknown.
   */
  set(key: string, value: unknown, ttlMs?: number): Promise<Written>
  delete(key: string): Promise<Written>
  stats(): CacheStats & { readonly hitRate: number; readonly healthy: number }
  nodes(): readonly NodeHealth[]
  /** Returns what this client did, oldest first. */
  audit(filter?: Partial<CacheEvent>): readonly CacheEvent[]
  /** Resolves with what the nodes did for an operation. */
  trace(requestId: string): Promise<readonly { readonly node: string; readonly operation: Operation }[]>
  close(): Promise<void>
}

const DEFAULT_TTL_MS = 60_000
const KEPT_EVENTS = 10_000
const STATS_MS = 5000
const UNHEALTHY = 3

const versionOf = ({ entry }: ReadAnswer): Version => entry?.version ?? NO_VERSION

/** Returns the answer with the newest version. */
const newestOf = (answers: readonly ReadAnswer[]): ReadAnswer =>
  answers.reduce((a, b) => (compare(versionOf(a), versionOf(b)) >= 0 ? a : b))

/** Connects to a cluster. Rejects when none of the seeds answers. */
export async function connect(options: ClientOptions): Promise<DistributedCache> {
  const { seeds, nodes, transport, system = getDefaultSystem() } = options
  const { requestTimeoutMs = 1000, operationTimeoutMs = 5000, healthMs = 1000, nearTtlMs = 0 } = options
  const { clock } = system
  const need = quorumOf(nodes)
  /** Together with a counter that only rises, it makes each version unique. */
  const writer = system.random.id()
  let lastCounter = 0

  const health = createAtom<{ readonly [name: string]: NodeHealth }>({}, { system })
  const stats = createAtom<CacheStats>({ hits: 0, misses: 0, repairs: 0, failures: 0 }, { system })
  const journal = createJournal<CacheEvent>({ system, maxEntries: KEPT_EVENTS, overflow: 'bounded:drop_oldest' })
  const count = (what: keyof CacheStats): void => void stats.swap((now) => ({ ...now, [what]: now[what] + 1 }))

  // A node that does not answer is left alone for a while. The address is the key: a restarted node has a new one.
  const guards = keyed((address: string) =>
    wrap(
      circuitBreaker({ system, name: address, consecutive: UNHEALTHY, openForMs: 500 }),
      timeout(requestTimeoutMs, { system }),
    ),
  )
  const send = (address: string, message: Message, requestId: string): Promise<unknown> =>
    guards.execute(address, ({ signal }) => transport.send(address, { message, requestId }, signal))

  const members = (): Member[] => Object.values(health.deref()).map(({ member }) => member)

  /** Asks a node, and keeps how it did. */
  async function ask({ name, address }: Member, message: Message, requestId: string): Promise<Stamp> {
    const start = clock.monoMs()
    const note = (next: (now: NodeHealth) => Partial<NodeHealth>): void =>
      void health.swap((all) => {
        const now = all[name]
        return now?.member.address === address ? { ...all, [name]: { ...now, ...next(now) } } : all
      })
    try {
      const answer = (await send(address, message, requestId)) as Stamp
      note(() => ({ failures: 0, latencyMs: clock.monoMs() - start }))
      return answer
    } catch (error) {
      note(({ failures }) => ({ failures: failures + 1 }))
      journal.append({ type: 'node.failed', requestId, node: name, error: (error as Error).message })
      throw error
    }
  }

  /** Asks all nodes, and succeeds with the answers of a quorum. The others may still come. */
  const gather = <A extends Stamp>(message: Message): Effect<unknown, A[]> =>
    effect((env) => {
      const requestId = env.get<string>('requestId') ?? ''
      return quorum(
        need,
        members().map((member) => ask(member, message, requestId) as Promise<A>),
      )
    })
      // Nodes that have started again have other addresses.
      .catch((error) => effect(checkHealth).flatMap(() => fail(error)))
      .retry({ maxAttempts: 20, baseDelayMs: 20, maxDelayMs: 500, jitter: 50 })

  const readNewest = (key: string): Effect<unknown, ReadAnswer> =>
    Effect.gen(function* () {
      const answers = yield* gather<ReadAnswer>({ type: 'read', key })
      const newest = newestOf(answers)
      const { entry } = newest
      if (entry !== undefined && answers.some((answer) => compare(versionOf(answer), entry.version) !== 0)) {
        // Once a read has seen a value, all later reads do: the value goes to a quorum before the read ends.
        count('repairs')
        yield* gather({ type: 'store', key, entry })
      }
      return newest
    })

  const write = (key: string, content: Omit<Entry, 'version'>): Effect<unknown, Written> =>
    Effect.gen(function* () {
      const newest = newestOf(yield* gather<ReadAnswer>({ type: 'read', key }))
      lastCounter = Math.max(lastCounter, versionOf(newest)[0]) + 1
      const version: Version = [lastCounter, writer]
      yield* gather({ type: 'store', key, entry: { ...content, version } })
      return { version }
    })

  /** Runs an operation with an id that its messages carry, a time limit, and its place in the journal. */
  async function operation<A>(type: string, key: string, work: Effect<unknown, A>): Promise<A> {
    const requestId = system.random.id()
    journal.append({ type: `${type}.started`, requestId, key })
    try {
      const result = await work.withContext('requestId', requestId).timeout(operationTimeoutMs).run({ system })
      journal.append({ type: `${type}.done`, requestId, key })
      return result
    } catch (error) {
      count('failures')
      journal.append({ type: `${type}.failed`, requestId, key, error: (error as Error).message })
      throw error
    }
  }

  /** Pings all nodes that are known, and learns from their gossip of others. */
  async function checkHealth(): Promise<void> {
    const known = members()
    const addresses = new Set([...known.map(({ address }) => address), ...(known.length < nodes ? seeds : [])])
    const pings = Array.from(addresses, async (address) => {
      const pinged = known.find((member) => member.address === address)
      const ping: Message = { type: 'ping' }
      const answer = await (pinged === undefined ? send(address, ping, 'health') : ask(pinged, ping, 'health')).catch(
        () => undefined,
      )
      if (answer !== undefined) learn(answer as PingAnswer)
    })
    await Promise.all(pings)
  }

  function learn({ name, isReady, members: news }: PingAnswer): void {
    health.swap((all) => {
      const next = { ...all }
      for (const member of news) {
        const now = next[member.name]
        if (now !== undefined && now.member.incarnation >= member.incarnation) continue
        next[member.name] = { member, isReady: false, failures: 0, latencyMs: 0 }
      }
      const pinged = next[name]
      if (pinged !== undefined) next[name] = { ...pinged, isReady }
      return next
    })
  }

  await retry({ system, maxAttempts: 10, backoff: schedule.exponential({ initialMs: 100 }) }).execute(async () => {
    await checkHealth()
    if (Object.keys(health.deref()).length === 0) throw new Error(`no node answers at ${seeds.join(', ')}`)
  })

  const current = (): ReturnType<DistributedCache['stats']> => {
    const now = stats.deref()
    const reads = now.hits + now.misses
    const healthy = Object.values(health.deref()).filter(({ isReady, failures }) => isReady && failures < UNHEALTHY)
    return { ...now, hitRate: reads === 0 ? 0 : now.hits / reads, healthy: healthy.length }
  }
  const noteStats = async (): Promise<void> => void journal.append({ type: 'stats', stats: current() })
  const supervisor = await Supervisor.start({
    system,
    children: [
      { id: 'health', start: () => startTicker(healthMs, checkHealth, system) },
      { id: 'stats', start: () => startTicker(STATS_MS, noteStats, system) },
    ],
  })
  const near = await Cache.start({ system, maxSize: 10_000, defaultTtlMs: nearTtlMs || 1 })

  async function read(key: string): Promise<{ value: unknown; version: Version }> {
    const { entry } = await operation('get', key, readNewest(key))
    const isValid = entry !== undefined && entry.expiresAt > clock.now().wallMs
    const value = isValid ? entry.value : undefined
    count(value === undefined ? 'misses' : 'hits')
    return { value, version: entry?.version ?? NO_VERSION }
  }
  const change = (type: string, key: string, content: Omit<Entry, 'version'>): Promise<Written> =>
    operation(type, key, write(key, content)).finally(() => near.handle.delete(key))
  return {
    read,
    get: (key) =>
      nearTtlMs > 0
        ? Cache.getOrSet(near, key, async () => (await read(key)).value)
        : read(key).then(({ value }) => value),
    async set(key, value, ttlMs = DEFAULT_TTL_MS) {
      if (!(ttlMs > 0 && ttlMs <= MAX_TTL_MS)) throw new RangeError(`ttlMs is from 1 to ${MAX_TTL_MS}`)
      return change('set', key, { value, expiresAt: clock.now().wallMs + ttlMs })
    },
    delete: (key) => change('delete', key, { expiresAt: clock.now().wallMs }),
    stats: current,
    nodes: () => Object.values(health.deref()),
    audit: (filter = {}) =>
      journal.filter((event) =>
        Object.entries(filter).every(([field, value]) => event[field as keyof CacheEvent] === value),
      ),
    async trace(requestId) {
      const answers = members().map(async ({ name, address }) => {
        const list = await send(address, { type: 'audit', requestId }, 'trace').catch(() => [])
        return (list as Operation[]).map((done) => ({ node: name, operation: done }))
      })
      return (await Promise.all(answers)).flat()
    },
    async close() {
      await Supervisor.stop(supervisor)
      await Cache.stop(near)
    },
  }
}
