// npm run clean: removes everything the other commands make, so that the next one starts as on a fresh clone.
import { readdirSync, rmSync } from 'node:fs'

import { main } from './lib/failure.mjs'
import { at } from './lib/paths.mjs'

await main(() => {
  const addons = readdirSync(at('native')).filter((name) => name.endsWith('.node'))
  const linkers = readdirSync(at('scripts', 'linkers')).map((target) => `scripts/linkers/${target}/node_modules`)
  const made = [
    'dist',
    'target',
    '.cache',
    'coverage',
    'node_modules',
    'bench/node_modules',
    'dist-docs',
    'docs-site/node_modules',
    'docs-site/pages',
    '__test__/package/tools/node_modules',
    'scripts/long/next/node_modules',
    'scripts/checkers/node_modules',
    ...linkers,
    'native/test',
    'npm',
    'dist-pack',
  ]
  for (const path of [...made, ...addons.map((name) => `native/${name}`)]) {
    rmSync(at(path), { recursive: true, force: true })
  }
})
