// node scripts/esm.mjs: the ES module face of each built entry, on its own.
import { main } from './lib/failure.mjs'
import { writeEsm } from './lib/typescript.mjs'

await main(() => {
  process.stdout.write(`${writeEsm()} files written\n`)
})
