// A program of the cache suite: fills a cache with entries that share one value, and prints what one of them takes, in
// bytes, the key included: of the JavaScript heap, and of memory outside of it (array buffers, and the core's tables).
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')
const [kind] = process.argv.slice(2)
const count = 200_000
const value = { shared: true }

const makers = {
  async keelson() {
    const { Cache } = await import('keelson/otp')
    const { handle } = await Cache.start({ maxSize: count })
    return (key) => handle.set(key, value)
  },
  async 'keelson with a time'() {
    const { Cache } = await import('keelson/otp')
    const { handle } = await Cache.start({ maxSize: count, defaultTtlMs: 3_600_000 })
    return (key) => handle.set(key, value)
  },
  async 'lru-cache'() {
    const { LRUCache } = await import('lru-cache')
    const cache = new LRUCache({ max: count })
    return (key) => cache.set(key, value)
  },
  async 'tiny-lru'() {
    const { lru } = await import('tiny-lru')
    const cache = lru(count)
    return (key) => cache.set(key, value)
  },
}

const measure = () => {
  for (let round = 0; round < 4; round += 1) gc()
  const { heapUsed, rss, heapTotal } = process.memoryUsage()
  return { heap: heapUsed, outside: rss - heapTotal }
}

// What a cache takes before it has anything counts as well: some allocate all at once.
const before = measure()
const set = await makers[kind]()
for (let index = 0; index < 2 * count; index += 1) set(`user:${index}`)
const after = measure()
const heap = (after.heap - before.heap) / count
const outside = (after.outside - before.outside) / count
// It is alive up to here.
set('kept', value)
console.log(JSON.stringify({ heap, outside }))
process.exit(0)
