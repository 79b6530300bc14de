// What the tests of shared caches run on other threads: `workerData.job` names it.
import { parentPort, workerData } from 'node:worker_threads'
import { Cache, createSystem, sharedCounter, sharedFlag } from 'keelson'

const { job, namespace, count = 0, id = 0 } = workerData

const options = { name: 'cache', shared: true, namespace, maxSize: 1000 }
const next = () => new Promise((resolve) => setImmediate(resolve))

const jobs = {
  /** Asks for all keys, in an order of its own; how often its own loader was called. */
  async load() {
    const { handle } = await Cache.start(options)
    const start = sharedFlag('start', { namespace })
    const calls = sharedCounter('calls', { namespace })
    parentPort.postMessage('ready')
    while (!start.value);
    const asked = Array.from({ length: count }, (_, index) => {
      const key = (index * 7 + id * 13) % count
      return handle.getOrSet(key, async () => {
        calls.increment()
        await next()
        return { key, by: id }
      })
    })
    parentPort.postMessage((await Promise.all(asked)).map(({ key }) => key))
    parentPort.once('message', () => {})
  },

  /** Begins to load and never ends. */
  async hang() {
    const { handle } = await Cache.start(options)
    void handle.getOrSet('k', () => new Promise(() => {}))
    parentPort.postMessage('loading')
    parentPort.once('message', () => {})
  },

  /** Waits for another thread's load, with nothing else that holds its event loop. */
  async wait() {
    const { handle } = await Cache.start(options)
    const asked = handle.getOrSet('k', () => 'loaded by the worker')
    parentPort.postMessage('waiting')
    parentPort.postMessage(await asked)
  },

  /** Stores, removes, loads, opens and closes until it is terminated. */
  async churn() {
    parentPort.postMessage('ready')
    for (;;) {
      const system = createSystem({ namespace })
      const { handle } = await Cache.start({ ...options, system, onEvict: () => {} })
      for (let index = 0; index < 300; index++) {
        const key = (index * 31 + id) % 100
        if (index % 3 === 0) handle.set(key, { index }, { tags: ['t'], ttlMs: 1 + (index % 5) })
        else if (index % 7 === 0) handle.delete(key)
        else void Promise.resolve(handle.getOrSet(key, async () => ({ index }))).catch(() => {})
        if (index % 50 === 0) await next()
        if (index === 200) handle.invalidateTag('t')
      }
      await system.close()
    }
  },
}

await jobs[job]()
