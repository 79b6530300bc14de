/** Group restarts while somebody calls the supervisor. Found by random programs, see `model/program.ts`. */
import {
  type ChildSpec,
  GenServer,
  isDuplicateChildError,
  isSupervisorNotFoundError,
  Supervisor,
  type SupervisorOptions,
  type SupervisorRef,
} from 'keelson'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { rejection } from '../../support/rejection.ts'
import { createWorkerStage, type Worker, type WorkerStage } from '../../support/workers.ts'

let stage: WorkerStage
beforeEach(() => {
  stage = createWorkerStage()
})
afterEach(async () => {
  await stage.system.close()
  expect(stage.alive.size).toBe(0)
})

/** The number of starts of a child that fail next. */
let failing: Map<string, number>
beforeEach(() => {
  failing = new Map()
})
const child = (id: string, options: Partial<ChildSpec> & { hold?: number } = {}): ChildSpec => {
  const { hold = 0, ...policy } = options
  const start = stage.worker(id, { hold })
  return {
    id,
    start: async () => {
      const left = failing.get(id) ?? 0
      if (left === 0) return start()
      failing.set(id, left - 1)
      if (hold > 0) await stage.clock.sleep(hold)
      throw new Error(`${id} does not start`)
    },
    ...policy,
  }
}
const start = (options: SupervisorOptions): Promise<SupervisorRef> =>
  Supervisor.start({ system: stage.system, restartIntensity: { maxRestarts: 20 }, ...options })
const refOf = (supervisor: SupervisorRef, id: string): Worker => Supervisor.getChild(supervisor, id)?.ref as Worker
const crash = (supervisor: SupervisorRef, id: string): boolean => GenServer.cast(refOf(supervisor, id), 'crash')
const running = (supervisor: SupervisorRef): string[] =>
  Supervisor.getChildren(supervisor)
    .filter(({ ref }) => GenServer.isRunning(ref))
    .map(({ id }) => id)
const since = (mark: number): string[] => stage.log.slice(mark)

const backoff = { initialMs: 100, maxMs: 100, jitter: 0 }

describe('a group that waits for its restart', () => {
  const waiting = async (strategy: 'one_for_all' | 'rest_for_one'): Promise<SupervisorRef> => {
    const supervisor = await start({
      strategy,
      children: [child('a'), child('b', { backoff }), child('c'), child('d')],
    })
    crash(supervisor, 'b')
    await stage.settle()
    expect(running(supervisor)).toEqual(strategy === 'one_for_all' ? [] : ['a'])
    return supervisor
  }

  it('starts at once without the child that is terminated meanwhile [group-requests]', async () => {
    for (const strategy of ['one_for_all', 'rest_for_one'] as const) {
      const supervisor = await waiting(strategy)
      const mark = stage.log.length
      await Supervisor.terminateChild(supervisor, 'b')
      await stage.settle()
      expect(running(supervisor)).toEqual(['a', 'c', 'd'])
      expect(since(mark)).toEqual([...(strategy === 'one_for_all' ? ['start a'] : []), 'start c', 'start d'])
      await stage.clock.advance(1000)
      expect(running(supervisor)).toEqual(['a', 'c', 'd'])
      await Supervisor.stop(supervisor)
    }
  })

  it('starts as a whole, in order, when the child is restarted by hand [group-requests]', async () => {
    for (const strategy of ['one_for_all', 'rest_for_one'] as const) {
      const supervisor = await waiting(strategy)
      const mark = stage.log.length
      const ref = await Supervisor.restartChild(supervisor, 'b')
      await stage.settle()
      expect(ref).toBe(refOf(supervisor, 'b'))
      expect(running(supervisor)).toEqual(['a', 'b', 'c', 'd'])
      expect(since(mark)).toEqual(
        [...(strategy === 'one_for_all' ? ['a'] : []), 'b', 'c', 'd'].map((id) => `start ${id}`),
      )
      await stage.clock.advance(1000)
      expect(since(mark)).toHaveLength(strategy === 'one_for_all' ? 4 : 3)
      await Supervisor.stop(supervisor)
    }
  })

  it('starts once more with what was started by hand before its time, in order [group-requests]', async () => {
    const supervisor = await waiting('rest_for_one')
    await Supervisor.restartChild(supervisor, 'd')
    await Supervisor.startChild(supervisor, child('e'))
    expect(running(supervisor)).toEqual(['a', 'd', 'e'])
    const mark = stage.log.length
    await Supervisor.terminateChild(supervisor, 'b')
    await stage.settle()
    expect(since(mark)).toEqual(['stop e', 'stop d', 'start c', 'start d', 'start e'])
    await Supervisor.stop(supervisor)
  })

  it('counts as present for autoShutdown: its significant children come back [group-requests]', async () => {
    const supervisor = await start({
      strategy: 'rest_for_one',
      autoShutdown: 'all_significant',
      children: [
        child('a', { restart: 'transient', significant: true }),
        child('b', { backoff }),
        child('c', { restart: 'transient', significant: true }),
      ],
    })
    crash(supervisor, 'b')
    await stage.settle()
    GenServer.cast(refOf(supervisor, 'a'), 'done')
    await stage.clock.advance(100)
    expect(running(supervisor)).toEqual(['b', 'c'])
    GenServer.cast(refOf(supervisor, 'c'), 'done')
    await stage.settle()
    expect(await supervisor.terminated).toBe('shutdown')
  })

  it('answers a request for a child of it that is cut short by a stop [group-requests]', async () => {
    const one = start({ strategy: 'one_for_all', children: [child('x', { hold: 50 }), child('y', { backoff })] })
    await stage.clock.advance(50)
    const root = await one
    crash(root, 'y')
    await stage.settle()
    const renewed = rejection(Supervisor.restartChild(root, 'y'))
    await stage.settle()
    const stopped = Supervisor.stop(root)
    await stage.clock.advance(1000)
    await stopped
    expect(isSupervisorNotFoundError(await renewed)).toBe(true)
  })
})

