// npm run dashboard: from a fresh clone to the main example with the web dashboard, whose URL it prints.
import { buildAndRun } from './lib/examples.mjs'
import { main } from './lib/failure.mjs'

await main(() => buildAndRun('first-light', ['--dashboard', ...process.argv.slice(2)]))
