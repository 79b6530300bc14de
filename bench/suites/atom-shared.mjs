// Shared atoms: what looking, counting and competing costs, against the usual way, an owner thread that is asked.
import { Worker } from 'node:worker_threads'
import { createSharedAtom, sharedCounter, sharedFlag } from 'keelson/atom'

const reads = 2_000_000
const threads = 2
const count = 100_000
const warmup = 40_000
let sink = 0

/** Two threads that increment the same number; timed from the word to begin until both are done. */
function competing(side) {
  return {
    setup: async () => {
      const atom = createSharedAtom('increments', 0)
      let owned = 0
      const begin = atom.deref()
      const workers = Array.from({ length: threads }, () => {
        const worker = new Worker(new URL('../lib/increments.mjs', import.meta.url), {
          workerData: { side, count, warmup },
        })
        const stages = { ready: undefined, done: undefined }
        const told = Object.keys(stages).map((stage) => new Promise((resolve) => (stages[stage] = resolve)))
        worker.on('message', (message) => {
          if (message === 'increment') worker.postMessage((owned += 1))
          else stages[message]()
        })
        return { worker, ready: told[0], done: told[1] }
      })
      await Promise.all(workers.map(({ ready }) => ready))
      return { atom, workers, total: () => (side === 'swap' ? atom.deref() - begin : owned) }
    },
    run: async ({ workers }) => {
      for (const { worker } of workers) worker.postMessage('begin')
      await Promise.all(workers.map(({ done }) => done))
    },
    teardown: async ({ atom, workers, total }) => {
      const expected = threads * (count + warmup)
      if (total() !== expected) throw new Error(`${total()} increments, not ${expected}`)
      await Promise.all(workers.map(({ worker }) => worker.terminate()))
      atom.close()
    },
  }
}

const times = (body) => () => {
  for (let index = 0; index < reads; index += 1) sink += body()
}

const number = createSharedAtom('number', 1)
const object = createSharedAtom('object', { limits: { perSecond: 10, burst: 20 }, tags: ['a', 'b'] })
const counter = sharedCounter('counter')
const flag = sharedFlag('flag')
const text = JSON.stringify(object.deref())

export default {
  name: 'atom-shared',
  cases: [
    {
      name: 'read an unchanged number',
      unit: 'ns/op',
      iterations: reads,
      ours: times(() => number.deref()),
      bar: { value: 30 },
    },
    {
      name: 'read an unchanged object',
      unit: 'ns/op',
      iterations: reads,
      ours: times(() => object.deref().limits.burst),
      peer: { name: 'JSON.parse of its text', fn: times(() => JSON.parse(text).limits.burst) },
      bar: { value: 30 },
    },
    { name: 'look at a flag', unit: 'ns/op', iterations: reads, ours: times(() => (flag.value ? 1 : 0)) },
    { name: 'add to a counter', unit: 'ns/op', iterations: reads, ours: times(() => counter.increment()) },
    {
      name: 'increment by swap, alone',
      unit: 'ns/op',
      iterations: reads,
      ours: times(() => number.swap((n) => n + 1)),
    },
    {
      name: 'increment from two threads at once',
      unit: 'ns/op',
      iterations: threads * count,
      ours: competing('swap'),
      peer: { name: 'asking an owner over postMessage', fn: competing('ask') },
      rounds: 5,
      warmup: 1,
      bar: { ratio: 0.05 },
    },
  ],
  /** Read by nobody: what keeps the loops alive. */
  sink: () => sink,
}
