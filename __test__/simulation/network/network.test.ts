/** Messages between nodes: what the network delivers, loses, repeats and lets pass, and what it leaves as production has it. */
import { CallTimeoutError, isInvalidArgumentError, ServerNotRunningError } from 'keelson'
import { GenServer, type GenServerRef } from 'keelson/otp'
import { createRootSupervisor } from 'keelson/process'
import type { Simulation, SimulationOptions } from 'keelson/simulation'
import type { System } from 'keelson/system'
import { describe, expect, it } from 'vitest'

import { thrown } from '../../support/rejection.ts'
import { explored, failureOf, outcome, passes } from '../explored.ts'
import { ask, startServer } from '../races/tools.ts'

/** Starts a process that notes the types of its messages, and answers with their number. */
const startSink = (system: System, seen: string[]): Promise<GenServerRef> =>
  startServer(
    system,
    () => ({}),
    ({ type }) => seen.push(type),
  )

const cast = (ref: GenServerRef, type: string): unknown => GenServer.cast(ref as never, { type } as never)

/** Runs a function as code of the node a. */
const atA = <T>(sim: Simulation, body: () => T): T => sim.inside(sim.system('a'), body)

/** Returns the lists of messages that arrive in the runs, where node a sends 1, 2 and 3 to node b. */
async function arrivals(options: SimulationOptions): Promise<Set<string>> {
  const all = new Set<string>()
  await passes(async (sim) => {
    const seen: string[] = []
    const sink = await startSink(sim.system('b'), seen)
    atA(sim, () => ['1', '2', '3'].map((type) => cast(sink, type)))
    await sim.settle()
    all.add(seen.join(''))
  }, options)
  return all
}

describe('without faults', () => {
  it('a message arrives at once, and in order', async () => {
    expect([...(await arrivals({ runs: 20 }))]).toEqual(['123'])
  })

  it('no question is asked, and no step is taken for the network', () =>
    passes(async (sim) => {
      const seen: string[] = []
      const sink = await startSink(sim.system('b'), seen)
      expect(await atA(sim, () => ask(sink, { type: 'call' }))).toBe(1)
      expect(sim.clock.monoMs()).toBe(0)
    }))
})

describe('a fault', () => {
  it('loses messages', async () => {
    const all = await arrivals({ runs: 60, faults: { loss: 0.3 } })
    expect(all).toContain('123')
    for (const part of ['12', '13', '23']) expect(all).toContain(part)
    for (const seen of all) expect(seen).toMatch(/^1?2?3?$/)
  })

  it('repeats messages, and keeps their order', async () => {
    const all = await arrivals({ runs: 60, faults: { duplicate: 0.3 } })
    expect(all).toContain('1223')
    for (const seen of all) expect(seen).toMatch(/^11?22?33?$/)
  })

  it('delays messages, and keeps the order of each sender', async () => {
    const times = new Set<number>()
    const program = async (sim: Simulation): Promise<void> => {
      const seen: string[] = []
      const sink = await startSink(sim.system('b'), seen)
      atA(sim, () => ['1', '2', '3', '4'].map((type) => cast(sink, type)))
      await sim.settle()
      expect(seen.join('')).toBe('1234')
      times.add(sim.clock.monoMs())
    }
    await passes(program, { runs: 100, faults: { latency: 0.3 } })
    expect(times).toContain(0)
    for (const late of [1, 10, 100, 1000]) expect(times).toContain(late)
  })

  it('lets later messages pass, where reordering is asked for', async () => {
    const all = await arrivals({ runs: 100, faults: { reorder: 0.4 } })
    for (const seen of ['123', '213', '132', '321']) expect(all).toContain(seen)
    for (const seen of all) expect([...seen].toSorted().join('')).toBe('123')
  })

  it('mixes all of them, and loses, repeats and moves nothing else', async () => {
    const faults = { latency: 0.2, loss: 0.1, duplicate: 0.2, reorder: 0.2, partition: 0.05 }
    const all = await arrivals({ runs: 200, faults })
    expect(all.size).toBeGreaterThan(20)
    for (const seen of all) expect(seen).toMatch(/^[123]*$/)
  })

  it('cuts a connection for a time, and heals it', async () => {
    let [cut, healed] = [0, 0]
    const program = async (sim: Simulation): Promise<void> => {
      const seen: string[] = []
      const sink = await startSink(sim.system('b'), seen)
      for (let turn = 0; turn < 10; turn++) {
        atA(sim, () => cast(sink, String(turn)))
        await sim.clock.sleep(20_000)
      }
      if (seen.length < 10) cut++
      if (seen.length > 0) healed++
    }
    await passes(program, { runs: 60, faults: { partition: 0.2 } })
    expect(cut).toBeGreaterThan(10)
    expect(healed).toBeGreaterThan(50)
  })

  it('is switched off in some runs, alone and together with others', async () => {
    const kinds = new Set<string>()
    const program = async (sim: Simulation): Promise<void> => {
      const seen: string[] = []
      const sink = await startSink(sim.system('b'), seen)
      atA(sim, () => Array.from({ length: 20 }, (_, index) => cast(sink, String(index))))
      await sim.settle()
      const [isLost, isRepeated] = [new Set(seen).size < 20, new Set(seen).size < seen.length]
      kinds.add(`${isLost ? 'lost ' : ''}${isRepeated ? 'repeated' : ''}`)
    }
    await passes(program, { runs: 60, faults: { loss: 0.3, duplicate: 0.3 } })
    expect([...kinds].toSorted()).toEqual(['', 'lost ', 'lost repeated', 'repeated'])
  })

  it('never meets what the program itself sends, nor what stays on a node', () =>
    passes(
      async (sim) => {
        const seen: string[] = []
        const sink = await startSink(sim.system('b'), seen)
        cast(sink, 'from the program')
        sim.inside(sim.system('b'), () => cast(sink, 'from the node itself'))
        await sim.settle()
        expect(seen).toHaveLength(2)
      },
      { runs: 20, faults: { loss: 1, partition: 1 } },
    ))
})

