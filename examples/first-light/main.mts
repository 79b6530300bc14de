// First light: what a flood does to a service, and what a door does about it.
//
//   npm start                        about a minute
//   npm start -- --seconds 10        a shorter run of each server
//   npm start -- --only protected    one of the two
//   npm start -- --json result.json  the figures for a machine
//   npm start -- --watch             the protected one live, in this terminal or as the URL of a page
//   npm run dashboard                the same as a page
import { writeFileSync } from 'node:fs'
import { constants } from 'node:os'

import { createSystem } from 'keelson'

import { numberOf, options } from '../lib/options.mjs'
import { program, Refusal } from '../lib/program.mjs'
import { capacity, connections, meanMs } from './database.mjs'
import { httpClients, offer, type Outcome, type Phase, phasesOf, timeoutMs } from './load.mjs'
import { Progress, table, verdicts } from './report.mjs'
import { startService } from './service.mjs'
import { type Summary, summarize } from './stats.mjs'
import { watch } from './watched.mjs'

// Whoever stops us stops the server too: it is killed on `exit`.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]))
}
const parent = process.ppid

async function measure(name: string, phases: readonly Phase[]): Promise<Summary> {
  const service = await startService(name === 'protected')
  // The same seed: both servers get the same requests at the same times.
  const system = createSystem({ seed: 42 })
  const outcomes: Outcome[] = []
  const progress = new Progress(name, phases)
  const ticks = system.clock.interval(1000, () => {
    if (process.ppid !== parent) process.exit(1)
    progress.tick()
  })
  const clients = httpClients(service.url, system.clock)
  await offer(clients.send, phases, system, (outcome) => {
    outcomes.push(outcome)
    progress.count(outcome)
  })
  clients.close()
  ticks.cancel()
  progress.end()
  await service.stop()
  await system.close()
  return summarize(outcomes, phases, capacity)
}

await program(async () => {
  const { values } = options({
    seconds: { type: 'string', default: '25' },
    only: { type: 'string' },
    json: { type: 'string' },
    watch: { type: 'boolean', default: false },
    dashboard: { type: 'boolean', default: false },
  })
  if (values.watch || values.dashboard) {
    return watch({ inTerminal: values.watch && !values.dashboard && process.stdout.isTTY })
  }
  const seconds = numberOf('seconds', values.seconds, { min: 3, max: 3600, isInteger: false })
  const servers = ['bare', 'protected'].filter((name) => values.only === undefined || name === values.only)
  if (servers.length === 0) throw new Refusal(`--only must be bare or protected, not '${values.only}'.`)
  const phases = phasesOf(seconds)

  console.log(`An Express server in front of a simulated database: ${connections} connections, ${meanMs} ms a query, so
${capacity} requests a second. Clients give up after ${timeoutMs} ms. First bare, then with app.use(admission()).\n`)

  const summaries: Record<string, Summary> = {}
  for (const name of servers) summaries[name] = await measure(name, phases)

  console.log(`\nAt twice its capacity:\n\n${table(summaries)}\n`)
  if (summaries['protected']) console.log(`${verdicts(summaries['protected'])}\n`)
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ capacity, phases, ...summaries }, null, 2)}\n`)
  }
})
