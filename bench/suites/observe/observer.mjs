// Observer: what a snapshot and a page of a table cost, what the rings hold, and what it costs to be watched.
import { createAtom } from 'keelson/atom'
import { Atrion } from 'keelson/atrion'
import { observe } from 'keelson/observe'
import { GenServer, Observer, Supervisor } from 'keelson/otp'
import { createSystem } from 'keelson/system'

const some = 10_000
const many = 100_000
const page = 50
const messages = 100_000
const requests = 100_000
const atoms = 1000
const message = { type: 'add', by: 1 }

const counter = { init: () => 0, handleCast: ({ by }, count) => count + by, handleCall: (_, count) => [count, count] }

/** A system with so many processes, a tenth of them below supervisors. */
async function withProcesses(count) {
  const system = createSystem({ name: 'bench' })
  const start = () => GenServer.start(counter, { system })
  const children = Array.from({ length: 100 }, (_, index) => ({ id: `child-${index}`, start }))
  const supervisors = count / 1000
  for (let group = 0; group < supervisors; group += 1) await Supervisor.start({ system, children })
  for (let left = count - supervisors * (children.length + 1); left > 0; left -= 1) await start()
  mustHave(Observer.getProcessCount(system), count)
  return system
}

function mustHave(found, wanted) {
  if (found !== wanted) throw new Error(`${found}, not ${wanted}`)
}

/** Casts messages to a process, and waits until they are handled. */
async function sendAll({ ref }) {
  for (let number = 0; number < messages; number += 1) GenServer.cast(ref, message)
  await GenServer.call(ref, 'get')
}

/** Admits requests and ends them. */
function admitAll({ gate }) {
  for (let number = 0; number < requests; number += 1) {
    const ticket = gate.tryAdmit('db')
    if (ticket.allow) ticket.done()
  }
}

async function service() {
  const system = createSystem({ name: 'bench' })
  return { system, ref: await GenServer.start(counter, { system }), gate: new Atrion({ system }) }
}

/** Handles messages and admits requests, so that the code is compiled: a garbage collection may have dropped it. */
async function warm(parts) {
  for (let round = 0; round < 3; round += 1) {
    await sendAll(parts)
    admitAll(parts)
  }
  return parts
}

/** A service that is watched in each way at once. */
async function watched() {
  const parts = await service()
  const { system } = parts
  const observation = await observe(system, { http: true })
  const ends = [Observer.subscribe(() => {}, system), Observer.startPolling(250, () => {}, system)]
  return { ...parts, observation, ends }
}

async function endWatched({ ends, observation, system }) {
  for (const end of ends) end()
  await observation.close()
  await system.close()
}

export const cases = [
  {
    name: `snapshot of ${some} processes`,
    unit: 'ms',
    iterations: 1,
    // A reader looks again and again, so the code is warm.
    warmup: 30,
    bar: { value: 5 },
    setup: () => withProcesses(some),
    ours: (system) => mustHave(Observer.getSnapshot(system).processCount, some),
  },
  ...['mailbox', 'messages', 'startedAt'].map((by) => ({
    name: `first ${page} of ${many} processes, by ${by}`,
    unit: 'ms',
    iterations: 1,
    // A reader looks again and again, so the code is warm.
    warmup: 30,
    bar: { value: 5 },
    setup: () => withProcesses(many),
    ours: (system) => mustHave(Observer.top({ kind: 'process', by, limit: page }, system).rows.length, page),
  })),
  {
    name: 'messages to a process, watched in each way',
    unit: 'ns',
    iterations: messages,
    rounds: 31,
    bar: { ratio: 1.05 },
    ours: { setup: async () => warm(await watched()), run: sendAll, teardown: endWatched },
    peer: {
      name: 'keelson, not watched',
      fn: { setup: async () => warm(await service()), run: sendAll, teardown: ({ system }) => system.close() },
    },
  },
  {
    name: 'admissions, watched in each way',
    unit: 'ns',
    iterations: requests,
    rounds: 31,
    bar: { ratio: 1.05 },
    ours: { setup: async () => warm(await watched()), run: admitAll, teardown: endWatched },
    peer: {
      name: 'keelson, not watched',
      fn: { setup: async () => warm(await service()), run: admitAll, teardown: ({ system }) => system.close() },
    },
  },
  {
    name: 'an atom that is created and changed once',
    unit: 'ns',
    iterations: atoms,
    ours: () => {
      for (let number = 0; number < atoms; number += 1) createAtom(number).reset(-1)
    },
  },
  {
    name: 'memory of the rings of crashes and restarts, when they are full',
    unit: 'bytes',
    paired: { ours: { file: new URL('../../lib/ring-bytes.mjs', import.meta.url).pathname, args: [] } },
  },
]
