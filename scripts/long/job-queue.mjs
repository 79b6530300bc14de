// 500 kills of the workers of the example job-queue: each job finished once, or is reported by id as run twice.
// KEELSON_KILLS is another number of kills.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { createSystem } from 'keelson'

import { compileExamples, mainOf } from '../lib/examples.mjs'

const KILLS = Number(process.env.KEELSON_KILLS ?? 500)
const JOBS = 60

await compileExamples()
const kills = pathToFileURL(join(dirname(mainOf('job-queue')), 'kills.mjs'))
const { killAgainAndAgain } = await import(kills)
const folder = mkdtempSync(join(tmpdir(), 'keelson-jobs-'))
const system = createSystem()
try {
  const result = await killAgainAndAgain(folder, { kills: KILLS, jobs: JOBS, system })
  const { finished, dead, ranTwice, reported, faults } = result
  const jobs = finished + dead.length
  console.log(
    `${result.kills} kills of workers, ${jobs} jobs: ${finished} finished, each once, and ${dead.length} are dead letters; ` +
      `${ranTwice.length} ran twice, and ${reported.length} are reported as interrupted; ` +
      (faults.length === 0
        ? 'no faults'
        : `${faults.length} faults with the seed ${system.seed}: ${faults.join('; ')}`),
  )
  if (faults.length > 0) process.exitCode = 1
} catch (error) {
  console.log(`failed with the seed ${system.seed}: ${error.stack ?? error}`)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
  await system.close()
}
