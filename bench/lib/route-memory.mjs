// Prints how many bytes of the process a route takes, of 100 000 of them.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { Atrion } from 'keelson/atrion'

const count = 100_000
const telemetry = { latencyMs: 45, errorRate: 0.01, saturation: 0.3 }
setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')
const names = Array.from({ length: count }, (_, index) => `route/${index}`)
// A name is a key once it is looked up; that is not the engine's cost.
new Set(names).has('')

const resident = () => {
  gc()
  gc()
  return process.memoryUsage().rss
}

/** What an engine in JavaScript would keep of a route: the numbers of its state. */
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
atrion.route('warm', telemetry)
const before = resident()
if (process.argv[2] === 'keelson') for (const name of names) atrion.route(name, telemetry)
else for (const name of names) map.set(name, plain(name))
const bytes = (resident() - before) / count
if (atrion.getRoutes().length + map.size < count) throw new Error('routes are missing')
console.log(JSON.stringify(bytes))
