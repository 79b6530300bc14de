// A process that shares a route through Redis: reports what it is told to, and prints what it sees, a line of JSON each.
import { Atrion, RedisStateProvider } from 'keelson'

const [url, health] = process.argv.slice(2)
const atrion = new Atrion({
  provider: new RedisStateProvider(url),
  config: { bootstrapTicks: 0, decayRate: 0.001, healRate: 0 },
  sync: { intervalMs: 20, timeoutMs: 300 },
  observer: (event) => event.type.startsWith('provider') && print({ event: event.type }),
})
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`)
const telemetry =
  health === 'sick'
    ? { latencyMs: 900, errorRate: 0.6, saturation: 1 }
    : { latencyMs: 45, errorRate: 0, saturation: 0.2 }

await atrion.connect()
setInterval(() => {
  const { resistance } = atrion.route('db', telemetry)
  const { shared, scarTissue } = atrion.getState('db')
  print({ resistance, shared, scar: scarTissue })
}, 10)
process.stdin.on('end', async () => {
  await atrion.disconnect()
  process.exit(0)
})
process.stdin.resume()
