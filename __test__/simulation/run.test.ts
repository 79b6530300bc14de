/** Nodes, time and faults of one run. */
import { CallTimeoutError, ServerNotRunningError } from 'keelson'
import { GenServer, type GenServerRef, Supervisor } from 'keelson/otp'
import { createRootSupervisor } from 'keelson/process'
import { explore, type Simulation, type SimulationOptions, type SimulationProgram } from 'keelson/simulation'
import type { System } from 'keelson/system'
import { describe, expect, it } from 'vitest'

import { tempDirectory } from '../support/temp-directory.ts'
import { ask, startServer } from './races/tools.ts'

/** Runs a program; it must not fail. */
async function passes(program: SimulationProgram, options: SimulationOptions = {}): Promise<void> {
  const { failure } = await explore(program, {
    folder: tempDirectory(),
    print: () => undefined,
    runs: 5,
    seed: 1,
    ...options,
  })
  expect(failure?.report).toBeUndefined()
}

/** Starts a process that answers after a time of its own clock. */
const startSlow = (system: System, ms: number): Promise<GenServerRef> =>
  startServer(
    system,
    () => ({}),
    async () => {
      await system.clock.sleep(ms)
      return 'done'
    },
  )

const outcome = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error)

describe('a node', () => {
  it('is one system for its name', () =>
    passes((sim) => {
      expect(sim.system('a')).toBe(sim.system('a'))
      expect(sim.system('b')).not.toBe(sim.system('a'))
      expect(sim.system('a').name).toBe('a')
      expect(sim.system('a').seed).not.toBe(sim.system('b').seed)
    }))

  it('has time of its own that moves only when nothing is left to do', () =>
    passes(async (sim) => {
      const { clock } = sim.system('a')
      const order: string[] = []
      const server = await startServer(
        sim.system('a'),
        () => ({}),
        ({ type }) => order.push(type),
      )
      const slept = clock.sleep(1000).then(() => order.push(`slept until ${clock.monoMs()}`))
      for (const type of ['one', 'two']) await ask(server, { type })
      await slept
      expect(order).toEqual(['one', 'two', 'slept until 1000'])
    }))

  it('may have a clock that is too fast or too slow', async () => {
    const ends = new Set<number>()
    const program = async (sim: Simulation): Promise<void> => {
      await sim.system('a').clock.sleep(1000)
      expect(sim.system('a').clock.monoMs()).toBeCloseTo(1000, 6)
      ends.add(Math.round(sim.clock.monoMs()))
    }
    await passes(program, { runs: 40, seed: 1, faults: { skew: 0.1 } })
    expect(Math.min(...ends)).toBeLessThan(1000)
    expect(Math.max(...ends)).toBeGreaterThan(1000)
    expect(ends).toContain(1000)
    for (const end of ends) expect([end >= 909, end <= 1112]).toEqual([true, true])
  })

  it('has wall time that jumps, alone or with the others', () =>
    passes(async (sim) => {
      const [a, b] = [sim.system('a').clock, sim.system('b').clock]
      const start = a.now().wallMs
      const met = a.deadline({ wallMs: start + 3_600_000 })
      sim.clock.jumpWall(3_600_000, sim.system('a'))
      await met
      expect([a.monoMs(), a.now().wallMs - start, b.now().wallMs - start]).toEqual([0, 3_600_000, 0])
      sim.clock.jumpWall(-7_200_000)
      expect([a, b, sim.clock].map((clock) => clock.now().wallMs - start)).toEqual([-3_600_000, -7_200_000, -7_200_000])
    }))
})

