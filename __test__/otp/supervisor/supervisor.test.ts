import {
  type ChildSpec,
  GenServer,
  isAlreadyRegisteredError,
  isChildNotFoundError,
  isDuplicateChildError,
  isInvalidArgumentError,
  isInvalidSimpleOneForOneConfigError,
  isMissingChildTemplateError,
  isSupervisorNotFoundError,
  isTimeoutError,
  Supervisor,
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

const child = (id: string, options: Partial<ChildSpec> = {}): ChildSpec => ({ id, start: stage.worker(id), ...options })
const refOf = (supervisor: SupervisorRef, id: string): Worker => Supervisor.getChild(supervisor, id)?.ref as Worker
const crash = async (supervisor: SupervisorRef, id: string, how = 'crash'): Promise<void> => {
  GenServer.cast(refOf(supervisor, id), how)
  await stage.settle()
}
const start = (options: Parameters<typeof Supervisor.start>[0]): Promise<SupervisorRef> =>
  Supervisor.start({ system: stage.system, ...options })

describe('the face', () => {
  it('starts children in order, shows them, and stops them the last first [children-order]', async () => {
    const supervisor = await start({ children: [child('a'), child('b'), child('c')] })
    expect(supervisor.id).toMatch(/^supervisor_1_/)
    expect(Supervisor.isRunning(supervisor)).toBe(true)
    expect(Supervisor.countChildren(supervisor)).toBe(3)
    expect(Supervisor.getChildren(supervisor).map(({ id, restartCount }) => [id, restartCount])).toEqual([
      ['a', 0],
      ['b', 0],
      ['c', 0],
    ])
    expect(Supervisor.getChild(supervisor, 'x')).toBeUndefined()
    await Supervisor.stop(supervisor)
    expect(stage.log).toEqual(['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a'])
    expect(Supervisor.isRunning(supervisor)).toBe(false)
    await expect(supervisor.terminated).resolves.toBe('normal')
    await Supervisor.stop(supervisor)
  })

  it('refuses what is asked of one that has stopped', async () => {
    const supervisor = await start({ children: [child('a')] })
    await Supervisor.stop(supervisor)
    expect(() => Supervisor.getChildren(supervisor)).toThrow(`Supervisor '${supervisor.id}' not found`)
    expect(() => Supervisor.countChildren(supervisor)).toThrow('not found')
    expect(() => Supervisor.getChild(supervisor, 'a')).toThrow('not found')
    for (const request of [
      Supervisor.startChild(supervisor, child('b')),
      Supervisor.terminateChild(supervisor, 'a'),
      Supervisor.restartChild(supervisor, 'a'),
    ]) {
      expect(isSupervisorNotFoundError(await rejection(request))).toBe(true)
    }
  })

  it('adds, removes and renews children [requests]', async () => {
    const supervisor = await start({ children: [child('a')] })
    const added = await Supervisor.startChild(supervisor, child('b'))
    expect(Supervisor.getChild(supervisor, 'b')?.ref).toBe(added)
    expect(isDuplicateChildError(await rejection(Supervisor.startChild(supervisor, child('b'))))).toBe(true)
    const renewed = await Supervisor.restartChild(supervisor, 'a')
    expect(renewed).not.toBe(added)
    expect(Supervisor.getChild(supervisor, 'a')?.restartCount).toBe(1)
    await Supervisor.terminateChild(supervisor, 'b')
    expect(Supervisor.countChildren(supervisor)).toBe(1)
    expect(isChildNotFoundError(await rejection(Supervisor.terminateChild(supervisor, 'b')))).toBe(true)
    expect(isChildNotFoundError(await rejection(Supervisor.restartChild(supervisor, 'b')))).toBe(true)
    await Supervisor.startChild(supervisor, child('b'))
    expect(Supervisor.countChildren(supervisor)).toBe(2)
    expect(stage.reported).toEqual([])
  })

  it('throws the error of a child that does not start, and stops those before it [children-start]', async () => {
    const failing = child('b', { start: () => Promise.reject(new Error('no b')) })
    expect(await rejection(start({ children: [child('a'), failing, child('c')] }))).toMatchObject({ message: 'no b' })
    expect(stage.log).toEqual(['start a', 'stop a'])
    const supervisor = await start({ children: [child('a')] })
    expect(await rejection(Supervisor.startChild(supervisor, failing))).toMatchObject({ message: 'no b' })
    expect(Supervisor.countChildren(supervisor)).toBe(1)
    const nothing = child('n', { start: () => 5 as never })
    expect(isInvalidArgumentError(await rejection(Supervisor.startChild(supervisor, nothing)))).toBe(true)
    const slow = child('s', { start: stage.worker('s', { hold: 50 }), startTimeout: 10 })
    const late = rejection(Supervisor.startChild(supervisor, slow))
    await stage.clock.advance(100)
    expect(isTimeoutError(await late)).toBe(true)
    await stage.settle()
    expect(stage.alive.size).toBe(1)
  })

  it('names the field that is refused, and changes nothing', async () => {
    const refused: [unknown, string][] = [
      [{ strategy: 'one' }, 'options.strategy'],
      [{ childrens: [] }, 'options.childrens'],
      [{ children: [{ id: 'a' }] }, 'options.children[0].start'],
      [{ children: [child('a', { restart: 'never' as never })] }, 'options.children[0].restart'],
      [{ children: [child('a', { shutdownTimeout: -1 })] }, 'options.children[0].shutdownTimeout'],
      [{ children: [child('a', { significant: true })] }, 'options.children[0].significant'],
      [{ restartIntensity: { maxRestarts: -1 } }, 'options.restartIntensity.maxRestarts'],
      [{ restartIntensity: { withinMs: 0 } }, 'options.restartIntensity.withinMs'],
      [{ backoff: { initialMs: 5, maxMs: 1 } }, 'options.backoff.maxMs'],
      [{ childTemplate: { start: stage.worker('x') } }, 'options.childTemplate'],
    ]
    for (const [options, field] of refused) expect(await rejection(start(options as never))).toMatchObject({ field })
    expect(isDuplicateChildError(await rejection(start({ children: [child('a'), child('a')] })))).toBe(true)
    expect(stage.log).toEqual([])
    expect(stage.system.clock.getPendingTimerCount()).toBe(0)
  })
})

describe('strategies', () => {
  it.each([
    ['one_for_one', ['start b']],
    ['one_for_all', ['stop c', 'stop a', 'start a', 'start b', 'start c']],
    ['rest_for_one', ['stop c', 'start b', 'start c']],
  ] as const)('%s restarts as it says [strategies]', async (strategy, expected) => {
    const supervisor = await start({ strategy, children: [child('a'), child('b'), child('c')] })
    stage.log.length = 0
    await crash(supervisor, 'b')
    expect(stage.log).toEqual(['stop b error', ...expected])
    expect(Supervisor.getChild(supervisor, 'b')?.restartCount).toBe(1)
    expect(stage.alive.size).toBe(3)
  })

  it.each([
    ['permanent', 'crash', true],
    ['permanent', 'done', true],
    ['transient', 'crash', true],
    ['transient', 'done', false],
    ['temporary', 'crash', false],
  ] as const)('a %s child that ends by %s: restarted %s [restart-types]', async (restart, how, again) => {
    const supervisor = await start({ children: [child('a', { restart })] })
    await crash(supervisor, 'a', how)
    expect(Supervisor.countChildren(supervisor)).toBe(again ? 1 : 0)
    expect(stage.alive.size).toBe(again ? 1 : 0)
  })

  it('simple_one_for_one makes children after a template, and starts them again with their arguments [dynamic]', async () => {
    const supervisor = await start({
      strategy: 'simple_one_for_one',
      childTemplate: { start: (name: string) => stage.worker(name)() } as never,
    })
    await Supervisor.startChild(supervisor, ['x'])
    await Supervisor.startChild(supervisor, ['y'])
    expect(Supervisor.getChildren(supervisor).map(({ id }) => id)).toEqual(['child_1', 'child_2'])
    await crash(supervisor, 'child_2')
    expect(stage.log).toEqual(['start x', 'start y', 'stop y error', 'start y'])
    await Supervisor.terminateChild(supervisor, 'child_1')
    expect(Supervisor.countChildren(supervisor)).toBe(1)
    await Supervisor.restartChild(supervisor, 'child_2')
    expect(isChildNotFoundError(await rejection(Supervisor.restartChild(supervisor, 'child_01')))).toBe(true)
    expect(isInvalidSimpleOneForOneConfigError(await rejection(Supervisor.startChild(supervisor, child('a'))))).toBe(
      true,
    )
    const other = await start({})
    expect(isInvalidSimpleOneForOneConfigError(await rejection(Supervisor.startChild(other, [])))).toBe(true)
    expect(isMissingChildTemplateError(await rejection(start({ strategy: 'simple_one_for_one' })))).toBe(true)
    const both = { strategy: 'simple_one_for_one', children: [child('a')], childTemplate: child('a') } as never
    expect(isInvalidSimpleOneForOneConfigError(await rejection(start(both)))).toBe(true)
  })

  it('ends with a significant child [significant]', async () => {
    const significant = { restart: 'transient', significant: true } as const
    const children = [child('a', significant), child('b', significant), child('c')]
    const any = await start({ autoShutdown: 'any_significant', children })
    await crash(any, 'a', 'done')
    expect(Supervisor.isRunning(any)).toBe(false)
    await expect(any.terminated).resolves.toBe('shutdown')
    const all = await start({ autoShutdown: 'all_significant', children })
    await crash(all, 'a', 'done')
    expect(Supervisor.isRunning(all)).toBe(true)
    await crash(all, 'b', 'done')
    expect(Supervisor.isRunning(all)).toBe(false)
  })

  it('waits longer for each restart in a row [backoff]', async () => {
    const backoff = { initialMs: 100, maxMs: 1000, jitter: 0 }
    const supervisor = await start({ children: [child('a')], backoff, restartIntensity: { maxRestarts: 9 } })
    const waits: number[] = []
    for (let round = 0; round < 3; round++) {
      await crash(supervisor, 'a')
      const from = stage.clock.monoMs()
      while (stage.alive.size === 0) await stage.clock.advance(10)
      waits.push(stage.clock.monoMs() - from)
    }
    expect(waits).toEqual([100, 200, 400])
  })
})

describe('stops', () => {
  it('kill a child that does not stop in time, or at once, or never [shutdown-timeout]', async () => {
    const deaf = (id: string, shutdownTimeout: ChildSpec['shutdownTimeout']): ChildSpec =>
      child(id, { start: stage.worker(id, { deaf: true }), shutdownTimeout } as Partial<ChildSpec>)
    const supervisor = await start({ children: [deaf('a', 200), deaf('b', 'brutal_kill')] })
    const stopped = Supervisor.stop(supervisor)
    await stage.clock.advance(199)
    expect(Supervisor.isRunning(supervisor)).toBe(false)
    expect(stage.alive.size).toBe(1)
    await stage.clock.advance(1)
    await stopped
    expect(stage.log).toEqual(['start a', 'start b', 'stop a'])
    expect(stage.clock.getPendingTimerCount()).toBe(0)
  })

  it('end with their system, whoever does not [close-bounded]', async () => {
    const nested = child('n', {
      start: () => start({ children: [child('deaf', { start: stage.worker('deaf', { deaf: true }) })] }),
    })
    const supervisor = await start({ children: [child('a'), nested] })
    await stage.system.close()
    expect(stage.alive.size).toBe(0)
    expect(Supervisor.isRunning(supervisor)).toBe(false)
    expect(stage.log).toContain('stop a')
  })
})

describe('as a process', () => {
  it('has a name before its children start, which is free when it has ended', async () => {
    const supervisor = await start({ name: 'top' })
    expect(isAlreadyRegisteredError(await rejection(start({ name: 'top', children: [child('a')] })))).toBe(true)
    expect(stage.log).toEqual([])
    await Supervisor.stop(supervisor)
    await start({ name: 'top' })
  })

  it('can be monitored and linked, and takes no messages [supervisor-process]', async () => {
    const supervisor = await start({ children: [child('a')] })
    const heard: unknown[] = []
    const watcher = await GenServer.start(
      {
        init: () => 0,
        handleCall: () => [0, 0],
        handleCast: (_, state) => state,
        handleInfo: (info, state) => {
          heard.push(info)
          return state
        },
      },
      { system: stage.system, trapExit: true },
    )
    await GenServer.monitor(watcher, supervisor)
    await GenServer.link(watcher, supervisor)
    expect(isInvalidArgumentError(await rejection(GenServer.call(supervisor as never, 'x')))).toBe(true)
    expect(Supervisor.isRunning(supervisor)).toBe(true)
    await Supervisor.stop(supervisor, 'shutdown')
    await stage.settle()
    expect(heard).toMatchObject([
      { type: 'EXIT', reason: { type: 'shutdown' } },
      { type: 'DOWN', reason: { type: 'shutdown' } },
    ])
    await GenServer.stop(watcher)
    expect(() => Supervisor.isRunning(watcher as never)).toThrow('SupervisorRef')
  })
})
