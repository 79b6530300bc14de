import { AsyncLocalStorage } from 'node:async_hooks'

import * as fc from 'fast-check'
import {
  type ChildSpec,
  createSystem,
  GenServer,
  isMaxRestartsExceededError,
  Supervisor,
  type SupervisorOptions,
  type SupervisorRef,
} from 'keelson'
import { describe, expect, it } from 'vitest'

import { rejection } from '../../support/rejection.ts'
import { createWorkerStage, type Worker, type WorkerStage } from '../../support/workers.ts'

const worker = (stage: WorkerStage, id: string): ChildSpec => ({ id, start: stage.worker(id) })

/** A supervisor as a child; `refs` has the present one of each name. */
const nested = (
  stage: WorkerStage,
  refs: Map<string, SupervisorRef>,
  id: string,
  options: SupervisorOptions,
  policy: Partial<ChildSpec> = {},
): ChildSpec => ({
  id,
  ...policy,
  start: async () => {
    const ref = await Supervisor.start({ system: stage.system, ...options })
    refs.set(id, ref)
    return ref
  },
})

const crash = async (stage: WorkerStage, supervisor: SupervisorRef, id: string): Promise<void> => {
  GenServer.cast(Supervisor.getChild(supervisor, id)?.ref as Worker, 'crash')
  await stage.settle()
}

describe('a tree', () => {
  it('starts from the leaves up and stops the other way, three levels deep [trees]', async () => {
    const stage = createWorkerStage()
    const refs = new Map<string, SupervisorRef>()
    const low = nested(stage, refs, 'low', { children: [worker(stage, 'x'), worker(stage, 'y')] })
    const mid = nested(stage, refs, 'mid', { children: [worker(stage, 'm'), low] })
    const top = await Supervisor.start({ system: stage.system, children: [mid, worker(stage, 't')] })
    await Supervisor.stop(top)
    expect(stage.log).toEqual(
      ['m', 'x', 'y', 't'].map((n) => `start ${n}`).concat(['t', 'y', 'x', 'm'].map((n) => `stop ${n}`)),
    )
    expect(stage.events.filter(({ type }) => type === 'terminated').map(({ ref }) => ref)).toEqual([
      refs.get('low'),
      refs.get('mid'),
      top,
    ])
    expect(stage.system.clock.getPendingTimerCount()).toBe(0)
    await stage.system.close()
  })

  it('escalates: one that gives up is started anew by the one above, until that one gives up as well [escalation]', async () => {
    const stage = createWorkerStage()
    const refs = new Map<string, SupervisorRef>()
    const low = nested(stage, refs, 'low', {
      restartIntensity: { maxRestarts: 1 },
      children: [worker(stage, 'x'), worker(stage, 'y')],
    })
    const top = await Supervisor.start({
      system: stage.system,
      restartIntensity: { maxRestarts: 1 },
      children: [worker(stage, 't'), low],
    })
    const ended = rejection(top.terminated)
    const first = refs.get('low') as SupervisorRef
    for (let round = 0; round < 2; round++) await crash(stage, refs.get('low') as SupervisorRef, 'x')
    expect(isMaxRestartsExceededError(await rejection(first.terminated))).toBe(true)
    expect(refs.get('low')).not.toBe(first)
    expect(Supervisor.getChild(top, 'low')).toMatchObject({ ref: refs.get('low'), restartCount: 1 })
    expect(stage.alive.size).toBe(3)
    expect(stage.reported).toEqual([])
    for (let round = 0; round < 2; round++) await crash(stage, refs.get('low') as SupervisorRef, 'x')
    expect(await ended).toMatchObject({ code: 'KEELSON_MAX_RESTARTS', supervisorId: top.id })
    expect(stage.alive.size).toBe(0)
    expect(stage.reported).toEqual([])
    await stage.system.close()
  })

  it('leaves no orphan when a supervisor in it is killed, or stopped while it starts [no-orphan]', async () => {
    const stage = createWorkerStage()
    const refs = new Map<string, SupervisorRef>()
    const deaf: ChildSpec = { id: 'deaf', start: stage.worker('deaf', { deaf: true }), shutdownTimeout: Infinity }
    const low = nested(stage, refs, 'low', { children: [worker(stage, 'x'), deaf] }, { shutdownTimeout: 100 })
    const top = await Supervisor.start({ system: stage.system, children: [low] })
    const stopped = Supervisor.stop(top)
    await stage.clock.advance(100)
    await stopped
    await stage.settle()
    expect(stage.alive.size).toBe(0)
    const slow: ChildSpec = { id: 's', start: stage.worker('s', { hold: 1000 }), shutdownTimeout: 50 }
    const other = await Supervisor.start({ system: stage.system })
    const refused = rejection(
      Supervisor.startChild(other, nested(stage, refs, 'n', { children: [worker(stage, 'x'), slow] })),
    )
    await stage.settle()
    const end = Supervisor.stop(other)
    await stage.clock.advance(50)
    await end
    await refused
    await stage.clock.advance(5000)
    expect(stage.alive.size).toBe(0)
    expect(stage.clock.getPendingTimerCount()).toBe(0)
    await stage.system.close()
  })
})

