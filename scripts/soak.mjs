// npm run soak -- <name> [options]: builds, then runs a long proof from scripts/soak. Not part of `npm test`, which runs smaller
// ones; the last results stand in docs.
import { buildSteps } from './lib/build-steps.mjs'
import { attempt } from './lib/exec.mjs'
import { Failure, main } from './lib/failure.mjs'
import { at } from './lib/paths.mjs'
import { runAll } from './lib/steps.mjs'

const soaks = ['actor']

await main(async () => {
  const [name, ...args] = process.argv.slice(2)
  if (!soaks.includes(name)) throw new Failure(`npm run soak -- <name>; the soaks are ${soaks.join(', ')}.`)
  const failed = await runAll(buildSteps())
  if (failed !== 0) return failed
  const { code } = await attempt(process.execPath, ['--expose-gc', at('scripts', 'soak', `${name}.mjs`), ...args], {
    show: true,
  })
  return code
})