describe('a group whose start fails', () => {
  const broken = async (): Promise<SupervisorRef> => {
    const begun = start({ strategy: 'rest_for_one', children: [child('a'), child('b', { hold: 50 }), child('c')] })
    await stage.clock.advance(50)
    const supervisor = await begun
    failing.set('b', 1)
    crash(supervisor, 'b')
    await stage.settle()
    return supervisor
  }

  it('starts without the child that is terminated before the next try [group-requests]', async () => {
    const supervisor = await broken()
    const done = Supervisor.terminateChild(supervisor, 'b')
    await stage.clock.advance(50)
    await done
    expect(running(supervisor)).toEqual(['a', 'c'])
    await Supervisor.stop(supervisor)
  })

  it('starts as a whole when the child is restarted by hand before the next try [group-requests]', async () => {
    const supervisor = await broken()
    const renewed = Supervisor.restartChild(supervisor, 'b')
    await stage.clock.advance(200)
    expect(await renewed).toBe(refOf(supervisor, 'b'))
    expect(running(supervisor)).toEqual(['a', 'b', 'c'])
    await Supervisor.stop(supervisor)
  })
})

describe('restartChild whose start fails', () => {
  it('is told so, and the start is tried again, which counts [requests]', async () => {
    for (const strategy of ['one_for_one', 'one_for_all', 'rest_for_one'] as const) {
      const supervisor = await start({
        strategy,
        restartIntensity: { maxRestarts: 1 },
        children: [child('a'), child('b')],
      })
      failing.set('a', 1)
      expect(await rejection(Supervisor.restartChild(supervisor, 'a'))).toMatchObject({ message: 'a does not start' })
      await stage.settle()
      expect(running(supervisor)).toEqual(['a', 'b'])
      const ended = rejection(supervisor.terminated)
      crash(supervisor, 'b')
      await stage.settle()
      expect(await ended).toMatchObject({ code: 'KEELSON_MAX_RESTARTS' })
    }
  })

  it('removes a temporary child, so that what is counted is what is there [requests]', async () => {
    const supervisor = await start({ children: [child('a', { restart: 'temporary' }), child('b')] })
    failing.set('a', 1)
    await rejection(Supervisor.restartChild(supervisor, 'a'))
    expect(Supervisor.countChildren(supervisor)).toBe(1)
    expect(Supervisor.getChild(supervisor, 'a')).toBeUndefined()
    await Supervisor.startChild(supervisor, child('a'))
    expect(Supervisor.countChildren(supervisor)).toBe(2)
    expect(isDuplicateChildError(await rejection(Supervisor.startChild(supervisor, child('a'))))).toBe(true)
    await Supervisor.stop(supervisor)
  })

  it('keeps a child of a template, with its arguments [requests]', async () => {
    let fails = false
    const supervisor = await start({
      strategy: 'simple_one_for_one',
      childTemplate: {
        start: (name: string) => {
          if (!fails) return stage.worker(name)()
          fails = false
          throw new Error('no')
        },
      },
    })
    await Supervisor.startChild(supervisor, ['x'])
    fails = true
    await rejection(Supervisor.restartChild(supervisor, 'child_1'))
    await stage.settle()
    expect(running(supervisor)).toEqual(['child_1'])
    expect(stage.log.filter((line) => line === 'start x')).toHaveLength(2)
    await Supervisor.stop(supervisor)
  })
})

it('what a start leads to as its supervisor ends is killed, whichever comes first [no-orphan]', async () => {
  for (let ticks = 0; ticks < 24; ticks++) {
    const supervisor = await start({})
    const late = child('late', { shutdownTimeout: 'brutal_kill' })
    const refused = rejection(
      Supervisor.startChild(supervisor, { ...late, start: async () => (await late.start()) as Worker }),
    )
    for (let tick = 0; tick < ticks; tick++) await undefined
    await Supervisor.stop(supervisor)
    await refused
    await stage.settle()
    expect(stage.alive.size).toBe(0)
  }
})