type Tree = {
  strategy: 'one_for_one' | 'one_for_all' | 'rest_for_one'
  max: number
  children: (Tree | { stopMs: number })[]
}

const tree: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree; leaf: { stopMs: number } }>((tie) => ({
  leaf: fc.record({ stopMs: fc.constantFrom(0, 5, 500) }),
  tree: fc.record({
    strategy: fc.constantFrom('one_for_one', 'one_for_all', 'rest_for_one'),
    max: fc.integer({ min: 0, max: 4 }),
    children: fc.array(fc.oneof({ maxDepth: 2, withCrossShrink: true }, tie('leaf'), tie('tree')), {
      minLength: 1,
      maxLength: 4,
    }),
  }),
})).tree

const leaves = (node: Tree): number =>
  node.children.reduce((sum, child) => sum + ('children' in child ? leaves(child) : 1), 0)

it('starts children again in the context in which the supervisor was started [context]', async () => {
  const stage = createWorkerStage()
  const context = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const start = (): Promise<Worker> => {
    seen.push(context.getStore())
    return stage.worker('a')()
  }
  const top = await context.run('top', () => Supervisor.start({ system: stage.system, children: [{ id: 'a', start }] }))
  await context.run('crash', () => crash(stage, top, 'a'))
  expect(seen).toEqual(['top', 'top'])
  await stage.system.close()
})

describe('whatever crashes', () => {
  it('no process is lost, doubled or left behind', async () => {
    await fc.assert(
      fc.asyncProperty(tree, fc.array(fc.tuple(fc.nat(), fc.nat(10)), { maxLength: 12 }), async (plan, crashes) => {
        const stage = createWorkerStage()
        const workers = new Map<string, Worker>()
        const build = (node: Tree, path: string): SupervisorOptions => ({
          system: stage.system,
          strategy: node.strategy,
          restartIntensity: { maxRestarts: node.max, withinMs: 50 },
          children: node.children.map((child, index): ChildSpec => {
            const id = `${path}.${index}`
            if ('children' in child) return { id, start: () => Supervisor.start(build(child, id)) }
            const start = stage.worker(id, { stopMs: child.stopMs })
            return {
              id,
              shutdownTimeout: 50,
              start: async () => {
                const ref = await start()
                workers.set(id, ref)
                return ref
              },
            }
          }),
        })
        const top = await Supervisor.start(build(plan, 'r'))
        const ended = rejection(top.terminated)
        for (const [which, wait] of crashes) {
          const living = [...workers.values()].filter((ref) => GenServer.isRunning(ref))
          const victim = living[which % Math.max(living.length, 1)]
          if (victim !== undefined) GenServer.cast(victim, 'crash')
          if (wait > 0) await stage.clock.advance(wait)
        }
        for (let round = 0; round < 100; round++) await stage.clock.advance(50)
        await stage.settle()
        if (Supervisor.isRunning(top)) {
          expect(stage.alive.size).toBe(leaves(plan))
          expect(Supervisor.countChildren(top)).toBe(plan.children.length)
          const stopped = Supervisor.stop(top)
          for (let round = 0; round < 1000 && stage.alive.size > 0; round++) await stage.clock.advance(50)
          await stopped
        }
        await ended
        expect(stage.alive.size).toBe(0)
        expect(stage.reported).toEqual([])
        // What a killed worker's own `terminate` slept for.
        await stage.clock.advance(1000)
        expect(stage.clock.getPendingTimerCount()).toBe(0)
        await stage.system.close()
      }),
      { numRuns: 60 },
    )
  })
})

describe('100,000 children', () => {
  it('start, crash and stop, and a crash costs the same however many siblings there are [crash-cost]', async () => {
    const system = createSystem()
    const behavior = {
      init: () => 0,
      handleCall: () => [0, 0] as const,
      handleCast: (): number => {
        throw new Error('crash')
      },
    }
    const restarted = new Set<() => void>()
    Supervisor.onLifecycleEvent(({ type }) => {
      if (type === 'restarted') for (const told of restarted) told()
    }, system)
    const costs: number[] = []
    for (const size of [10, 100_000]) {
      const children = Array.from({ length: size }, (_, index) => ({
        id: `${index}`,
        start: () => GenServer.start(behavior, { system }),
      }))
      const supervisor = await Supervisor.start({ system, children, restartIntensity: { maxRestarts: 1e6 } })
      expect(Supervisor.countChildren(supervisor)).toBe(size)
      const times: number[] = []
      for (let round = 0; round < 300; round++) {
        const begun = performance.now()
        const again = new Promise<void>((resolve) => {
          const told = (): void => {
            restarted.delete(told)
            resolve()
          }
          restarted.add(told)
        })
        GenServer.cast(Supervisor.getChild(supervisor, `${(round * 37) % size}`)?.ref as Worker, 'x')
        await again
        times.push(performance.now() - begun)
      }
      costs.push(times.toSorted((one, other) => one - other)[150] as number)
      await Supervisor.stop(supervisor)
      expect(Supervisor.isRunning(supervisor)).toBe(false)
    }
    const [few, many] = costs as [number, number]
    // Memory is farther away, and that is all; a scan of the siblings would take milliseconds.
    expect(many).toBeLessThan(Math.max(few * 20, 1))
    await system.close()
  })
})
