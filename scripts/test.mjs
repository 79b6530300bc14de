// npm test: everything the project checks. `npm test -- --only clippy,vitest` runs those steps and what they need;
// `npm test -- --list` names the steps; what follows a second `--` goes to vitest. `npm test -- --quick` runs in a minute what
// the files that differ from HEAD can break.
import { availableParallelism } from 'node:os'

import { Failure, main } from './lib/failure.mjs'
import { quickSteps } from './lib/quick.mjs'
import { runSteps, select, summary } from './lib/steps.mjs'
import { testSteps } from './lib/test-steps.mjs'

function parse(args) {
  const end = args.indexOf('--')
  const own = end === -1 ? args : args.slice(0, end)
  const vitest = end === -1 ? [] : args.slice(end + 1)
  const only = own.flatMap((arg, i) => {
    if (arg.startsWith('--only=')) return arg.slice('--only='.length).split(',')
    return own[i - 1] === '--only' ? arg.split(',') : []
  })
  const known = (arg, i) =>
    arg === '--list' || arg === '--quick' || arg === '--only' || arg.startsWith('--only=') || own[i - 1] === '--only'
  const stray = own.find((arg, i) => !known(arg, i))
  if (stray !== undefined)
    throw new Failure(`npm test does not know ${stray}; it takes --list, --quick and --only <step,step>.`)
  return { list: own.includes('--list'), quick: own.includes('--quick'), only, vitest }
}

await main(async () => {
  const { list, quick, only, vitest } = parse(process.argv.slice(2))
  const chosen = quick ? await quickSteps() : { steps: testSteps({ vitest }), summary: '' }
  const steps = select(chosen.steps, only)
  if (list) {
    process.stdout.write(`${steps.map(({ name }) => name).join('\n')}\n`)
    return 0
  }
  process.stdout.write(chosen.summary)
  const since = process.hrtime.bigint()
  const { failed, counts } = await runSteps(steps, { lanes: Math.min(2, availableParallelism()) })
  const minutes = Number(process.hrtime.bigint() - since) / 60e9
  const again =
    failed.length === 0 ? '' : `Failed: ${failed.join(', ')}. Run one alone with \`npm test -- --only ${failed[0]}\`.\n`
  process.stdout.write(`\n${again}${minutes.toFixed(1)} minutes\n${summary(counts)}\n`)
  return failed.length === 0 ? 0 : 1
})
