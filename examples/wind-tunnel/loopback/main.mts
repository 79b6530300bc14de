// The heart of the wind tunnel with real servers on 127.0.0.1: 2 s at half the capacity, then 6 s at twice.
//
//   npm run wind-tunnel -- --loopback
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { createSystem } from 'keelson'

import { httpClients, offer, type Outcome } from '../../first-light/load.mjs'
import { capacity } from './database.mjs'

const names = ['none', 'fixed 12', 'AIMD', 'breaker', 'keelson']
const phases = [
  { name: 'half', rate: 0.5 * capacity, seconds: 2 },
  { name: 'twice', rate: 2 * capacity, seconds: 6 },
]
// The first second of overload is not looked at: backlogs and limits are still on their way.
const [from, to] = [3000, 8000]

const good = (list: readonly Outcome[]): number => list.filter(({ result }) => result === 'ok').length

/** Goodput in per cent of the capacity and success of critical requests in per cent. */
async function measure(name: string): Promise<{ name: string; goodput: number; critical: number }> {
  const child = fork(fileURLToPath(new URL('server.mjs', import.meta.url)), [name])
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  const gone = once(child, 'exit')
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  // The same seed: every door gets the same requests at the same times.
  const system = createSystem({ seed: 42 })
  const outcomes: Outcome[] = []
  const clients = httpClients(`http://127.0.0.1:${port}/`, system.clock)
  await offer(clients.send, phases, system, (outcome) => outcomes.push(outcome))
  clients.close()
  kill()
  await gone
  process.off('exit', kill)
  await system.close()
  const seen = outcomes.filter(({ at }) => at >= from && at < to)
  const critical = seen.filter(({ priority }) => priority === 'critical')
  return {
    name,
    goodput: (100 * good(seen)) / ((capacity * (to - from)) / 1000),
    critical: (100 * good(critical)) / Math.max(critical.length, 1),
  }
}

const found = []
for (const name of names) found.push(await measure(name))
process.stdout.write(`${JSON.stringify(found)}\n`)
