// Admission: what a decision costs, against the libraries that bound concurrency in Node.
import { fileURLToPath } from 'node:url'

import { bulkhead } from 'cockatiel'
import { Atrion } from 'keelson/atrion'
import pLimit from 'p-limit'

const calls = 100_000
const heavy = { profile: 'HEAVY' }
const telemetry = { latencyMs: 45, errorRate: 0.01, saturation: 0.3 }

function admitAndDone() {
  const atrion = new Atrion()
  return {
    setup: () => atrion,
    run: () => {
      for (let call = 0; call < calls; call += 1) atrion.tryAdmit('db').done()
    },
  }
}

async function awaitAdmitAndDone(atrion) {
  for (let call = 0; call < calls; call += 1) (await atrion.admit('db')).done()
}

const work = () => 1

async function runAll(atrion) {
  for (let call = 0; call < calls; call += 1) await atrion.run('db', work)
}

const policy = bulkhead(64)
async function bulkheadAll() {
  for (let call = 0; call < calls; call += 1) await policy.execute(work)
}

const limit = pLimit(64)
async function limitAll() {
  for (let call = 0; call < calls; call += 1) await limit(work)
}

/** An engine whose only place is taken, and its trickle spent. */
function shut() {
  const atrion = new Atrion({ admission: { limit: 1, maxQueue: 0, tricklePerSecond: 0.001, trickleShare: 0 } })
  let ticket = atrion.tryAdmit('db')
  while (ticket.allow) ticket = atrion.tryAdmit('db')
  return atrion
}

const closed = bulkhead(1)
void closed.execute(() => new Promise(() => {}))

async function rejectAll() {
  for (let call = 0; call < calls; call += 1) await closed.execute(work).catch(() => {})
}

/** The same work at 1, 10 and 100 times as many routes. */
function routes(count) {
  const atrion = new Atrion({ maxRoutes: 200_000 })
  const names = Array.from({ length: count }, (_, index) => `route/${index}`)
  for (const name of names) atrion.route(name, telemetry)
  return { atrion, names }
}

/** An engine that shares its state, with a process that is not there to answer soon. */
async function sharing() {
  const provider = {
    name: 'slow',
    maxBatch: 256,
    connect: async () => {},
    exchange: async (offers) => offers.map(() => ({ tick: 1, stored: undefined })),
    reset: () => {},
    disconnect: async () => {},
  }
  const atrion = new Atrion({ provider })
  await atrion.connect()
  return atrion
}

// Prints the bytes a route takes, in the whole process: the core and JavaScript's table, without the letters of its name.
const routeMemory = fileURLToPath(new URL('../lib/route-memory.mjs', import.meta.url))

export default {
  name: 'admission',
  cases: [
    {
      name: 'tryAdmit and done',
      unit: 'ns/op',
      iterations: calls,
      ours: admitAndDone(),
      bar: { value: 400 },
    },
    {
      name: 'await admit and done, against a bulkhead',
      unit: 'ns/op',
      iterations: calls,
      setup: () => new Atrion(),
      ours: awaitAdmitAndDone,
      peer: { name: 'cockatiel bulkhead', fn: bulkheadAll },
      bar: { value: 400 },
    },
    {
      name: 'run, with its timeout, against a limiter without',
      unit: 'ns/op',
      iterations: calls,
      setup: () => new Atrion(),
      ours: runAll,
      peer: { name: 'p-limit', fn: limitAll },
    },
    {
      name: 'a shed request, against a rejection',
      unit: 'ns/op',
      iterations: calls,
      setup: shut,
      ours: (atrion) => {
        for (let call = 0; call < calls; call += 1) atrion.tryAdmit('db')
      },
      peer: { name: 'cockatiel bulkhead', fn: rejectAll },
      bar: { value: 1000 },
    },
    {
      name: 'route()',
      unit: 'ns/op',
      iterations: calls,
      setup: () => new Atrion(),
      ours: (atrion) => {
        for (let call = 0; call < calls; call += 1) atrion.route('api/checkout', telemetry)
      },
      bar: { value: 300 },
    },
    {
      name: 'route() while state is shared',
      unit: 'ns/op',
      iterations: calls,
      setup: sharing,
      ours: (atrion) => {
        for (let call = 0; call < calls; call += 1) atrion.route('api/checkout', telemetry)
      },
      bar: { value: 300 },
    },
    {
      name: 'route() with a profile a call',
      unit: 'ns/op',
      iterations: calls,
      setup: () => new Atrion(),
      ours: (atrion) => {
        for (let call = 0; call < calls; call += 1) atrion.route('ml/inference', telemetry, heavy)
      },
      bar: { value: 400 },
    },
    {
      name: 'memory of a route, of 100,000, against a Map of plain objects with as many numbers',
      unit: 'B',
      paired: {
        ours: { file: routeMemory, args: ['keelson'] },
        peer: { file: routeMemory, args: ['map'], name: 'Map of objects' },
      },
      bar: { value: 200 },
    },
    {
      name: '100,000 calls of route() over many routes',
      unit: 'ms',
      sizes: [1000, 10_000, 100_000],
      setup: routes,
      ours: ({ atrion, names }) => {
        for (let call = 0; call < calls; call += 1) atrion.route(names[call % names.length], telemetry)
      },
    },
  ],
}
