// node scripts/draw-names.mjs [--seed N] [--count N]: draws public names for a readability trial. A new reader answers
// for each, from the documentation alone: the guarantee, the unit, the default, the errors. The same seed draws the same
// names from the same surface. Needs a build, because it reads the entries in dist/.
import { posix } from 'node:path'
import { parseArgs } from 'node:util'

import { seeded } from '../bench/lib/random.mjs'
import { entries } from './lib/entries.mjs'
import { Failure, main } from './lib/failure.mjs'
import { publicNames } from './lib/public-names.mjs'
import { declarationText } from './lib/typescript.mjs'

/** Returns each public name once, sorted, with the entries that export it; the root stands for the entries it joins. */
function surface() {
  const entriesOf = new Map()
  for (const { folder } of entries()) {
    const subpath = posix.join('keelson', folder)
    for (const name of publicNames(posix.join(folder, 'index.d.ts'), declarationText)) {
      entriesOf.set(name, [...(entriesOf.get(name) ?? []), subpath])
    }
  }
  return [...entriesOf].toSorted(([one], [other]) => (one < other ? -1 : 1))
}

/** Draws `count` of `items` without replacement, with a seeded Fisher–Yates shuffle, and keeps their order. */
function draw(items, count, seed) {
  const random = seeded(seed)
  const places = items.map((_, place) => place)
  for (let drawn = 0; drawn < count; drawn += 1) {
    const other = drawn + Math.floor(random() * (places.length - drawn))
    ;[places[drawn], places[other]] = [places[other], places[drawn]]
  }
  return places
    .slice(0, count)
    .toSorted((one, other) => one - other)
    .map((place) => items[place])
}

/** Returns a whole number of at least `least` from the command line. */
function whole(option, text, least) {
  const value = Number(text)
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < least)
    throw new Failure(`--${option} must be a whole number of at least ${least}.`)
  return value
}

await main(() => {
  const { values } = parseArgs({
    options: { seed: { type: 'string', default: '1' }, count: { type: 'string', default: '40' } },
  })
  const names = surface()
  const count = Math.min(whole('count', values.count, 1), names.length)
  const drawn = draw(names, count, whole('seed', values.seed, 0))
  for (const [name, from] of drawn) process.stdout.write(`${name}  (${from.join(', ')})\n`)
  process.stdout.write(`\n${count} of ${names.length} public names, seed ${values.seed}\n`)
})