describe('a call between nodes', () => {
  it('ends by its deadline on the clock of the caller, when a partition keeps its request away', () =>
    passes(
      async (sim) => {
        const [a, b] = [sim.system('a'), sim.system('b')]
        const seen: string[] = []
        const sink = await startSink(b, seen)
        sim.network.partition(a, b)
        const error = await sim.inside(a, async () => {
          const found = await outcome(ask(sink, { type: 'call' }, 700))
          expect(a.clock.monoMs()).toBeCloseTo(700, 6)
          return found
        })
        expect(error).toBeInstanceOf(CallTimeoutError)
        expect(seen).toEqual([])
      },
      { runs: 20, faults: { skew: 0.2 } },
    ))

  it('has an unknown outcome when a partition one way keeps its reply away', () =>
    passes(async (sim) => {
      const [a, b] = [sim.system('a'), sim.system('b')]
      const seen: string[] = []
      const sink = await startSink(b, seen)
      sim.network.partition(b, a, { oneWay: true })
      expect(await sim.inside(a, () => outcome(ask(sink, { type: 'call' }, 700)))).toBeInstanceOf(CallTimeoutError)
      expect(seen).toEqual(['call'])
    }))

  it('is answered once, however often its request arrives', async () => {
    const counts = new Set<number>()
    const program = async (sim: Simulation): Promise<void> => {
      const seen: string[] = []
      const sink = await startSink(sim.system('b'), seen)
      expect([1, 2]).toContain(await atA(sim, () => ask(sink, { type: 'call' })))
      await sim.settle()
      counts.add(seen.length)
    }
    await passes(program, { runs: 40, faults: { duplicate: 0.5 } })
    expect([...counts].toSorted()).toEqual([1, 2])
  })

  it('fails when the process ends that it waits for, unless that is not heard', async () => {
    for (const isParted of [false, true]) {
      await passes(async (sim) => {
        const [a, b] = [sim.system('a'), sim.system('b')]
        const stuck = await startServer(
          b,
          () => ({}),
          () => new Promise(() => undefined),
        )
        const call = sim.inside(a, () => outcome(ask(stuck, { type: 'call' }, 700)))
        await sim.clock.sleep(1)
        if (isParted) sim.network.partition(a, b)
        sim.crash(stuck)
        expect(await call).toBeInstanceOf(isParted ? CallTimeoutError : ServerNotRunningError)
        expect(sim.clock.monoMs()).toBe(isParted ? 700 : 1)
      })
    }
  })

  it('that is under way when its caller gives up may still be run, or not', async () => {
    const counts = new Set<number>()
    const program = async (sim: Simulation): Promise<void> => {
      const seen: string[] = []
      const sink = await startSink(sim.system('b'), seen)
      const leaving = new AbortController()
      const call = atA(sim, () =>
        outcome(GenServer.call(sink as never, { type: 'call' } as never, { signal: leaving.signal })),
      )
      await sim.clock.sleep(0.5)
      leaving.abort(new Error('given up'))
      expect([1, expect.any(Error)]).toContainEqual(await call)
      await sim.settle()
      counts.add(seen.length)
    }
    await passes(program, { runs: 60, faults: { latency: 0.5 } })
    expect([...counts].toSorted()).toEqual([0, 1])
  })

  it('does not go on in a node that has crashed, and its answer is lost', () =>
    passes(async (sim) => {
      const [a, b] = [sim.system('a'), sim.system('b')]
      let wentOn = 0
      const slow = await startServer(
        b,
        () => ({}),
        async () => {
          await b.clock.sleep(10)
          return 'done'
        },
      )
      sim.inside(a, () => void ask(slow, { type: 'call' }).then(() => wentOn++))
      await sim.clock.sleep(5)
      sim.crash(a)
      await sim.settle()
      expect(wentOn).toBe(0)
    }))

  it('is a call of keelson/process as well', () =>
    passes(async (sim) => {
      const [a, b] = [sim.system('a'), sim.system('b')]
      const root = createRootSupervisor({ system: b })
      const ref = root.spawn(
        {
          name: 'counter',
          init: () => 0,
          handle: (count: number, { reply }: { reply: (value: number) => void }) => {
            reply(count)
            return count + 1
          },
        },
        undefined,
      )
      expect(await sim.inside(a, () => ref.ask((reply) => ({ reply })))).toBe(0)
      sim.network.partition(b, a, { oneWay: true })
      await sim.inside(a, () => expect(ref.ask((reply) => ({ reply }), 100)).rejects.toThrow('Ask timeout after 100ms'))
      sim.network.heal()
      expect(await sim.inside(a, () => ref.ask((reply) => ({ reply })))).toBe(2)
      await root.stop()
    }))

  it('says who waits for what when neither comes', async () => {
    const program = async (sim: Simulation): Promise<void> => {
      const [a, b] = [sim.system('a'), sim.system('b')]
      const sink = await startSink(b, [])
      sim.network.partition(a, b)
      await sim.inside(a, () => ask(sink, { type: 'call' }, Infinity))
    }
    const { failure } = await explored(program)
    expect(failure?.error).toMatchObject({ code: 'KEELSON_SIMULATION_STUCK', kind: 'stalled' })
    expect(failure?.report).toMatch(/a: somebody waits for genserver_\S+ of b to answer \{ type: 'call' \}/)
    expect(failure?.report).toMatch(/lost +to b +call/)
  })

  it('stops a process, and hears that it has stopped', () =>
    passes(async (sim) => {
      const [a, b] = [sim.system('a'), sim.system('b')]
      const sink = await startSink(b, [])
      sim.network.partition(a, b)
      let stopped = 0
      sim.inside(a, () => void GenServer.stop(sink).then(() => stopped++))
      await sim.settle()
      expect([stopped, GenServer.isRunning(sink)]).toEqual([0, true])
      sim.network.heal()
      await sim.inside(a, () => GenServer.stop(sink))
      expect(GenServer.isRunning(sink)).toBe(false)
    }))

  it('to a system that was closed meanwhile is not heard of', () =>
    passes(
      async (sim) => {
        const b = sim.system('b')
        const sink = await startSink(b, [])
        const call = atA(sim, () => outcome(ask(sink, { type: 'call' }, 100)))
        await b.close()
        expect(await call).toBeInstanceOf(Error)
        atA(sim, () => expect(() => cast(sink, 'late')).toThrow(ServerNotRunningError))
      },
      { runs: 20, faults: { latency: 0.5 } },
    ))

  it('reports an error of a stop to whoever asked for it', () =>
    passes(async (sim) => {
      const failing = { init: () => 0, terminate: () => Promise.reject(new Error('of terminate')) }
      const ref = await GenServer.start(failing as never, { system: sim.system('b') })
      await atA(sim, () => expect(GenServer.stop(ref)).rejects.toThrow('of terminate'))
    }))
})

