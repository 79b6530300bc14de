// npm run types: builds, then regenerates every committed generated file. With --check (after a build): compares only.
import { buildSteps } from './lib/build-steps.mjs'
import { main } from './lib/failure.mjs'
import { checkGenerated } from './lib/generated.mjs'
import { runAll } from './lib/steps.mjs'

await main(() => (process.argv.includes('--check') ? checkGenerated() : runAll(buildSteps({ write: true }))))
