// Prints how many bytes of the process a route takes, of 100 000 of them, apart from the letters of its name.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { Atrion } from 'keelson/atrion'

const count = 100_000
const telemetry = { latencyMs: 45, errorRate: 0.01, saturation: 0.3 }
setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')
// Flat strings, which have been keys before: what a name takes in JavaScript is its caller's.
const nameOf = (index) => Buffer.from(`GET /api/v1/resource/:id/${index}`).toString('latin1')
const names = Array.from({ length: count }, (_, index) => nameOf(index))
new Set(names).has('')
const letters = names.reduce((sum, name) => sum + name.length, 0) / count

const resident = () => {
  gc()
  gc()
  return process.memoryUsage().rss
}

/** The state that an engine in JavaScript would keep for a route, as numbers. */
const plain = (route) => ({
  route,
  latency: 0.5,
  error: 0.5,
  saturation: 0.5,
  up: 0.5,
  down: 0.5,
  fast: 0.5,
  slow: 0.5,
  scar: 0.5,
  updated: 0.5,
  at: 0.5,
  mean: 0.5,
  variance: 0.5,
  observed: 0.5,
  breakAt: 0.5,
  ticks: 1,
  voltage: 0.5,
  breaking: false,
})

const atrion = new Atrion({ maxRoutes: 200_000 })
const map = new Map()
// Until the young generation has grown as far as it does.
let last
for (let call = 0; call < 2_000_000; call += 1) {
  atrion.route('warm', telemetry)
  last = plain(call)
}
if (last.ticks !== 1) throw new Error('nothing was made')
const ours = process.argv[2] === 'keelson'
const before = resident()
if (ours) for (const name of names) atrion.route(name, telemetry)
else for (const name of names) map.set(name, plain(name))
// A plain object holds the caller's string; the core has a copy.
const bytes = (resident() - before) / count - (ours ? letters : 0)
if (atrion.getRoutes().length + map.size < count) throw new Error('routes are missing')
console.log(JSON.stringify(bytes))