describe('the order of steps', () => {
  const order = async (
    options: SimulationOptions,
    program: (sim: Simulation, seen: string[]) => Promise<void>,
  ): Promise<Set<string>> => {
    const all = new Set<string>()
    await passes(async (sim) => {
      const seen: string[] = []
      await program(sim, seen)
      all.add(seen.join(' '))
    }, options)
    return all
  }

  it('keeps the messages of each sender in order, and mixes the senders', async () => {
    const all = await order({ runs: 60, seed: 1 }, async (sim, seen) => {
      const sink = await startServer(
        sim.system('sink'),
        () => ({}),
        ({ type }) => seen.push(type),
      )
      const senders = await Promise.all(
        ['a', 'b'].map((name) =>
          startServer(
            sim.system(name),
            () => ({}),
            () => {
              for (let index = 0; index < 3; index++)
                GenServer.cast(sink as never, { type: `${name}${index}` } as never)
            },
          ),
        ),
      )
      await Promise.all(senders.map((sender) => ask(sender, { type: 'go' })))
      await sim.settle()
      for (const name of ['a', 'b']) {
        expect(seen.filter((each) => each.startsWith(name))).toEqual([0, 1, 2].map((index) => `${name}${index}`))
      }
    })
    expect(all.size).toBeGreaterThan(1)
  })

  it('fires timers of one instant that were made at one instant in order, and others in any order', async () => {
    const same = await order({ runs: 30, seed: 1 }, async (sim, seen) => {
      const { clock } = sim.system('a')
      await Promise.all([1, 2, 3].map((which) => clock.sleep(10).then(() => seen.push(`${which}`))))
    })
    expect([...same]).toEqual(['1 2 3'])
    const open = await order({ runs: 30, seed: 1 }, async (sim, seen) => {
      const { clock } = sim.system('a')
      const first = clock.sleep(10).then(() => seen.push('early'))
      await clock.sleep(4)
      await Promise.all([first, clock.sleep(6).then(() => seen.push('late'))])
    })
    expect([...open].toSorted()).toEqual(['early late', 'late early'])
  })

  it('tells monitors and links after the messages that were sent before', async () => {
    const all = await order({ runs: 30, seed: 1 }, async (sim, seen) => {
      const system = sim.system('a')
      const subject = await startServer(
        system,
        () => ({}),
        () => true,
      )
      const watcher = await GenServer.start(
        {
          init: () => 0,
          handleCast: (message: string, state: number) => (seen.push(message), state),
          handleInfo: (info: { type: string }, state: number) => (seen.push(info.type), state),
        } as never,
        { system },
      )
      GenServer.monitor(watcher, subject)
      GenServer.cast(watcher, 'before' as never)
      sim.crash(subject)
      await sim.settle()
    })
    expect([...all].every((each) => ['before DOWN', 'DOWN before'].includes(each))).toBe(true)
  })
})

describe('a crash', () => {
  it('of a process reaches its supervisor, and its callers', () =>
    passes(async (sim) => {
      const system = sim.system('a')
      let starts = 0
      const start = async (): Promise<GenServerRef> => {
        starts++
        return startSlow(system, 100)
      }
      const supervisor = await Supervisor.start({ system, children: [{ id: 'slow', start }] })
      const [child] = Supervisor.getChildren(supervisor)
      const call = outcome(ask(child?.ref as GenServerRef, { type: 'work' }))
      await sim.clock.sleep(50)
      sim.crash(child?.ref as GenServerRef)
      expect(await call).toBeInstanceOf(ServerNotRunningError)
      await sim.settle()
      expect(starts).toBe(2)
    }))

  it('of a process of keelson/process restarts it in place', () =>
    passes(async (sim) => {
      const root = createRootSupervisor({ system: sim.system('a') })
      let inits = 0
      const ref = root.spawn({ name: 'counter', init: () => ++inits, handle: (state: number) => state }, undefined)
      await sim.clock.sleep(1)
      sim.crash(ref)
      await sim.clock.sleep(1000)
      expect([inits, ref.status()]).toEqual([2, 'running'])
      await root.stop()
    }))

  it('of a node stops its handlers for ever, and calls to it fail at their deadlines', () =>
    passes(async (sim) => {
      const [a, b] = [sim.system('a'), sim.system('b')]
      let wentOn = 0
      const remote = await startSlow(b, 10)
      const local = await startServer(
        a,
        () => ({}),
        async ({ type }) => {
          if (type === 'sleep') await a.clock.sleep(10)
          else await ask(remote, { type: 'work' })
          wentOn++
        },
      )
      const calls = [outcome(ask(local, { type: 'sleep' }, 500)), outcome(ask(local, { type: 'call' }, 700))]
      await sim.clock.sleep(5)
      sim.crash(a)
      expect(await Promise.all(calls)).toEqual([expect.any(CallTimeoutError), expect.any(CallTimeoutError)])
      expect([wentOn, sim.clock.monoMs()]).toEqual([0, 700])
      expect(await outcome(ask(local, { type: 'late' }, 50))).toBeInstanceOf(CallTimeoutError)
      const again = sim.system('a')
      expect(again).not.toBe(a)
      expect(again.seed).not.toBe(a.seed)
      expect(await ask(await startSlow(again, 1), { type: 'work' })).toBe('done')
    }))

  it('at each await of a handler leaves what was done before it', async () => {
    for (let at = 0; at < 4; at++) {
      await passes(async (sim) => {
        const system = sim.system('a')
        const steps: number[] = []
        const server = await startServer(
          system,
          () => ({}),
          async () => {
            for (let step = 0; step < 4; step++) {
              steps.push(step)
              if (step === at) sim.crash(system)
              await system.clock.sleep(1)
            }
          },
        )
        expect(await outcome(ask(server, { type: 'go' }, 100))).toBeInstanceOf(CallTimeoutError)
        expect(steps).toEqual([0, 1, 2, 3].slice(0, at + 1))
      })
    }
  })

  it('by chance hits only processes that a supervisor owns', async () => {
    let crashes = 0
    const program = async (sim: Simulation): Promise<void> => {
      const system = sim.system('a')
      const alone = await startServer(
        system,
        () => ({}),
        () => 'alive',
      )
      let starts = 0
      const start = (): Promise<GenServerRef> => (starts++, startSlow(system, 1))
      await Supervisor.start({
        system,
        restartIntensity: { maxRestarts: 1000, withinMs: 1000 },
        children: [{ id: 'owned', start }],
      })
      for (let turn = 0; turn < 20; turn++) expect(await ask(alone, { type: 'ping' })).toBe('alive')
      crashes += starts - 1
    }
    await passes(program, { runs: 40, seed: 1, faults: { crash: 0.1 } })
    expect(crashes).toBeGreaterThan(10)
  })
})

