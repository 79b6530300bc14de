// A worker of the atom-shared suite: increments a number that two threads share, in one of two ways.
import { parentPort, workerData } from 'node:worker_threads'
import { createSharedAtom } from 'keelson/atom'

const { side, count, warmup } = workerData

/** Each increment is a swap that this thread commits itself. */
function swaps() {
  const atom = createSharedAtom('increments', 0)
  return (times) => {
    for (let done = 0; done < times; done += 1) atom.swap((n) => n + 1)
  }
}

/** Each increment asks the thread that owns the number, and waits for its answer. */
function asks() {
  return async (times) => {
    for (let done = 0; done < times; done += 1) {
      const answer = new Promise((resolve) => {
        parentPort.once('message', resolve)
      })
      parentPort.postMessage('increment')
      await answer
    }
  }
}

const increment = side === 'swap' ? swaps() : asks()
await increment(warmup)
parentPort.once('message', async () => {
  await increment(count)
  parentPort.postMessage('done')
})
parentPort.postMessage('ready')
