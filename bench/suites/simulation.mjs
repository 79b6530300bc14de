// Simulations: what a step, idle time, an empty run and a replay cost, and how many runs find a race.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { GenServer } from 'keelson/otp'
import { explore, linearizable, replay } from 'keelson/simulation'

import { seeded } from '../lib/random.mjs'

import { cases as core } from './simulation/core.mjs'
import { cases as races } from './simulation/races.mjs'

const STEPS = 50_000
const SLEEPS = 10_000
const HOUR_MS = 3_600_000
const RUNS = 200

const quiet = { runs: 1, seed: 1, checkEvery: 0, steps: 10 * STEPS, print: () => {} }

/** Fails the benchmark when a program failed. */
async function run(program, options) {
  const { failure } = await explore(program, { ...quiet, ...options })
  if (failure !== undefined) throw failure.error
}

const relay = {
  init: () => 0,
  handleCast: ({ left, to }, handled) => {
    if (left > 0) GenServer.cast(to[left % to.length], { left: left - 1, to })
    return handled + 1
  },
}

/** Four messages wander between nine processes on three nodes. */
async function wander(sim) {
  const to = []
  for (const name of ['a', 'b', 'c']) {
    for (let index = 0; index < 3; index += 1) to.push(await GenServer.start(relay, { system: sim.system(name) }))
  }
  for (let index = 0; index < 4; index += 1) GenServer.cast(to[index], { left: STEPS / 4 - 1, to })
  await sim.settle()
}

async function turns() {
  for (let turn = 0; turn < STEPS; turn += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}

async function sleepHours(sim) {
  const { clock } = sim.system('a')
  for (let index = 0; index < SLEEPS; index += 1) await clock.sleep(HOUR_MS)
}

async function beatSeconds(sim) {
  const { clock } = sim.system('a')
  let beats = 0
  const heartbeat = clock.interval(1000, () => {
    beats += 1
  })
  await sim.clock.sleep(SLEEPS * 1000)
  heartbeat.cancel()
  if (beats < SLEEPS - 1) throw new Error(`${beats} beats`)
}

const account = { init: () => 100, handleCall: (message, balance) => [balance, message ?? balance] }

const teller = (ref) => ({
  init: () => 0,
  handleCall: async (amount, served) => {
    const balance = await GenServer.call(ref, undefined)
    await GenServer.call(ref, balance - amount)
    return ['paid', served + 1]
  },
})

async function bank(sim) {
  const ref = await GenServer.start(account, { system: sim.system('bank') })
  const tellers = []
  for (const name of ['first', 'second']) tellers.push(await GenServer.start(teller(ref), { system: sim.system(name) }))
  await Promise.all(tellers.map((each) => GenServer.call(each, 10)))
  if ((await GenServer.call(ref, undefined)) !== 80) throw new Error('a lost update')
}

const OPERATIONS = 10_000
const KEYS = 100
const CLIENTS = 10

const register = {
  init: () => 0,
  apply: (value, { write }) => (write === undefined ? [value, value] : [write, write]),
  key: ({ key }) => key,
}

/** A history of clients that read and write registers, ten operations at a time; some of them never end. */
function registers() {
  const next = seeded(19)
  const values = Array.from({ length: KEYS }, () => 0)
  const open = []
  const operations = []
  let place = 0
  const end = () => {
    const [operation] = open.splice(Math.floor(next() * open.length), 1)
    const { key, write } = operation.input
    // It takes effect when it ends, or it does not end and may take effect or not.
    const isLost = next() < 0.002
    if (!isLost || next() < 0.5) operation.output = values[key] = write ?? values[key]
    if (isLost) return
    operation.outcome = 'returned'
    operation.returned = place++
  }
  while (operations.length < OPERATIONS) {
    if (open.length === CLIENTS) end()
    const input = { key: Math.floor(next() * KEYS) }
    if (next() < 0.5) input.write = Math.floor(next() * 5)
    const operation = { client: `c${operations.length % CLIENTS}`, input, outcome: 'unknown', called: place++ }
    operations.push(operation)
    open.push(operation)
  }
  while (open.length > 0) end()
  return operations
}

/** The file of a failure. */
async function recorded() {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-bench-'))
  const { failure } = await explore(bank, { ...quiet, runs: 1000, folder })
  return { folder, file: failure.file }
}

export default {
  name: 'simulation',
  cases: [
    {
      name: 'a step: choose a process, let it handle a message',
      unit: 'ns/op',
      iterations: STEPS,
      ours: () => run(wander),
      peer: { name: 'bare turns of setImmediate', fn: turns },
      bar: { ratio: 2 },
    },
    {
      name: 'idle: a virtual hour',
      unit: 'ns/op',
      iterations: SLEEPS,
      ours: () => run(sleepHours),
      // 10^5 virtual seconds a second.
      bar: { value: 36_000_000 },
    },
    {
      name: 'idle: a virtual second with a heartbeat a second',
      unit: 'ns/op',
      iterations: SLEEPS,
      ours: () => run(beatSeconds),
      bar: { value: 10_000 },
    },
    {
      name: 'a run of three nodes with a process each',
      unit: 'µs/op',
      iterations: RUNS,
      ours: () =>
        run(
          async (sim) => {
            for (const name of ['a', 'b', 'c']) await GenServer.start(account, { system: sim.system(name) })
          },
          { runs: RUNS },
        ),
    },
    {
      name: 'check a history of 10 000 operations over 100 keys',
      unit: 'ms',
      iterations: 1,
      ours: {
        setup: registers,
        run: (operations) => {
          const { verdict, text } = linearizable(register).check(operations)
          if (verdict !== 'linearizable') throw new Error(text)
        },
      },
      bar: { value: 1000 },
    },
    {
      name: 'replay a file',
      unit: 'ms',
      iterations: 1,
      ours: {
        setup: recorded,
        run: ({ file }) => replay(file, bank),
        teardown: ({ folder }) => rmSync(folder, { recursive: true }),
      },
      bar: { value: 100 },
    },
    ...core,
    ...races,
  ],
}
