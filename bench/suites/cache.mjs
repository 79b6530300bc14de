// Caches: get-or-set on traces of keys, against lru-cache, with the hit ratios.
import { fileURLToPath } from 'node:url'
import { LRUCache } from 'lru-cache'
import { lru as tinyLru } from 'tiny-lru'
import { TTLCache } from '@isaacs/ttlcache'
import { Cache } from 'keelson/otp'

import { seeded } from '../lib/random.mjs'

const capacity = 10_000
const population = 100_000
const accesses = 1_000_000

/** Ranks from 0, drawn with probability proportional to 1 / (rank + 1)^0.99. */
function zipf(seed) {
  const random = seeded(seed)
  const sums = new Float64Array(population)
  let sum = 0
  for (let rank = 0; rank < population; rank += 1) sums[rank] = sum += (rank + 1) ** -0.99
  return () => {
    const drawn = random() * sum
    let low = 0
    let high = population - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (sums[middle] < drawn) low = middle + 1
      else high = middle
    }
    return low
  }
}

function trace(seed, next) {
  const rank = zipf(seed)
  const chance = seeded(seed + 1)
  return Array.from({ length: accesses }, (_, at) => `user:${next(at, rank, chance)}`)
}

const traces = {
  'Zipf 0.99': () => trace(1, (_, rank) => rank()),
  'Zipf 0.99 with 30 % scans': () => trace(2, (at, rank, chance) => (chance() < 0.3 ? population + at : rank())),
  'Zipf 0.99 with bursts of scans': () => trace(3, (at, rank) => (at % 50_000 < 20_000 ? population + at : rank())),
  'Zipf 0.99 whose popularity jumps': () =>
    trace(4, (at, rank) => (rank() + Math.floor(at / 100_000) * 37_777) % population),
  'Zipf 0.99 whose popularity slides': () =>
    trace(5, (at, rank) => (rank() + Math.floor(at / 1000) * 100) % population),
  'a loop over 15 000': () => trace(6, (at) => at % 15_000),
}

/** Values are objects, as they are in life. */
/** Ours passes the key in an object; peers, and ours of before, pass it as it is. */
const load = (asked) => ({ key: asked.key ?? asked })

const sides = {
  ours: async () => {
    const { handle } = await Cache.start({ maxSize: capacity })
    return (key) => handle.getOrSet(key, load)
  },
  'ours, with lru': async () => {
    const { handle } = await Cache.start({ maxSize: capacity, policy: 'lru' })
    return (key) => handle.getOrSet(key, load)
  },
  'ours, with a time': async () => {
    const { handle } = await Cache.start({ maxSize: capacity, defaultTtlMs: 60_000 })
    return (key) => handle.getOrSet(key, load)
  },
  'lru-cache': async () => getOrSet(new LRUCache({ max: capacity })),
  'lru-cache with ttl': async () => getOrSet(new LRUCache({ max: capacity, ttl: 60_000 })),
  'tiny-lru': async () => getOrSet(tinyLru(capacity)),
  '@isaacs/ttlcache': async () => getOrSet(new TTLCache({ max: capacity, ttl: 60_000 })),
}

function getOrSet(cache) {
  return (key) => {
    const found = cache.get(key)
    if (found !== undefined) return found
    const value = load(key)
    cache.set(key, value)
    return value
  }
}

const made = new Map()
const traceOf = (name) => {
  if (!made.has(name)) made.set(name, traces[name]())
  return made.get(name)
}

/** One pass over a trace with a new cache. */
function pass(name, side) {
  return {
    setup: async () => ({ ask: await sides[side](), keys: traceOf(name) }),
    run: ({ ask, keys }) => {
      for (const key of keys) if (ask(key).key !== key) throw new Error(`a wrong value for ${key}`)
    },
  }
}

async function hitRatio(name, side) {
  const ask = await sides[side]()
  const keys = traceOf(name)
  const seen = new WeakSet()
  let hits = 0
  for (const key of keys) {
    const value = ask(key)
    if (seen.has(value)) hits += 1
    else seen.add(value)
  }
  return (100 * hits) / keys.length
}

const timed = (name, side, peer, bar) => ({
  name: `get or set, ${name}${side === 'ours' ? '' : ` (${side})`}${peer === 'lru-cache' ? '' : `, against ${peer}`}`,
  unit: 'ns/op',
  iterations: accesses,
  ours: pass(name, side),
  peer: { name: peer, fn: pass(name, peer) },
  bar,
})

const file = fileURLToPath(new URL('../lib/cached.mjs', import.meta.url))
const filled = (kind) => ({ file, args: [kind], name: kind })

/** Bytes per entry of 200,000, key included. As many keys were evicted before, so that ghosts count too. */
const memory = (kind, peer) => ({
  name: `memory of an entry, ${kind}`,
  unit: 'bytes',
  rounds: 3,
  paired: { ours: filled(kind), peer: filled(peer) },
  read: ({ heap, outside }) => heap + outside,
})

const zipfian = 'Zipf 0.99'
const handle = (await Cache.start({ maxSize: capacity })).handle
handle.set('hot', 1)
const map = new Map([['hot', 1]])
const shared = (await Cache.start({ maxSize: capacity, shared: true, name: 'bench' })).handle
shared.set('hot', 1)
const reads = 5_000_000
let sink = 0

/** Points of hit ratio that S3-FIFO must gain over lru-cache; where popularity changes it may lose some. */
const gains = {
  'Zipf 0.99': 4,
  'Zipf 0.99 with 30 % scans': 4,
  'Zipf 0.99 with bursts of scans': 4,
  'Zipf 0.99 whose popularity jumps': -3,
  'Zipf 0.99 whose popularity slides': -3,
  'a loop over 15 000': 0,
}

for (const [name, gain] of Object.entries(gains)) {
  const ratios = {}
  for (const side of ['ours', 'ours, with lru', 'lru-cache']) ratios[side] = await hitRatio(name, side)
  const shown = Object.entries(ratios).map(([side, ratio]) => `${side} ${ratio.toFixed(1)}`)
  process.stdout.write(`hits in percent, ${name}: ${shown.join(', ')}\n`)
  if (ratios.ours < ratios['lru-cache'] + gain) throw new Error(`fewer than ${gain} points over lru-cache on ${name}`)
  // The same order of eviction, so the same hits.
  if (ratios['ours, with lru'] !== ratios['lru-cache']) throw new Error(`LRU is not LRU on ${name}`)
  if (name !== zipfian) made.delete(name)
}

export default {
  name: 'cache',
  cases: [
    timed(zipfian, 'ours', 'lru-cache', { ratio: 1 }),
    timed(zipfian, 'ours, with a time', 'lru-cache with ttl'),
    timed(zipfian, 'ours, with lru', 'lru-cache'),
    timed(zipfian, 'ours', 'tiny-lru'),
    timed(zipfian, 'ours', '@isaacs/ttlcache'),
    timed('Zipf 0.99 with 30 % scans', 'ours', 'lru-cache'),
    memory('keelson', 'lru-cache'),
    memory('keelson with a time', 'tiny-lru'),
    {
      name: 'a hit',
      unit: 'ns/op',
      iterations: reads,
      ours: () => {
        for (let index = 0; index < reads; index += 1) sink += handle.get('hot')
      },
      peer: {
        name: 'Map',
        fn: () => {
          for (let index = 0; index < reads; index += 1) sink += map.get('hot')
        },
      },
    },
    {
      name: 'a hit of a shared cache',
      unit: 'ns/op',
      iterations: reads,
      ours: () => {
        for (let index = 0; index < reads; index += 1) sink += shared.get('hot')
      },
    },
  ],
}