describe('a pause', () => {
  it('stops a node past its deadlines, which it meets late', () =>
    passes(async (sim) => {
      const system = sim.system('a')
      const { clock } = system
      const server = await startServer(
        system,
        () => ({}),
        () => clock.monoMs(),
      )
      const slept = clock.sleep(100).then(() => clock.monoMs())
      sim.pause(system, 5000)
      expect(await outcome(ask(server, { type: 'time' }, 1000))).toBeInstanceOf(CallTimeoutError)
      expect(sim.clock.monoMs()).toBe(1000)
      expect(await slept).toBe(5000)
      expect(await ask(server, { type: 'time' })).toBe(5000)
    }))

  it('ends when the system is healed', () =>
    passes(async (sim) => {
      const system = sim.system('a')
      const server = await startServer(
        system,
        () => ({}),
        () => sim.clock.monoMs(),
      )
      sim.pause(system, 1e9)
      const call = ask(server, { type: 'time' })
      await sim.settle({ heal: true, within: 10 })
      expect(await call).toBe(0)
    }))
})

describe('settle', () => {
  it('resolves when nothing but intervals is left', () =>
    passes(async (sim) => {
      const { clock } = sim.system('a')
      let [ticks, done] = [0, 0]
      const interval = clock.interval(10, () => ticks++)
      void clock.sleep(995).then(() => done++)
      await sim.settle()
      expect([done, ticks]).toEqual([1, 99])
      interval.cancel()
    }))

  it('rejects when a livelock does not come to rest in time', async () => {
    const retry = async (sim: Simulation): Promise<void> => {
      const { clock } = sim.system('a')
      const again = (): void => void clock.schedule(7, again)
      again()
      await sim.settle({ within: 1000 })
    }
    const { failure } = await explore(retry, { runs: 1, folder: tempDirectory(), print: () => undefined })
    expect(failure?.error).toMatchObject({
      code: 'KEELSON_PROPERTY',
      kind: 'settle',
      message: expect.stringContaining('1000 ms'),
    })
  })
})

describe('delay', () => {
  it('lets a deadline pass although a message waits', async () => {
    const seen = new Set<string>()
    const program = async (sim: Simulation): Promise<void> => {
      const system = sim.system('a')
      const slow = await startServer(
        system,
        () => ({}),
        () => 'answered',
      )
      const late = await outcome(ask(slow, { type: 'work' }, 50))
      seen.add(late instanceof CallTimeoutError ? 'late' : String(late))
    }
    await passes(program, { runs: 60, seed: 1, faults: { delay: 0.3 } })
    expect([...seen].toSorted()).toEqual(['answered', 'late'])
  })
})
