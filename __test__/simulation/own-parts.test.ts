/** keelson's own parts, under other orders, crashes, pauses and delays. What one finds is kept as a file in `found/`. */
import { circuitBreaker, bulkhead, isCircuitOpenError } from 'keelson/effect'
import { createAtom } from 'keelson/atom'
import { createJournal } from 'keelson/journal'
import { Cache, EventBus, GenServer, type GenServerRef, Supervisor } from 'keelson/otp'
import { simulate, type Simulation, type SimulationOptions, type SimulationProgram } from 'keelson/simulation'
import { describe, it } from 'vitest'

import { programs } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { ask, expectEqual, startServer } from './races/tools.ts'

const FAULTS = { crash: 0.03, delay: 0.05, pause: 0.02, skew: 0.1 }

/** A test of a part. */
const part = (name: string, program: SimulationProgram, options: SimulationOptions = {}): void => {
  it(name, async () => {
    const settings = { runs: programs(60), seed: 1, faults: FAULTS, folder: tempDirectory(), checkEvery: 10 }
    await simulate({ ...settings, ...options }, program)()
  })
}

const counter = {
  init: () => ({ count: 0 }),
  handleCall: (_: unknown, state: { count: number }): [number, { count: number }] => [++state.count, state],
}

const ignore = (): undefined => undefined

/** Calls again until it is answered: the process may restart, or its node may be paused. */
async function persist(sim: Simulation, refOf: () => GenServerRef | undefined): Promise<unknown> {
  for (;;) {
    const ref = refOf()
    const answer = ref === undefined ? undefined : await GenServer.call(ref as never, 1 as never).catch(ignore)
    if (answer !== undefined) return answer
    await sim.clock.sleep(50)
  }
}

describe('a supervisor', () => {
  const strategies = ['one_for_one', 'one_for_all', 'rest_for_one'] as const
  for (const strategy of strategies) {
    part(
      `with ${strategy} has all its children again when faults end`,
      async (sim) => {
        const system = sim.system('a')
        const supervisor = await Supervisor.start({
          system,
          strategy,
          restartIntensity: { maxRestarts: 10_000, withinMs: 1000 },
          children: ['x', 'y', 'z'].map((id) => ({ id, start: () => GenServer.start(counter, { system }) })),
        })
        sim.invariant('it lives', () => GenServer.isRunning(supervisor as never))
        for (let turn = 0; turn < 6; turn++) {
          const child = sim.choose(3, 'child')
          void persist(sim, () => Supervisor.getChildren(supervisor)[child]?.ref as GenServerRef)
          await sim.clock.sleep(20)
        }
        await sim.settle({ heal: true })
        const children = Supervisor.getChildren(supervisor)
        expectEqual('the children', children.map(({ id }) => id).join(), 'x,y,z')
        for (const { ref } of children) {
          if (!GenServer.isRunning(ref as never)) throw new Error('a child is not running')
          await GenServer.call(ref as never, 1 as never)
        }
      },
      { steps: 20_000 },
    )
  }

  part('stops all its children, whatever happens meanwhile', async (sim) => {
    const system = sim.system('a')
    const started: GenServerRef[] = []
    const start = async (): Promise<GenServerRef> => {
      const ref = (await GenServer.start(counter, { system })) as unknown as GenServerRef
      started.push(ref)
      return ref
    }
    const supervisor = await Supervisor.start({
      system,
      restartIntensity: { maxRestarts: 10_000, withinMs: 1000 },
      children: ['x', 'y'].map((id) => ({ id, start })),
    })
    for (let turn = sim.choose(5, 'turns'); turn > 0; turn--) {
      const [first] = Supervisor.getChildren(supervisor)
      await GenServer.call(first?.ref as never, 1 as never).catch(ignore)
    }
    await Supervisor.stop(supervisor)
    await sim.settle({ heal: true })
    const left = started.filter((ref) => GenServer.isRunning(ref as never))
    expectEqual('the children left', left.length, 0)
  })
})

