// A program of the actor-memory suite: makes many processes that wait, and prints what one takes, in bytes: of the
// JavaScript heap, and of memory outside of it (what the process has resident beyond the heap).
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')
const [kind] = process.argv.slice(2)
const count = 400_000

const behavior = {
  init: () => 0,
  handleCall: (_, state) => [state, state],
  handleCast: (_, state) => state,
}

const makers = {
  async keelson() {
    const { GenServer } = await import('keelson/otp')
    return () => GenServer.start(behavior)
  },
  async process() {
    const { createRootSupervisor } = await import('keelson/process')
    const supervisor = createRootSupervisor()
    const spec = { name: 'idle', init: () => 0, handle: (state) => state }
    return () => supervisor.spawn(spec, {})
  },
  async nact() {
    const { spawn, start } = await import('nact')
    const root = start()
    let made = 0
    return () => spawn(root, (state) => state, `idle-${made++}`)
  },
  async xstate() {
    const { createActor, createMachine } = await import('xstate')
    const machine = createMachine({ on: { cast: {} } })
    return () => createActor(machine).start()
  },
}

async function memory() {
  for (let round = 0; round < 3; round += 1) {
    gc()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { heapUsed, heapTotal, rss } = process.memoryUsage()
  return { heap: heapUsed, native: rss - heapTotal }
}

const make = await makers[kind]()
const kept = Array.from({ length: count })
// What is made once, and code that is compiled, is there before the first look.
for (let index = 0; index < 1000; index += 1) kept[index] = await make()
const before = await memory()
for (let index = 1000; index < count; index += 1) kept[index] = await make()
const after = await memory()
const made = count - 1000
console.log(
  JSON.stringify({
    heap: (after.heap - before.heap) / made,
    native: Math.max((after.native - before.native) / made, 0),
  }),
)
// They are alive up to here.
if (kept.length !== count) throw new Error('processes are missing')
process.exit(0)