describe('a partition', () => {
  it('loses what is under way, and what is lost stays lost', async () => {
    const seenIn = new Set<string>()
    const program = async (sim: Simulation): Promise<void> => {
      const [a, b] = [sim.system('a'), sim.system('b')]
      const seen: string[] = []
      const sink = await startSink(b, seen)
      sim.inside(a, () => cast(sink, '1'))
      sim.network.partition(a, b)
      sim.inside(a, () => cast(sink, '2'))
      await sim.clock.sleep(5000)
      sim.network.heal()
      sim.inside(a, () => cast(sink, '3'))
      await sim.settle()
      seenIn.add(seen.join(''))
    }
    await passes(program, { runs: 60, faults: { latency: 0.5 } })
    expect([...seenIn].toSorted()).toEqual(['13', '3'])
  })

  it('parts the nodes of two sides, and lets those of one side speak', () =>
    passes(async (sim) => {
      const nodes = ['a', 'b', 'c', 'd'].map((name) => sim.system(name))
      const [a, b, c, d] = nodes as [System, System, System, System]
      sim.network.partition([a, b], [c, d])
      const sinks = await Promise.all(nodes.map((node) => startSink(node, [])))
      for (const from of nodes) {
        for (const [index, to] of nodes.entries()) {
          const isSame = [a, b].includes(from) === [a, b].includes(to)
          const found = await sim.inside(from, () => outcome(ask(sinks[index] as GenServerRef, { type: 'x' }, 10)))
          expect(typeof found).toBe(isSame ? 'number' : 'object')
        }
      }
    }))

  it('outlives a restart of a node', () =>
    passes(async (sim) => {
      const a = sim.system('a')
      sim.network.partition(a, sim.system('b'))
      sim.crash(sim.system('b'))
      const sink = await startSink(sim.system('b'), [])
      const found = await sim.inside(a, () => outcome(ask(sink, { type: 'x' }, 10)))
      expect(found).toBeInstanceOf(CallTimeoutError)
    }))

  it('one way, for ever: settle finds the livelock of those who retry, and heals it if asked to', async () => {
    const retry = (heal: boolean) => async (sim: Simulation) => {
      const [a, b] = [sim.system('a'), sim.system('b')]
      const sink = await startSink(b, [])
      sim.network.partition(b, a, { oneWay: true })
      const again = async (): Promise<unknown> => {
        for (;;) {
          const found = await outcome(ask(sink, { type: 'x' }, 100))
          if (typeof found === 'number') return found
          await a.clock.sleep(50)
        }
      }
      const done = sim.inside(a, again)
      await sim.settle({ heal, within: 10_000 })
      await done
    }
    await passes(retry(true))
    expect(await failureOf(retry(false))).toMatchObject({ code: 'KEELSON_PROPERTY', kind: 'settle' })
  })

  it('refuses what is no node of this simulation, and options that do not exist', () =>
    passes((sim) => {
      const { network } = sim
      const [a, b] = [sim.system('a'), sim.system('b')]
      const bad = [
        [() => network.partition('a' as never, b), 'a'],
        [() => network.partition(a, undefined as never), 'b'],
        [() => network.partition([a, 1 as never], b), 'a[1]'],
        [() => network.partition([], b), 'a'],
        [() => network.partition(a, a), 'b'],
        [() => network.partition([a, b], [b]), 'b'],
        [() => network.partition(a, b, { oneway: true } as never), 'options.oneway'],
        [() => network.partition(a, b, { oneWay: 1 as never }), 'options.oneWay'],
        [() => network.partition(a, b, true as never), 'options'],
      ] as const
      for (const [attempt, field] of bad) {
        const error = thrown(attempt)
        expect(isInvalidArgumentError(error)).toBe(true)
        expect(error).toMatchObject({ field })
      }
      expect(thrown(() => sim.inside({} as never, () => 1))).toMatchObject({ field: 'system' })
      expect(thrown(() => sim.inside(a, 1 as never))).toMatchObject({ field: 'body' })
    }))
})

