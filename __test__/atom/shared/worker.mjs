// What the tests of shared atoms run on other threads: `workerData.job` names it.
import { parentPort, workerData } from 'node:worker_threads'
import { createSharedAtom, createSystem, getDefaultSystem, sharedCounter, sharedFlag } from 'keelson'

const { job, namespace, count = 0 } = workerData

const jobs = {
  /** Increments by swap; the values that this thread committed. */
  increment() {
    const atom = createSharedAtom('n', 0, { namespace })
    const start = sharedFlag('start', { namespace })
    const values = new Uint32Array(count)
    parentPort.postMessage('ready')
    while (!start.value);
    for (let index = 0; index < count; index++) values[index] = atom.swap((n) => n + 1)
    parentPort.postMessage(values)
  },

  /** Adds to an object and a counter, with a reason. */
  append() {
    const atom = createSharedAtom('list', { items: [] }, { namespace })
    const counter = sharedCounter('added', { namespace })
    for (let index = 0; index < count; index++) {
      atom.swap((list) => ({ items: [...list.items, `${workerData.id}/${index}`] }), { cause: { by: workerData.id } })
      counter.increment()
    }
    parentPort.postMessage('done')
  },

  /** The atoms of this thread by name. */
  look() {
    const shared = createSharedAtom('look', 'from the worker')
    const own = createSharedAtom('look', 'private to the worker', { system: createSystem() })
    shared.watch(({ to }) => {
      if (to !== 'news') return
      shared.reset(`${to}, seen`)
      parentPort.postMessage([getDefaultSystem().namespace, to, own.deref()])
    })
    parentPort.postMessage(shared.deref())
    // A watcher holds no event loop open.
    parentPort.once('message', () => {})
  },

  /** Commits, watches, opens and closes until it is terminated. */
  async churn() {
    parentPort.postMessage('ready')
    for (;;) {
      const system = createSystem({ namespace })
      const atoms = ['a', 'b', 'c'].map((name) => createSharedAtom(name, { n: 0, pad: 'x'.repeat(100) }, { system }))
      for (const atom of atoms) {
        atom.watch(() => {})
        atom.watch(({ to }) => to.n % 7 === 0 && atom.swap(({ n, pad }) => ({ n: n + 1, pad })), { coalesce: true })
      }
      const counter = sharedCounter('churned', { system })
      for (let index = 0; index < 200; index++) {
        atoms[index % 3].swap(({ n, pad }) => ({ n: n + 1, pad }))
        counter.increment()
        if (index % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      await system.close()
    }
  },
}

await jobs[job]()
