// Random programs of the example distributed-cache: clients, killed nodes and a bad network in memory. KEELSON_MINUTES
// bounds them, and KEELSON_SEED is the first seed.
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { compileExamples, mainOf } from '../lib/examples.mjs'

const PROGRAMS = 10_000
const end = performance.now() + Number(process.env.KEELSON_MINUTES ?? Infinity) * 60_000

await compileExamples()
const { runProgram } = await import(pathToFileURL(join(dirname(mainOf('distributed-cache')), 'simulation.mjs')))
const first = Number(process.env.KEELSON_SEED ?? Math.floor(Math.random() * 2 ** 32))
const sum = { operations: 0, unknown: 0, kills: 0, crashes: 0, repairs: 0, lost: 0, repeated: 0 }
let programs = 0
let fault
for (; programs < PROGRAMS && performance.now() < end && fault === undefined; programs++) {
  const { faults, ...counts } = await runProgram(first + programs)
  for (const name of Object.keys(sum)) sum[name] += counts[name]
  if (faults.length > 0) fault = `fault with the seed ${first + programs}: ${faults[0]}`
}
console.log(
  `${programs} programs, ${sum.operations} operations and ${sum.unknown} of unknown outcome, ${sum.kills} kills, ` +
    `${sum.crashes} crashes, ${sum.lost} lost and ${sum.repeated} repeated messages, ${sum.repairs} read repairs; ` +
    `${fault ?? 'no acknowledged write is lost'}`,
)
if (fault !== undefined) process.exitCode = 1