describe('code inside of a node', () => {
  it('has its chance and its time, also after an await', () =>
    passes(
      async (sim) => {
        const [a, b] = [sim.system('a'), sim.system('b')]
        sim.clock.jumpWall(1000, a)
        const read = async (): Promise<number> => {
          await sim.clock.sleep(1)
          return Date.now()
        }
        const [one, other] = await Promise.all([sim.inside(a, read), sim.inside(b, read)])
        expect(one - other).toBe(1000)
        expect(Date.now()).toBe(other)
      },
      { runs: 1 },
    ))

  it('is what a timer of its clock calls', async () => {
    const program = async (sim: Simulation): Promise<void> => {
      const seen: string[] = []
      const sink = await startSink(sim.system('b'), seen)
      sim.network.partition(sim.system('a'), sim.system('b'))
      sim.system('a').clock.schedule(10, () => cast(sink, 'from a'))
      await sim.settle()
      expect(seen).toEqual([])
    }
    await passes(program)
  })
})

it('an unhandled rejection fails the run, with the name of its node', async () => {
  const program = async (sim: Simulation): Promise<void> => {
    const sink = await startServer(
      sim.system('culprit'),
      () => ({}),
      () => void Promise.reject(new Error('nobody handles this')),
    )
    atA(sim, () => cast(sink, 'go'))
    await sim.clock.sleep(1)
  }
  const { failure } = await explored(program)
  expect(failure?.error).toMatchObject({ message: 'nobody handles this' })
  expect(failure?.report).toContain('in node culprit')
})