describe('a bus', () => {
  part('delivers the messages of each publisher in order, once', async (sim) => {
    const system = sim.system('a')
    const bus = await EventBus.start({ system })
    const seen: string[] = []
    await EventBus.subscribe(bus as never, 'news.*', (message: unknown) => void seen.push(String(message)))
    const publishers = await Promise.all(
      ['p', 'q'].map((name) =>
        startServer(
          sim.system(name),
          () => ({ next: 0 }),
          (_, state) => {
            EventBus.publish(bus as never, `news.${name}`, `${name}${state.next++}` as never)
          },
        ),
      ),
    )
    const calls = publishers.flatMap((publisher) => [1, 2, 3].map(() => ask(publisher, { type: 'go' }, Infinity)))
    await Promise.all(calls)
    await sim.settle({ heal: true })
    for (const name of ['p', 'q']) {
      expectEqual(
        `what came from ${name}`,
        seen.filter((each) => each.startsWith(name)).join(),
        `${name}0,${name}1,${name}2`,
      )
    }
  })
})

describe('a cache', () => {
  part('loads a key once at a time, and gives nobody an older value than was set', async (sim) => {
    const system = sim.system('a')
    const cache = await Cache.start({ system })
    let [loading, version, least] = [0, 0, 0]
    const load = async (): Promise<number> => {
      expectEqual('the loads at once', ++loading, 1)
      const value = version
      await system.clock.sleep(system.random.int(20))
      loading--
      return value
    }
    const readers = await Promise.all(
      ['r', 's', 't'].map((name) =>
        startServer(
          sim.system(name),
          () => ({}),
          async () => {
            const before = least
            const value = await Cache.getOrSet(cache, 'key', load)
            if ((value as number) < before) throw new Error(`read ${String(value)} after ${before} was set`)
          },
        ),
      ),
    )
    const reads = readers.flatMap((reader) => [1, 2].map(() => ask(reader, { type: 'read' }, Infinity)))
    await sim.clock.sleep(sim.choose(30, 'when it is set'))
    version = 1
    await Cache.set(cache, 'key', 1)
    least = 1
    await Promise.all(reads)
  })
})

describe('a circuit breaker', () => {
  part('lets one probe through when it is half open', async (sim) => {
    const system = sim.system('a')
    const breaker = circuitBreaker({ system, consecutive: 2, openForMs: 100 })
    let [running, isOpenSince] = [0, NaN]
    const work = async (): Promise<void> => {
      if (system.clock.monoMs() >= isOpenSince + 100) expectEqual('the probes at once', running, 0)
      running++
      await system.clock.sleep(5)
      running--
      throw new Error('down')
    }
    for (let turn = 0; turn < 2; turn++) await breaker.execute(work).catch(ignore)
    isOpenSince = system.clock.monoMs()
    const calls = ['r', 's', 't'].map(async (name) => {
      await sim.system(name).clock.sleep(sim.choose(150, `when ${name} comes`))
      await breaker.execute(work).catch((error: unknown) => {
        if (!isCircuitOpenError(error) && !/down/.test(String(error))) throw error
      })
    })
    await Promise.all(calls)
  })
})

describe('a bulkhead', () => {
  part('never runs more than its limit, and loses nobody', async (sim) => {
    const system = sim.system('a')
    const gate = bulkhead({ system, limit: 2, queue: 100 })
    let [running, done] = [0, 0]
    sim.invariant('at most two run', () => running <= 2)
    const jobs = Array.from({ length: 8 }, async (_, index) => {
      await sim.system(`n${index % 3}`).clock.sleep(sim.choose(10, 'when it comes'))
      await gate.execute(async () => {
        running++
        await system.clock.sleep(system.random.int(10))
        running--
        done++
      })
    })
    await Promise.all(jobs)
    expectEqual('the jobs done', done, 8)
  })
})

describe('atoms and journals', () => {
  part('keep every commit and every entry, in one order', async (sim) => {
    const system = sim.system('a')
    const atom = createAtom(0, { system })
    const journal = createJournal<number>({ system })
    const versions: number[] = []
    atom.watch(({ to }) => void versions.push(to))
    const writers = await Promise.all(
      ['v', 'w'].map((name) =>
        startServer(
          sim.system(name),
          () => ({}),
          () => {
            atom.swap((value) => value + 1)
            journal.append(atom.deref())
          },
        ),
      ),
    )
    await Promise.all(writers.flatMap((writer) => [1, 2, 3].map(() => ask(writer, { type: 'go' }, Infinity))))
    expectEqual('the commits', versions.join(), '1,2,3,4,5,6')
    expectEqual('the entries', [...journal.entries()].map(({ data }) => data).join(), '1,2,3,4,5,6')
  })
})
