// Prints the heap that the rings of crashes and restarts take, full of errors as long as they are kept.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { GenServer, Observer, Supervisor } from 'keelson/otp'
import { createSystem } from 'keelson/system'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')

const turn = () =>
  new Promise((resolve) => {
    setImmediate(resolve)
  })

const system = createSystem({ name: 'bench', crashReports: false, onError: () => {} })
const failing = {
  init: () => 0,
  handleCast: (number) => {
    throw new Error(`${number} ${'x'.repeat(10_000)}`)
  },
}
const supervisor = await Supervisor.start({
  system,
  restartIntensity: { maxRestarts: 10_000 },
  children: [{ id: 'a', start: () => GenServer.start(failing, { system }) }],
})

/** Fails so often, and returns the heap after that. */
async function heapAfter(crashes) {
  for (let number = 0; number < crashes; number += 1) {
    GenServer.cast(Supervisor.getChild(supervisor, 'a').ref, number)
    await turn()
  }
  gc()
  return process.memoryUsage().heapUsed
}

await heapAfter(1)
const before = await heapAfter(0)
const after = await heapAfter(400)
if (Observer.getRestarts(system).length !== 256) throw new Error('the ring of restarts is not full')
await system.close()
console.log(after - before)
