/** The host's time, chance and I/O while a program is simulated, and after it. */
import childProcess from 'node:child_process'
import crypto, { randomBytes, randomInt, randomUUID } from 'node:crypto'
import dns from 'node:dns'
import fs, { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import net from 'node:net'
import nodeTimers from 'node:timers'
import { setImmediate as nextTurn, setTimeout as later } from 'node:timers/promises'
import { promisify } from 'node:util'
import threads from 'node:worker_threads'
import { isRealWorldError, type RealWorldError } from 'keelson'
import { GenServer } from 'keelson/otp'
import { explore, type Simulation, type SimulationOptions } from 'keelson/simulation'
import { getDefaultSystem } from 'keelson/system'
import { describe, expect, it, vi } from 'vitest'

import { thrown } from '../../support/rejection.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

const quiet = (options: SimulationOptions = {}): SimulationOptions => ({
  folder: tempDirectory(),
  print: () => undefined,
  runs: 1,
  seed: 1,
  ...options,
})

/** Everything that a simulation replaces. */
const theHost = (): unknown[] => [
  Date,
  performance.now,
  process.hrtime,
  Math.random,
  fetch,
  AbortSignal.timeout,
  setTimeout,
  setInterval,
  setImmediate,
  clearTimeout,
  clearInterval,
  clearImmediate,
  nodeTimers.setTimeout,
  nodeTimers.setImmediate,
  later,
  crypto.randomBytes,
  crypto.randomUUID,
  globalThis.crypto.getRandomValues,
  globalThis.crypto.randomUUID,
  fs.readFileSync,
  fs.promises.readFile,
  readFile,
  net.Socket.prototype.connect,
  net.Server.prototype.listen,
  childProcess.spawn,
  threads.Worker,
  dns.lookup,
]

describe('time and chance in a simulation', () => {
  it('are those of the run, the same each time', async () => {
    const read = async (): Promise<unknown[]> => {
      const seen: unknown[] = []
      await explore(
        async (sim) => {
          const start = Date.now()
          const view = new Uint8Array(4)
          seen.push(start, new Date().toISOString(), performance.now(), process.hrtime.bigint())
          seen.push(Math.random(), randomUUID(), globalThis.crypto.randomUUID(), randomInt(1000), randomInt(5, 6))
          seen.push(randomBytes(4).toString('hex'), globalThis.crypto.getRandomValues(view).join())
          seen.push(await new Promise((resolve) => randomBytes(2, (_, bytes) => resolve(bytes.toString('hex')))))
          await sim.clock.sleep(90_000)
          seen.push(Date.now() - start, performance.now(), sim.clock.now().wallMs - Date.now())
        },
        quiet({ seed: 3, checkEvery: 0 }),
      )
      return seen
    }
    const [first, second] = [await read(), await read()]
    expect(first).toEqual(second)
    expect(first.slice(0, 4)).toEqual([Date.UTC(2026, 0, 1), '2026-01-01T00:00:00.000Z', 0, 0n])
    expect(first.slice(-3)).toEqual([90_000, 90_000, 0])
    expect(first[5]).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
    expect(new Set([first[4], first[5], first[6]]).size).toBe(3)
  })

  it('are those of the node whose handler asks', async () => {
    const seen: Record<string, unknown> = {}
    const ask = {
      init: () => 0,
      handleCall: (name: string, state: number): [number, number] => {
        seen[name] = [Math.random(), Date.now()]
        return [0, state]
      },
    }
    await explore(async (sim) => {
      sim.clock.jumpWall(500, sim.system('a'))
      for (const name of ['a', 'b']) {
        await GenServer.call(await GenServer.start(ask, { system: sim.system(name) }), name)
      }
    }, quiet())
    expect((seen['a'] as number[])[0]).not.toBe((seen['b'] as number[])[0])
    expect((seen['a'] as number[])[1]).toBe(((seen['b'] as number[])[1] as number) + 500)
  })

  it('come back when the exploration ends, also when a program throws', async () => {
    const before = theHost()
    const inside: unknown[] = []
    await explore(() => {
      inside.push(...theHost())
      throw new Error('of the program')
    }, quiet())
    expect(inside.length).toBeGreaterThanOrEqual(before.length)
    expect(before.filter((each, index) => each === inside[index])).toEqual([])
    expect(theHost()).toEqual(before)
    const kept = Date.now()
    expect(kept).toBeGreaterThan(Date.UTC(2026, 0, 2))
    // What somebody kept passes its calls on to the host.
    const fakeDate = inside[0] as DateConstructor
    expect(Math.abs(fakeDate.now() - Date.now())).toBeLessThan(60_000)
  })

  it('work under fake timers of vitest', async () => {
    vi.useFakeTimers()
    try {
      const { failure } = await explore(
        async (sim) => {
          await sim.clock.sleep(1000)
          expect(Date.now()).toBe(Date.UTC(2026, 0, 1) + 1000)
        },
        quiet({ runs: 3 }),
      )
      expect(failure?.report).toBeUndefined()
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('something real in a simulation', () => {
  const uses: readonly (readonly [string, () => unknown])[] = [
    ['setTimeout', () => setTimeout(() => undefined, 1)],
    ['setInterval', () => setInterval(() => undefined, 1)],
    ['timers/promises.setTimeout', () => later(1)],
    ['AbortSignal.timeout', () => AbortSignal.timeout(1)],
    ['fetch', () => fetch('data:,page')],
    ['fs.readFileSync', () => readFileSync('/dev/null')],
    ['fs.readFile', () => fs.readFile('/dev/null', () => undefined)],
    ['fs.promises.readFile', () => readFile('/dev/null')],
    ['net.Socket.connect', () => net.connect(1)],
    ['net.Server.listen', () => net.createServer().listen(0)],
    ['dns.lookup', () => dns.lookup('localhost', () => undefined)],
    ['child_process.spawn', () => childProcess.spawn('true')],
    ['child_process.execSync', () => childProcess.execSync('true')],
    ['worker_threads.Worker', () => new threads.Worker('0', { eval: true })],
    ['the default system', () => getDefaultSystem()],
    ['the default system', () => GenServer.start({ init: () => 0 })],
  ]

  it.each(uses)('%s throws, and fails the run with its line', async (what, use) => {
    let inside: unknown
    const { failure } = await explore(async () => {
      try {
        await use()
      } catch (error) {
        inside = error
      }
    }, quiet())
    expect(isRealWorldError(failure?.error)).toBe(true)
    expect(failure?.error).toMatchObject({ what, site: expect.stringContaining('patches.test.ts') })
    expect((inside as RealWorldError).what).toBe(what)
  })

  it('is no failure once the exploration is over', async () => {
    await explore(() => undefined, quiet())
    for (const [, use] of uses.slice(5, 8)) expect(isRealWorldError(thrown(use))).toBe(false)
  })

  it('may be virtual timers, which move with the clock', async () => {
    const seen: number[] = []
    const program = async (sim: Simulation): Promise<void> => {
      const interval = setInterval(() => seen.push(sim.clock.monoMs()), 400)
      await new Promise((resolve) => setTimeout(resolve, 1000))
      clearInterval(interval)
      const cleared = setTimeout(() => seen.push(-1), 10)
      clearTimeout(cleared)
      await sim.clock.sleep(1000)
      seen.push(sim.clock.monoMs())
      await later(500)
      seen.push(sim.clock.monoMs())
      await promisify(setTimeout)(500)
      seen.push(sim.clock.monoMs())
      const signal = AbortSignal.timeout(250)
      await sim.clock.sleep(248)
      seen.push(Number(signal.aborted))
      await sim.clock.sleep(4)
      seen.push(Number(signal.aborted))
      const turns = [await nextTurn('a'), await promisify(setImmediate)('b')]
      expect(turns).toEqual(['a', 'b'])
    }
    const { failure } = await explore(program, quiet({ timers: 'virtual', checkEvery: 0 }))
    expect(failure?.report).toBeUndefined()
    expect(seen).toEqual([400, 800, 2000, 2500, 3000, 0, 1])
  })

  it('may be admitted, and time stands meanwhile', async () => {
    const real = setTimeout
    const program = async (sim: Simulation): Promise<void> => {
      let isDone = false
      const promise = new Promise<void>((resolve) => {
        Reflect.apply(real, globalThis, [resolve, 20])
      })
      void sim.external(promise).then(() => {
        isDone = true
      })
      await sim.clock.sleep(1)
      expect(isDone).toBe(true)
    }
    const { failure } = await explore(program, quiet({ runs: 2 }))
    expect(failure?.report).toBeUndefined()
  })
})

describe('a turn of the event loop in a simulation', () => {
  it('has ended before the next step, however long the chain of awaits', async () => {
    for (const [awaits, immediates] of [
      [1, 0],
      [10_000, 0],
      [1, 50],
    ] as const) {
      let [working, broken] = [false, 0]
      const behavior = {
        init: () => 0,
        handleCast: (_: string, state: number) => {
          if (working) broken++
          working = true
          const work = async (): Promise<void> => {
            for (let turn = 0; turn < awaits; turn++) await undefined
            for (let turn = 0; turn < immediates; turn++) await new Promise((resolve) => setImmediate(resolve))
            working = false
          }
          void work()
          return state
        },
      }
      const { failure } = await explore(
        async (sim) => {
          const refs = [await GenServer.start(behavior, { system: sim.system('a') })]
          refs.push(await GenServer.start(behavior, { system: sim.system('b') }))
          for (const ref of refs) for (let cast = 0; cast < 5; cast++) GenServer.cast(ref, 'go')
          await sim.settle()
        },
        quiet({ runs: 3 }),
      )
      expect(failure?.report).toBeUndefined()
      expect(broken).toBe(0)
    }
  })
})

it('real work that nothing else waits with is named when the program can do nothing else', async () => {
  // A module that took the function before the exploration is not noticed at the call.
  const before = fs.stat
  const { failure } = await explore(async () => {
    // The file has to wait until a thread of the pool has time for it.
    for (let job = 0; job < 8; job++) crypto.pbkdf2('password', 'salt', 200_000, 32, 'sha256', () => undefined)
    await new Promise((resolve) => {
      Reflect.apply(before, fs, ['/', resolve])
    })
  }, quiet())
  expect(isRealWorldError(failure?.error)).toBe(true)
  expect(failure?.error).toMatchObject({ what: 'FSReqCallback' })
})
