// A program of the actor suite: starts processes and stops them, one after the other, and prints the median of what one takes,
// in ns. In a program of its own, because what other actors leave on the heap is collected at its expense.
const [kind] = process.argv.slice(2)
const [rounds, count] = [15, 20_000]

const behavior = {
  init: () => ({ count: 0 }),
  handleCall: (_, state) => [state.count, state],
  handleCast: (_, state) => state,
}

const makers = {
  async keelson() {
    const { GenServer } = await import('keelson/otp')
    return async () => GenServer.stop(await GenServer.start(behavior))
  },
  async nact() {
    const { spawn, start, stop } = await import('nact')
    const root = start()
    return () => stop(spawn(root, (state) => state))
  },
  async xstate() {
    const { createActor, createMachine } = await import('xstate')
    const machine = createMachine({ on: { cast: {} } })
    return () => createActor(machine).start().stop()
  },
}

const once = await makers[kind]()
const times = []
for (let round = 0; round < rounds; round += 1) {
  const began = process.hrtime.bigint()
  for (let index = 0; index < count; index += 1) await once()
  times.push(Number(process.hrtime.bigint() - began) / count)
}
const { median } = await import('./stats.mjs')
console.log(JSON.stringify(median(times)))
process.exit(0)
