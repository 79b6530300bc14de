// npm run pack: builds the package and packs it, with the package of this machine's platform, into dist-pack/.
import { statSync } from 'node:fs'

import { buildSteps } from './lib/build-steps.mjs'
import { main } from './lib/failure.mjs'
import { packHere } from './lib/pack.mjs'
import { shown } from './lib/paths.mjs'
import { runAll } from './lib/steps.mjs'

let tarballs = []
await main(async () => {
  const pack = {
    name: 'pack',
    needs: ['esm'],
    run: async () => {
      tarballs = await packHere()
    },
  }
  const failed = await runAll([...buildSteps(), pack])
  for (const path of tarballs) process.stdout.write(`${shown(path)}  ${(statSync(path).size / 1024).toFixed(0)} KiB\n`)
  return failed
})
