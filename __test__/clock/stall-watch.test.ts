/** Each kind of wait on a controlled clock that nobody moves is reported. */
import { expect, it, onTestFinished } from 'vitest'
import {
  Atrion,
  bulkhead,
  createControlledClock,
  createSystem,
  effect,
  hedge,
  retry,
  type System,
  timeout,
} from 'keelson'
import { EventBus, GenServer, Supervisor, Task } from 'keelson/otp'
import type { Sleeper } from 'keelson/clock'

import { runToEnd } from '../support/own-process.ts'

const never = (): Promise<never> => new Promise(() => undefined)
const server = { init: () => null, handleCall: never, handleCast: () => null }

/** Runs a program that hangs, and resolves with what the clock tells. */
async function stalled(begin: (system: System) => unknown): Promise<Sleeper[]> {
  return new Promise((resolve) => {
    const clock = createControlledClock({ stallAfterMs: 20, onStall: resolve })
    const system = createSystem({ clock, closeClock: true, onError: () => undefined })
    onTestFinished(() => void system.close())
    void begin(system)
  })
}

it.each<[string, string, RegExp, (system: System) => unknown]>([
  ['a sleep', 'sleep', /./, (system) => system.clock.sleep(1000)],
  [
    'the pause of a retry',
    'pause',
    /between/,
    (system) => retry({ system, name: 'orders', backoff: 1000 }).execute(() => Promise.reject(new Error('no'))),
  ],
  [
    'the pause of an effect that is retried',
    'sleep',
    /fiber/,
    (system) =>
      effect(() => Promise.reject(new Error('no')))
        .retry({ maxAttempts: 2, backoff: 1000 })
        .run({ system })
        .catch(() => undefined),
  ],
  ['a timeout policy', 'limit', /slow thing/, (system) => timeout(1000, { system, name: 'slow thing' }).execute(never)],
  ['a hedge', 'limit', /hedge/, (system) => hedge({ afterMs: 1000, system }).execute(never)],
  [
    'the queue of a bulkhead',
    'limit',
    /bulkhead/,
    (system) => {
      const limited = bulkhead({ limit: 1, queue: 1, queueTimeoutMs: 1000, system })
      void limited.execute(never)
      return limited.execute(never)
    },
  ],
  [
    'the timeout of an effect',
    'limit',
    /timeout of an effect/,
    (system) =>
      effect(never)
        .timeout(1000)
        .run({ system })
        .catch(() => undefined),
  ],
  [
    'a call',
    'limit',
    /call/,
    async (system) => {
      const ref = await GenServer.start(server, { system })
      return GenServer.call(ref, 'x' as never, { timeout: 1000 }).catch(() => undefined)
    },
  ],
  [
    'the init of a server',
    'limit',
    /init/,
    (system) => GenServer.start({ ...server, init: never }, { system, initTimeout: 1000 }).catch(() => undefined),
  ],
  [
    'the stop of a supervisor',
    'limit',
    /./,
    async (system) => {
      const start = (): unknown => GenServer.start({ ...server, terminate: never }, { system })
      const ref = await Supervisor.start({ system, children: [{ id: 'slow', start, shutdownTimeout: 1000 }] } as never)
      return Supervisor.stop(ref)
    },
  ],
  [
    'the wait for a task',
    'limit',
    /Task/,
    (system) => Task.await(Task.async(never, { system }), 1000).catch(() => undefined),
  ],
  [
    'the wait for an event',
    'limit',
    /waiting/,
    async (system) => {
      const bus = await EventBus.start({ system })
      return EventBus.next(bus, 'a', { timeout: 1000 }).catch(() => undefined)
    },
  ],
  ['a lease', 'limit', /lease/, (system) => new Atrion({ system }).startTask('a')],
  [
    'admitted work',
    'limit',
    /run/,
    (system) => new Atrion({ system }).run('a', never, { timeoutMs: 1000 }).catch(() => undefined),
  ],
])('%s is told, with its kind and label', async (_, kind, label, begin) => {
  const sleepers = await stalled(begin)
  expect(sleepers.map((sleeper) => sleeper.kind)).toContain(kind)
  if (kind !== 'sleep') expect(sleepers.map((sleeper) => sleeper.label ?? '').join()).toMatch(label)
})

it('the warning counts each kind, and names the policy that pauses', async () => {
  const warning = new Promise<Error>((resolve) => {
    const heard = (given: Error): void => {
      if (!given.message.includes('stands still')) return
      process.off('warning', heard)
      resolve(given)
    }
    process.on('warning', heard)
  })
  const clock = createControlledClock({ stallAfterMs: 20 })
  const system = createSystem({ clock, closeClock: true })
  void clock.sleep(5)
  void clock.sleep(6)
  const failing = retry({ system, name: 'orders', backoff: 1000 }).execute(() => Promise.reject(new Error('no')))
  failing.catch(() => undefined)
  const { message } = await warning
  expect(message).toContain('3 wait on it (2 sleep, 1 pause)')
  expect(message).toContain('pause of orders between tries, due at 1000 ms')
  await system.close()
})

it('a limit of work that goes on is told nothing of, and neither is a plain timer', async () => {
  let told = 0
  const clock = createControlledClock({ stallAfterMs: 10, onStall: () => told++ })
  const system = createSystem({ clock, closeClock: true })
  clock.schedule(1000, () => undefined)
  clock.interval(1000, () => undefined)
  // A timer of the host's is work that ends by itself.
  const work = timeout(1000, { system }).execute(() => new Promise<void>((resolve) => void setTimeout(resolve, 150)))
  await work
  expect(told).toBe(0)
  await system.close()
})

it('reports every wait at once when the event loop has nothing left to do', () => {
  const { stdout } = runToEnd(`
    const { createControlledClock, createSystem, retry, timeout } = require('keelson')
    const onStall = (sleepers) => console.log(sleepers.map(({ kind }) => kind).join())
    const clock = createControlledClock({ stallAfterMs: 3_600_000, onStall })
    const system = createSystem({ clock })
    void clock.sleep(5)
    void retry({ system, name: 'orders', backoff: 1000 }).execute(() => Promise.reject(new Error('no')))
    void timeout(1000, { system }).execute(() => new Promise(() => undefined))
    clock.schedule(1000, () => undefined)
  `)
  expect(stdout).toBe('sleep,limit,pause\n')
})

it('reports nothing at the end of a program that waits for nothing, or has closed its clock', () => {
  const { stdout, stderr, status } = runToEnd(`
    const { createControlledClock } = require('keelson')
    const onStall = () => console.log('stalled')
    const moved = createControlledClock({ onStall })
    void moved.sleep(5)
    moved.advanceBy(5)
    const closed = createControlledClock({ onStall })
    void closed.sleep(5)
    closed.close()
    createControlledClock({ onStall }).interval(5, () => undefined)
  `)
  expect([stdout, stderr, status]).toEqual(['', '', 0])
})
