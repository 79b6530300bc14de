// 10 000 random programs of whole systems, simulated twice in one process and once more in another, with each version of
// Node: the digests of one version must be equal. KEELSON_MINUTES bounds each version, and KEELSON_SEED is the first seed.
import { Failure, main } from '../lib/failure.mjs'
import { run } from '../lib/exec.mjs'
import { at } from '../lib/paths.mjs'
import { NODES, runtime } from '../lib/runtimes.mjs'
import { bundleTestModule } from '../lib/test-modules.mjs'

const PROGRAMS = 10_000
const CHUNK = 250

/** Simulates a chunk of programs in a process of its own. */
async function digestsOf(node, world, seed, times) {
  const args = [
    at('scripts', 'long', 'simulation', 'digests-of.mjs'),
    world,
    String(seed),
    String(CHUNK),
    String(times),
  ]
  return JSON.parse(await run(node, args, 'The simulations ended with an error.'))
}

/** Compares the digests of one version of Node. Returns the counts. */
async function compare(node, world, first) {
  const end = performance.now() + Number(process.env.KEELSON_MINUTES ?? Infinity) * 60_000
  const counts = { programs: 0, inOne: 0, inTwo: 0, failures: [] }
  for (let seed = first; counts.programs < PROGRAMS && performance.now() < end; seed += 1) {
    const [one, other] = [await digestsOf(node, world, seed, 2), await digestsOf(node, world, seed, 1)]
    counts.programs += one.digests.length
    counts.inOne += one.differing
    counts.inTwo += one.digests.filter((digest, index) => digest !== other.digests[index]).length
    counts.failures.push(...one.digests.filter((digest) => digest.includes(' ')))
  }
  return counts
}

await main(async () => {
  const world = await bundleTestModule('simulated-worlds', 'simulation', 'model', 'program.ts')
  const first = Number(process.env.KEELSON_SEED ?? Math.floor(Math.random() * 2 ** 31))
  const lines = []
  let isWrong = false
  for (const major of NODES) {
    const node = await runtime(major)
    if (node === undefined) throw new Failure(`The registry has no Node ${major} for this platform.`)
    const { programs, inOne, inTwo, failures } = await compare(node, world, first)
    isWrong ||= inOne + inTwo + failures.length > 0
    const wrong = failures.length === 0 ? '' : `, ${failures.length} failures, the first: ${failures[0]}`
    lines.push(`Node ${major}: ${inOne} differ in one process and ${inTwo} in two, of ${programs}${wrong}`)
  }
  process.stdout.write(`random programs of whole systems, seeds from ${first}: ${lines.join('; ')}\n`)
  return isWrong ? 1 : 0
})
