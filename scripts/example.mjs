// npm run example -- <name> [flags]: builds what is missing and runs a program of examples/.
import { buildAndRun, exampleNames } from './lib/examples.mjs'
import { Failure, main } from './lib/failure.mjs'

await main(async () => {
  const [name, ...flags] = process.argv.slice(2)
  const names = exampleNames()
  if (!names.includes(name)) {
    const problem = name === undefined ? 'Name an example' : `There is no example ${name}`
    throw new Failure(`${problem}: npm run example -- ${names.join(' | ')}`)
  }
  return buildAndRun(name, flags)
})
