// Which tests a change can break, nearest first: by the folders that js/, src/core/, src/binding/ and __test__/ share, and by
// the imports of js/. Pure, so that it can be tested: what is read comes in as arguments.
import { posix } from 'node:path'

const { dirname } = posix

/** Rooms of js/ and __test__/ that have another name than the module of src/ that decides for them. */
const OTHER_NAMES = {
  actor: ['actor', 'otp', 'process'],
  admission: ['atrion', 'admission', 'express', 'fastify', 'koa', 'fetch'],
  bus: ['bus', 'event-bus'],
  cell: ['atom'],
  engine: ['atrion', 'admission'],
  hot: ['seam'],
  lane: ['seam'],
  env: ['seam'],
  inbox: ['seam', 'atom'],
  names: ['system'],
  random: ['system'],
  rate: ['rate', 'rate-limiter', 'limiter'],
  resistance: ['atrion'],
  restart: ['process', 'supervisor'],
  slab: ['seam'],
  supervisor: ['supervisor', 'otp'],
  time: ['clock'],
}

/** The words of a path that name rooms: `src/core/cache/shared/names.rs` has `cache` and `shared`. */
const wordsOf = (path) =>
  path
    .split('/')
    .map((part) => part.replace(/\.(rs|ts|mts|mjs)$/, ''))
    .filter((word) => !['src', 'core', 'binding', 'js', 'mod', 'index', 'lib', 'internal'].includes(word))

/** The rooms that a changed file of src/ stands for: its module's, or its file's in the flat part of src/binding. */
function roomsOfRust(path) {
  const [first = '', ...rest] = wordsOf(path)
  const name = first.split('_')[0]
  return [...(OTHER_NAMES[first] ?? OTHER_NAMES[name] ?? [name]), ...rest.filter((word) => word in OTHER_NAMES)]
}

const relativeImports = (text) => [...text.matchAll(/\bfrom '(\.[^']+)'/g)].map(([, target]) => target)

const roomOf = (path) => path.split('/').slice(0, 2).join('/')

/** Files of js/ that import something from the room of `changed`, and are not in it. `sources` are `{ path, text }`. */
export function importersOf(changed, sources) {
  const room = roomOf(changed)
  const imports = ({ path, text }) =>
    roomOf(path) !== room && relativeImports(text).some((target) => roomOf(posix.join(dirname(path), target)) === room)
  return sources.filter(imports).map(({ path }) => path)
}

/** The filters of `cargo test` for changed files of src/core: the modules they are in. */
export function rustFilters(changed) {
  const modules = changed.filter((path) => path.startsWith('src/core/')).map((path) => wordsOf(path)[0])
  return [...new Set(modules)].map((name) => `core::${name}::`)
}

const closest = (ranks) => ranks.filter((rank) => rank !== undefined).toSorted((one, other) => one - other)[0]

/** Returns the distance of a test file from a changed file. 0: itself or its mirror. `undefined`: unrelated. */
function distance(test, changed, importers) {
  if (test === changed) return 0
  const inTest = wordsOf(test.replace('__test__/', ''))
  const name = inTest.at(-1)?.replace('.test', '') ?? ''
  const near = (path) => {
    const words = wordsOf(path)
    const file = words.at(-1) ?? ''
    const folder = words.slice(0, -1).join('/')
    if (!test.startsWith(`__test__/${words[0]}/`)) return undefined
    if (name === file || name.startsWith(`${file}-`)) return 0
    return words.length > 2 && test.startsWith(`__test__/${folder}/`) ? 1 : 2
  }
  if (changed.startsWith('js/')) {
    const own = near(changed)
    const through = closest(importers.map(near))
    return closest([own, through === undefined ? undefined : through + 3])
  }
  if (changed.startsWith('src/')) {
    const at = roomsOfRust(changed).findIndex((room) =>
      inTest.some((word) => word === room || word.startsWith(`${room}-`)),
    )
    return at === -1 ? undefined : 1 + at
  }
  if (changed.startsWith('__test__/')) return test.startsWith(`${dirname(changed)}/`) ? 2 : undefined
  if (/^(scripts|bench)\//.test(changed)) return test.startsWith('__test__/package/') ? 1 : undefined
  if (/^(docs\/|README|ARCHITECTURE)/.test(changed)) return test.includes('/docs.test.') ? 1 : undefined
  if (changed.startsWith('examples/')) return test.startsWith('__test__/examples/') ? 1 : undefined
  return undefined
}

/** Test files by how near they are to what changed, the nearest first; those that have nothing to do with it are left out. */
export function relatedTests(changed, tests, sources) {
  const importers = new Map(changed.map((path) => [path, path.startsWith('js/') ? importersOf(path, sources) : []]))
  const rank = (test) => Math.min(...changed.map((path) => distance(test, path, importers.get(path)) ?? Infinity))
  return tests
    .map((test) => ({ test, rank: rank(test) }))
    .filter((each) => each.rank < Infinity)
    .toSorted((one, other) => one.rank - other.rank || one.test.localeCompare(other.test))
    .map(({ test }) => test)
}

/** The first of `tests` whose times fit in `seconds` of `workers` at a time. One always fits. */
export function within(seconds, tests, timeOf, workers) {
  let sum = 0
  const fits = (test) => {
    sum += timeOf(test)
    return sum <= seconds * workers
  }
  const chosen = tests.filter(fits)
  return chosen.length > 0 ? chosen : tests.slice(0, 1)
}
