// npm run example -- <name> [flags]: builds what is missing and runs a program of examples/.
import { buildSteps } from './lib/build-steps.mjs'
import { compileExamplesStep, exampleNames, runExample } from './lib/examples.mjs'
import { Failure, main } from './lib/failure.mjs'
import { runAll } from './lib/steps.mjs'

await main(async () => {
  const [name, ...flags] = process.argv.slice(2)
  const names = exampleNames()
  if (!names.includes(name)) {
    const problem = name === undefined ? 'Name an example' : `There is no example ${name}`
    throw new Failure(`${problem}: npm run example -- ${names.join(' | ')}`)
  }
  const failed = await runAll([...buildSteps(), compileExamplesStep])
  if (failed !== 0) return failed
  process.stdout.write('\n')
  return runExample(name, flags)
})
