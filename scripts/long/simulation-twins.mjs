// A million runs of the correct twins of the planted races, and none of them may raise an alarm. KEELSON_MINUTES bounds them,
// and KEELSON_SEED is the seed.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { explore } from '../../dist/simulation/index.mjs'
import { main } from '../lib/failure.mjs'
import { importTestModule } from '../lib/test-modules.mjs'

const RUNS = 1_000_000
/** The runs of one exploration: short enough to look at the time in between. */
const BATCH = 1000

await main(async () => {
  const { races } = await importTestModule('races', 'simulation', 'races', 'index.ts')
  const end = performance.now() + Number(process.env.KEELSON_MINUTES ?? Infinity) * 60_000
  const first = Number(process.env.KEELSON_SEED ?? Math.floor(Math.random() * 2 ** 31))
  const folder = mkdtempSync(join(tmpdir(), 'keelson-twins-'))
  let runs = 0
  let alarm
  for (let turn = 0; runs < RUNS && performance.now() < end && alarm === undefined; turn += 1) {
    const { name, program, options } = races[turn % races.length]
    const schedule = Math.floor(turn / races.length) % 2 === 0 ? 'random' : 'pct'
    const own = { runs: BATCH, seed: first + turn, schedule, checkEvery: 100, folder, print: () => {} }
    const result = await explore(program(true), { ...options, ...own })
    runs += result.runs
    if (result.failure !== undefined) alarm = `an alarm of the twin of ${name}: ${result.failure.report}`
  }
  rmSync(folder, { recursive: true })
  const seeds = `seeds from ${first}`
  process.stdout.write(`${runs} runs of the correct twins of ${races.length} races, ${seeds}: ${alarm ?? 'no alarm'}\n`)
  return alarm === undefined ? 0 : 1
})
