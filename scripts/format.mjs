// npm run format: Rust by rustfmt, everything else by oxfmt, and what oxlint can mend by itself.
import { run, runBin } from './lib/exec.mjs'
import { main } from './lib/failure.mjs'
import { runAll } from './lib/steps.mjs'
import { buildSteps } from './lib/build-steps.mjs'

const steps = [
  ...buildSteps({ components: true }).slice(0, 2),
  { name: 'rustfmt', run: async () => void (await run('cargo', ['fmt', '--all'], 'rustfmt failed.')) },
  {
    name: 'oxlint',
    run: async () => void (await runBin('oxlint', 'oxlint', ['--fix', '--quiet'], 'Some faults need a human.')),
  },
  { name: 'oxfmt', run: async () => void (await runBin('oxfmt', 'oxfmt', ['--write'], 'oxfmt failed.')) },
]

await main(() => runAll(steps))
