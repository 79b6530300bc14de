// Finds a bug in a bank and in a distributed lock, prints the shortest run that shows it, and draws that run.
//
//   npm run example -- simulation                   both
//   npm run example -- simulation lock              one of them
//   npm run example -- simulation --seed 7          another search; --runs 5000 makes it longer
//   npm run example -- simulation --folder ./runs   keeps files and pictures there
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { explore, type SimulationOptions } from 'keelson/simulation'

import { numberOf, options } from '../lib/options.mjs'
import { program, Refusal } from '../lib/program.mjs'
import { svgOf } from './picture.mjs'
import { type Scenario, scenarios } from './scenarios.mjs'

async function find(
  name: string,
  { title, faults, program: make }: Scenario,
  search: SimulationOptions,
): Promise<void> {
  const { runs, failure } = await explore(make(false), { ...search, faults, print: () => {} })
  if (failure === undefined) {
    console.log(`${title}: ${runs} runs did not find it. Try --runs ${2 * runs}, or another --seed.\n`)
    return
  }
  const path = join(search.folder ?? '', `${name}.svg`)
  writeFileSync(path, svgOf(title, (failure.error as Error).message, failure.events))
  console.log(`${title}: found in run ${runs}.\n\n${failure.report}\n\nThe picture of that run: ${path}`)
  const mended = await explore(make(true), { ...search, faults, print: () => {} })
  console.log(`Mended, it ${mended.failure === undefined ? 'passes' : 'fails'} ${mended.runs} runs.\n`)
}

await program(async () => {
  const words = Object.keys(scenarios) as (keyof typeof scenarios)[]
  const flags = {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '1000' },
    folder: { type: 'string', default: '.keelson' },
  } as const
  const { values, positionals } = options(flags, { words })
  if (positionals.length > 1) throw new Refusal(`Name one of ${words.join(' and ')}, or neither for both.`)
  const seed = numberOf('seed', values.seed, { min: 0, max: Number.MAX_SAFE_INTEGER })
  const runs = numberOf('runs', values.runs, { min: 1, max: 1_000_000 })
  const { folder } = values
  mkdirSync(folder, { recursive: true })
  for (const name of words) {
    if (positionals[0] === undefined || positionals[0] === name)
      await find(name, scenarios[name], { seed, runs, folder })
  }
})
