// node rate-limiter-memory.mjs <side> <keys> [takes]: what each of so many keys takes at the most, by the core's own count and by what the process
// grew.
import { Limiter } from 'keelson/otp'
import { RateLimiterMemory } from 'rate-limiter-flexible'

const [side, text, times = '1'] = process.argv.slice(2)
const count = Number(text)
const takes = Number(times)
const windowMs = 3_600_000

function ours() {
  const limiter = new Limiter({ maxRequests: takes === 1 ? 100 : 1e9, windowMs, maxKeys: count, algorithm: side })
  return {
    take: (key, cost) => limiter.take(key, cost),
    native: () => {
      const { keys, nativeBytes } = limiter.stats()
      if (keys !== count) throw new Error(`${keys} of ${count} keys`)
      return nativeBytes
    },
  }
}

function flexible() {
  const limiter = new RateLimiterMemory({ points: 100, duration: windowMs / 1000 })
  return { take: (key, cost) => limiter.consume(key, cost), native: () => 0 }
}

globalThis.gc?.()
const before = process.memoryUsage.rss()
const limiter = side === 'rate-limiter-flexible' ? flexible() : ours()
let native = 0
for (let take = 0; take < takes; take += 1) {
  for (let key = 0; key < count; key += 1) await limiter.take(`user:${key}`, 1 + (key % 9))
  native = Math.max(native, limiter.native() / count)
}
globalThis.gc?.()
const resident = (process.memoryUsage.rss() - before) / count
console.log(JSON.stringify({ native, resident }))
process.exit()
