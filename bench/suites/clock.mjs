// Time: keelson's clocks against @sinonjs/fake-timers, which vitest and jest use, and against the host's own clock.
import FakeTimers from '@sinonjs/fake-timers'
import { createControlledClock, createSystemClock } from 'keelson/clock'

import { shuffled } from '../lib/random.mjs'

const timers = 100_000
const delays = shuffled(timers, 1)
const sleeps = 100_000
const naps = shuffled(sleeps, 3)

/** Fails the benchmark when the two sides did not do the same work. */
function expectFired(fired, count) {
  if (fired !== count) throw new Error(`${fired} timers fired, not ${count}`)
}

function fire(due) {
  const clock = createControlledClock()
  let fired = 0
  for (const delay of due) clock.schedule(delay, () => (fired += 1))
  clock.advanceBy(due.length)
  expectFired(fired, due.length)
  clock.close()
}

function fireSinon(due) {
  const clock = FakeTimers.createClock(0)
  let fired = 0
  for (const delay of due) clock.setTimeout(() => (fired += 1), delay)
  clock.tick(due.length)
  expectFired(fired, due.length)
}

async function sleepAll() {
  const clock = createControlledClock()
  let fired = 0
  for (const delay of naps) void clock.sleep(delay).then(() => (fired += 1))
  await clock.advance(sleeps)
  expectFired(fired, sleeps)
  clock.close()
}

async function sleepAllSinon() {
  const clock = FakeTimers.createClock(0)
  let fired = 0
  for (const delay of naps) void new Promise((resolve) => clock.setTimeout(resolve, delay)).then(() => (fired += 1))
  await clock.tickAsync(sleeps)
  expectFired(fired, sleeps)
}

/** One callback for all: what grows is the work on timers, not the collector's work on the caller's closures. */
function fireShared(due) {
  const clock = createControlledClock()
  let fired = 0
  const callback = () => (fired += 1)
  for (const delay of due) clock.schedule(delay, callback)
  clock.advanceBy(due.length)
  expectFired(fired, due.length)
  clock.close()
}

const scheduled = {
  setup: () => {
    const clock = createControlledClock()
    return delays.map((delay) => clock.schedule(delay, () => {}))
  },
  run: (handles) => {
    for (const handle of handles) handle.cancel()
  },
}

const scheduledSinon = {
  setup: () => {
    const clock = FakeTimers.createClock(0)
    return { clock, ids: delays.map((delay) => clock.setTimeout(() => {}, delay)) }
  },
  run: ({ clock, ids }) => {
    for (const id of ids) clock.clearTimeout(id)
  },
}

const reads = 200_000
// The sum keeps the reads from being optimised away.
let sink = 0

const readClock = (clock) => () => {
  for (let i = 0; i < reads; i += 1) {
    const now = clock.now()
    sink += now.wallMs + now.monoMs
  }
}

function readHost() {
  for (let i = 0; i < reads; i += 1) sink += Date.now() + performance.now()
}

const growth = [10_000, 100_000, 1_000_000]

export default {
  name: 'clock',
  cases: [
    {
      name: 'schedule and fire 100,000 timers',
      unit: 'ns/op',
      iterations: timers,
      ours: () => fire(delays),
      peer: { name: '@sinonjs/fake-timers', fn: () => fireSinon(delays) },
      bar: { ratio: 0.1 },
    },
    {
      name: 'sleep 100,000 times',
      unit: 'ns/op',
      iterations: sleeps,
      ours: sleepAll,
      peer: { name: '@sinonjs/fake-timers', fn: sleepAllSinon },
    },
    {
      name: 'cancel 100,000 timers',
      unit: 'ns/op',
      iterations: timers,
      ours: scheduled,
      peer: { name: '@sinonjs/fake-timers', fn: scheduledSinon },
    },
    {
      name: 'schedule and fire timers, a closure each',
      unit: 'ms',
      sizes: growth,
      setup: (size) => shuffled(size, 2),
      ours: fire,
    },
    {
      name: 'schedule and fire timers',
      unit: 'ms',
      sizes: growth,
      setup: (size) => shuffled(size, 2),
      ours: fireShared,
      bar: { growth: 13 },
    },
    {
      name: 'now() of the system clock',
      unit: 'ns/op',
      iterations: reads,
      ours: readClock(createSystemClock()),
      peer: { name: 'Date.now() + performance.now()', fn: readHost },
      bar: { ratio: 1.2 },
    },
    {
      name: 'now() of a controlled clock',
      unit: 'ns/op',
      iterations: reads,
      ours: readClock(createControlledClock()),
      bar: { value: 20 },
    },
  ],
  /** Read by nobody: what keeps the loops alive. */
  sink: () => sink,
}
