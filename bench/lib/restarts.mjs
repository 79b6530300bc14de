// A program of the actor-tree suite: one supervisor with so many children, of which one after the other crashes. Prints, in µs,
// the time from a crash's cast to the restarted child, and what it takes to start and to stop a child.
import { GenServer, Supervisor } from 'keelson/otp'
import { createSystem } from 'keelson/system'

import { shuffled } from './random.mjs'
import { quantile } from './stats.mjs'

const size = Number(process.argv[2])
const crashes = 2000
/** Without a line for each crash; the build that this one is compared with may not know the option. */
function quietSystem() {
  try {
    return createSystem({ crashReports: false })
  } catch {
    return createSystem()
  }
}

const system = quietSystem()
const behavior = {
  init: () => 0,
  handleCall: (_, state) => [state, state],
  handleCast: () => {
    throw new Error('crash')
  },
}
const children = Array.from({ length: size }, (_, index) => ({
  id: `${index}`,
  start: () => GenServer.start(behavior, { system }),
}))

let restarted
Supervisor.onLifecycleEvent(({ type }) => {
  if (type === 'restarted') restarted()
}, system)
const began = performance.now()
const supervisor = await Supervisor.start({ system, children, restartIntensity: { maxRestarts: 1_000_000 } })
const start = ((performance.now() - began) * 1000) / size

const order = shuffled(size, 7)
const times = []
for (let round = 0; round < crashes; round += 1) {
  const { ref } = Supervisor.getChild(supervisor, `${order[round % size] - 1}`)
  const again = new Promise((resolve) => {
    restarted = resolve
  })
  const at = performance.now()
  GenServer.cast(ref, 0)
  await again
  times.push((performance.now() - at) * 1000)
}
if (Supervisor.countChildren(supervisor) !== size) throw new Error('children are missing')

const ending = performance.now()
await Supervisor.stop(supervisor)
const stop = ((performance.now() - ending) * 1000) / size
await system.close()
console.log(JSON.stringify({ p50: quantile(times, 0.5), p99: quantile(times, 0.99), start, stop }))
