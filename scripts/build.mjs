// npm run build: everything a clone needs to be imported, and the generated files brought up to date.
import { buildSteps } from './lib/build-steps.mjs'
import { main } from './lib/failure.mjs'
import { runAll } from './lib/steps.mjs'

await main(() => runAll(buildSteps({ write: true })))
