// npm start: from a fresh clone to the first example running.
import { existsSync } from 'node:fs'

import { buildSteps } from './lib/build-steps.mjs'
import { attempt, runBin } from './lib/exec.mjs'
import { Failure, main } from './lib/failure.mjs'
import { at } from './lib/paths.mjs'
import { runAll } from './lib/steps.mjs'

const example = (extension) => at('examples', 'first-light', `main.${extension}`)

/** The example as something Node runs: itself, or compiled when it is written in TypeScript. */
async function runnable() {
  if (existsSync(example('mjs'))) return example('mjs')
  if (!existsSync(example('ts')) && !existsSync(example('mts'))) {
    throw new Failure('examples/first-light has no main.ts, main.mts or main.mjs to run.')
  }
  await runBin('typescript', 'tsc', ['-p', at('tsconfig.examples.json')], 'The examples do not compile.')
  const compiled = existsSync(example('mts')) ? 'main.mjs' : 'main.js'
  return at('.cache', 'examples', 'first-light', compiled)
}

await main(async () => {
  const failed = await runAll(buildSteps())
  if (failed !== 0) return failed
  process.stdout.write('\n')
  const { code } = await attempt(process.execPath, [await runnable(), ...process.argv.slice(2)], { show: true })
  return code
})
