// npm start: from a fresh clone to the first example running.
import { buildAndRun } from './lib/examples.mjs'
import { main } from './lib/failure.mjs'

await main(() => buildAndRun('first-light', process.argv.slice(2)))
