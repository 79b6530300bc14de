// How a case becomes rows. All values are costs (time, bytes): lower is better, and ratio = ours / peer.
import { pairedRounds } from './paired.mjs'
import { median, spread } from './stats.mjs'

const units = { 'ns/op': 1, 'µs/op': 1e3, ms: 1e6, ns: 1 }
const collect = () => globalThis.gc?.()

/** A side is a function, or `{ setup?, run, teardown? }` where `run` gets what `setup` made. */
const sideOf = (side) => (typeof side === 'function' ? { run: side } : side)

/** One timed run, in nanoseconds; a promise is awaited only when there is one. */
async function once(side, shared) {
  const { setup, run, teardown } = sideOf(side)
  const context = setup ? await setup(shared) : shared
  collect()
  const start = process.hrtime.bigint()
  const result = run(context)
  if (typeof result?.then === 'function') await result
  const elapsed = Number(process.hrtime.bigint() - start)
  await teardown?.(context)
  return elapsed
}

/** Times every side once a round, the first one changing each round, after warm-up rounds that are thrown away. */
async function alternate(sides, { rounds, warmup, shared }) {
  const names = Object.keys(sides)
  const samples = Object.fromEntries(names.map((name) => [name, []]))
  for (let round = -warmup; round < rounds; round += 1) {
    const order = round % 2 === 0 ? names : names.toReversed()
    for (const name of order) {
      const elapsed = await once(sides[name], shared)
      if (round >= 0) samples[name].push(elapsed)
    }
  }
  return samples
}

/** Returns whether a bar holds: `{ ratio }` against the ratio, `{ value }` against our own value. */
function judged(row, bar) {
  if (!bar) return row
  const limit = bar.ratio ?? bar.value
  const measured = bar.ratio === undefined ? row.ours : row.ratio
  return { ...row, bar: { kind: bar.ratio === undefined ? 'value' : 'ratio', limit, met: measured <= limit } }
}

function rowOf(suite, { name, unit = 'ns/op', peer, bar }, ours, theirs, rounds) {
  const value = median(ours)
  const other = theirs && median(theirs)
  const ratio = other ? value / other : null
  const ratios = other ? ours.map((sample, i) => sample / theirs[i]) : undefined
  const row = { suite, case: name, ours: value, peer: other ?? null, unit, ratio, rounds, peerName: peer?.name }
  return judged({ ...row, spread: spread(ratios ?? ours) }, bar)
}

/** The same work at growing sizes: each size against the one before it, grown linearly. */
async function growthRows(suite, test, options) {
  const { name, unit = 'ms', sizes, ours, bar } = test
  const measured = []
  for (const size of sizes) {
    const shared = test.setup ? await test.setup(size) : size
    const { side } = await alternate({ side: ours }, { ...options, shared })
    measured.push(side.map((nanoseconds) => nanoseconds / units[unit]))
  }
  return sizes.slice(1).map((size, i) => {
    const factor = size / sizes[i]
    const linear = measured[i].map((sample) => sample * factor)
    const label = `${name}: ${size} against ${sizes[i]}`
    // A bar of 13x for ten times the work is a ratio of 1.3 to linear growth; it is set for the last step.
    const last = i === sizes.length - 2 && bar ? { ratio: bar.growth / factor } : undefined
    const described = { name: label, unit, peer: { name: 'linear growth' }, bar: last }
    return rowOf(suite, described, measured[i + 1], linear, options.rounds)
  })
}

async function pairedRow(suite, test, { rounds }) {
  const { ours, peer } = test.paired
  const results = await pairedRounds({ ours, peer, rounds })
  const read = test.read ?? ((result) => result)
  const theirs = peer ? results.peer.map(read) : undefined
  return rowOf(suite, { ...test, peer }, results.ours.map(read), theirs, rounds)
}

/** A case that counts by itself: the samples of each side. */
async function figuresRow(suite, test) {
  const { ours, peer } = await test.figures()
  return rowOf(suite, test, ours, test.peer && peer, ours.length)
}

/** A case without its peer and what is judged against it. Growth is its own peer. */
const alone = (test) => ({
  ...test,
  peer: undefined,
  bar: undefined,
  ...(test.paired && { paired: { ours: test.paired.ours } }),
})

/** Measures one case of a suite. `options` are `{ rounds, warmup, alone }` from the command line. */
export async function measure(suite, given, options) {
  const test = options.alone === true && !given.sizes ? alone(given) : given
  const rounds = options.rounds ?? test.rounds ?? 7
  const own = { rounds, warmup: options.warmup ?? test.warmup ?? 5 }
  if (test.figures) return [await figuresRow(suite, test)]
  if (test.paired) return [await pairedRow(suite, test, own)]
  if (test.sizes) return growthRows(suite, test, own)
  const { unit = 'ns/op', iterations = 1, setup, ours, peer } = test
  const shared = setup ? await setup() : undefined
  const sides = { ours, ...(peer && { peer: peer.fn }) }
  const samples = await alternate(sides, { ...own, shared })
  const scaled = (side) => samples[side]?.map((nanoseconds) => nanoseconds / iterations / units[unit])
  return [rowOf(suite, test, scaled('ours'), scaled('peer'), rounds)]
}
