// Refuses `npm publish` of a package that would install without a binary: only what `npm run pack` makes is published.
import { readFileSync } from 'node:fs'

import { Failure, main } from './lib/failure.mjs'
import { missingPlatforms } from './lib/pack.mjs'
import { at } from './lib/paths.mjs'

await main(() => {
  const missing = missingPlatforms(JSON.parse(readFileSync(at('package.json'), 'utf8')))
  if (missing.length === 0) return 0
  throw new Failure(
    `This package.json does not name ${missing.join(', ')} in its own version: publish what \`npm run pack\` makes.`,
  )
})
