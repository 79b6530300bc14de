// npm run dashboard: from a fresh clone to the main example with the web dashboard, whose URL it prints.
import { buildSteps } from './lib/build-steps.mjs'
import { compileExamplesStep, runExample } from './lib/examples.mjs'
import { main } from './lib/failure.mjs'
import { runAll } from './lib/steps.mjs'

await main(async () => {
  const failed = await runAll([...buildSteps(), compileExamplesStep])
  if (failed !== 0) return failed
  process.stdout.write('\n')
  return runExample('first-light', ['--dashboard', ...process.argv.slice(2)])
})
