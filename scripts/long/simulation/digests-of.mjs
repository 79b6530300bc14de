// A program of scripts/long/simulation-digests.mjs: `digests-of.mjs <module of worlds> <seed> <programs> <times>` simulates
// random programs of whole systems, each so often. Prints their digests and how many differed, as JSON.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import * as fc from 'fast-check'

import { explore } from '../../../dist/simulation/index.mjs'

const [path, seed, programs, times] = process.argv.slice(2)
const { programOf, worldProgram } = await import(pathToFileURL(path))

const folder = mkdtempSync(join(tmpdir(), 'keelson-digests-'))
const SCHEDULES = ['random', 'pct']
const RUNS = 3

/** Simulates a world. Returns the digest of its runs, or what was wrong with them. */
async function digestOf(world, index) {
  const options = { runs: RUNS, seed: index, schedule: SCHEDULES[index % 2], faults: world.faults, checkEvery: 0 }
  const { digest, failure } = await explore(programOf(world), { ...options, folder, print: () => {} })
  return failure === undefined ? digest : `${digest} ${failure.report.split('\n')[0]}`
}

const worlds = fc.sample(worldProgram, { seed: Number(seed), numRuns: Number(programs) })
const digests = []
let differing = 0
for (const [index, world] of worlds.entries()) {
  const all = []
  for (let time = 0; time < Number(times); time += 1) all.push(await digestOf(world, index))
  if (new Set(all).size > 1) differing += 1
  digests.push(all[0])
}
rmSync(folder, { recursive: true })
process.stdout.write(JSON.stringify({ digests, differing }))
