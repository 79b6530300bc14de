/** Supervisors under crashes, pauses and requests in any order. */
import { GenServer, type GenServerRef, Supervisor } from 'keelson/otp'
import type { Simulation } from 'keelson/simulation'
import type { System } from 'keelson/system'
import { describe } from 'vitest'

import { expectEqual } from '../races/tools.ts'
import { callUntilAnswered, counter, ENDLESS, ignore, isRunning, part, startCounter } from './part.ts'

const strategies = ['one_for_one', 'one_for_all', 'rest_for_one'] as const

for (const strategy of strategies) {
  describe(`a supervisor with ${strategy}`, () => {
    part(
      'has all its children again when faults end',
      async (sim) => {
        const system = sim.system('a')
        const supervisor = await Supervisor.start({
          system,
          strategy,
          restartIntensity: ENDLESS,
          children: ['x', 'y', 'z'].map((id) => ({ id, start: () => startCounter(system) })),
        })
        sim.invariant('it lives', () => isRunning(supervisor))
        for (let turn = 0; turn < 6; turn++) {
          const child = sim.choose(3, 'child')
          void callUntilAnswered(sim, () => Supervisor.getChildren(supervisor)[child]?.ref)
          await sim.clock.sleep(20)
        }
        await sim.settle({ heal: true })
        const children = Supervisor.getChildren(supervisor)
        expectEqual('the children', children.map(({ id }) => id).join(), 'x,y,z')
        for (const { ref } of children) {
          expectEqual('whether a child runs', isRunning(ref), true)
          await GenServer.call(ref as never, 1 as never)
        }
      },
      { steps: 20_000 },
    )

    part('keeps of its children what was asked of it last', async (sim) => {
      const system = sim.system('a')
      const started = new Set<GenServerRef>()
      const start = async (): Promise<GenServerRef> => {
        const ref = await startCounter(system)
        started.add(ref)
        return ref
      }
      const backoff = { initialMs: 20, maxMs: 100 }
      const child = (id: string) => ({ id, start, backoff })
      const supervisor = await Supervisor.start({
        system,
        strategy,
        restartIntensity: ENDLESS,
        children: [child('x'), child('y')],
      })
      const wanted = new Map([
        ['x', true],
        ['y', true],
      ])
      for (let turn = 0; turn < 5; turn++) {
        const id = ['x', 'y'][sim.choose(2, 'child')] as string
        const isStop = sim.choose(2, 'what to ask') === 0
        if (isStop && wanted.get(id) === true) {
          await Supervisor.terminateChild(supervisor, id)
          wanted.set(id, false)
        } else if (!isStop && wanted.get(id) === false) {
          await Supervisor.startChild(supervisor, child(id))
          wanted.set(id, true)
        }
        await sim.clock.sleep(sim.choose(40, 'how long it waits'))
      }
      await sim.settle({ heal: true })
      const children = Supervisor.getChildren(supervisor)
      const kept = [...wanted].filter(([, isWanted]) => isWanted).map(([id]) => id)
      expectEqual(
        'the children',
        children
          .map(({ id }) => id)
          .toSorted()
          .join(),
        kept.toSorted().join(),
      )
      const alive = [...started].filter(isRunning)
      expectEqual('the processes that run', alive.length, kept.length)
      for (const { ref } of children) expectEqual('whether a child runs', alive.includes(ref as GenServerRef), true)
    })
  })
}

describe('a supervisor', () => {
  part('stops all its children, whatever happens meanwhile', async (sim) => {
    const system = sim.system('a')
    const started: GenServerRef[] = []
    const start = async (): Promise<GenServerRef> => {
      await system.clock.sleep(system.random.int(5))
      const ref = await startCounter(system)
      started.push(ref)
      return ref
    }
    const policy = { shutdownTimeout: 'brutal_kill' as const, startTimeout: 4 }
    const supervisor = await Supervisor.start({
      system,
      restartIntensity: ENDLESS,
      children: ['x', 'y'].map((id) =>
        Object.assign({ id, start }, sim.choose(2, `policy of ${id}`) === 0 ? {} : policy),
      ),
    }).catch(ignore)
    if (supervisor === undefined) return
    for (let turn = sim.choose(5, 'turns'); turn > 0; turn--) {
      const [first] = Supervisor.getChildren(supervisor)
      await GenServer.call(first?.ref as never, 1 as never).catch(ignore)
    }
    await Supervisor.stop(supervisor)
    await sim.settle({ heal: true })
    expectEqual('the children left', started.filter(isRunning).length, 0)
  })

  part('answers each request, in a tree whose middle crashes too', async (sim) => {
    const system = sim.system('a')
    const branch = (name: string) => () =>
      Supervisor.start({
        system,
        restartIntensity: { maxRestarts: 1, withinMs: 1000 },
        children: [{ id: `leaf of ${name}`, start: () => startCounter(system) }],
      })
    const top = await Supervisor.start({
      system,
      restartIntensity: ENDLESS,
      children: ['l', 'r'].map((id) => ({ id, start: branch(id) })),
    })
    const leaf = (place: number) => {
      const ref = Supervisor.getChildren(top)[place]?.ref
      return isRunning(ref) ? Supervisor.getChildren(ref as never)[0]?.ref : undefined
    }
    for (let turn = 0; turn < 4; turn++) {
      const ref = leaf(sim.choose(2, 'branch'))
      if (isRunning(ref) && sim.choose(2, 'crash it') === 1) sim.crash(ref as GenServerRef)
      await sim.clock.sleep(sim.choose(20, 'how long it waits'))
    }
    await sim.settle({ heal: true })
    for (const place of [0, 1]) await GenServer.call(leaf(place) as never, 1 as never)
  })

  part('of a template keeps as many children as were started and not stopped', async (sim) => {
    const system = sim.system('a')
    const supervisor = await Supervisor.start({
      system,
      strategy: 'simple_one_for_one',
      restartIntensity: ENDLESS,
      childTemplate: { start: () => GenServer.start(counter, { system }) },
    })
    const kept: string[] = []
    const startSome = async (count: number): Promise<void> => {
      for (let index = 0; index < count; index++) {
        await Supervisor.startChild(supervisor, [])
        kept.push('started')
      }
    }
    await Promise.all([startSome(sim.choose(3, 'by the first')), startSome(sim.choose(3, 'by the second'))])
    await sim.clock.sleep(sim.choose(30, 'how long it waits'))
    await sim.settle({ heal: true })
    const children = Supervisor.getChildren(supervisor)
    expectEqual('the children', children.length, kept.length)
    expectEqual('those that run', children.filter(({ ref }) => isRunning(ref)).length, kept.length)
  })
})

describe('a system that closes', () => {
  part('ends all processes, whatever they do', async (sim: Simulation) => {
    const system: System = sim.system('a')
    const refs: GenServerRef[] = []
    const start = async (): Promise<GenServerRef> => {
      const ref = await startCounter(system)
      refs.push(ref)
      return ref
    }
    await Supervisor.start({
      system,
      restartIntensity: ENDLESS,
      children: ['x', 'y'].map((id) => ({ id, start, backoff: { initialMs: 10, maxMs: 10 } })),
    })
    await sim.clock.sleep(sim.choose(20, 'when it closes'))
    await system.close()
    expectEqual('the processes that run', refs.filter(isRunning).length, 0)
  })
})
