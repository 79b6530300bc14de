/** Restarts, budgets, stops and shutdowns, where supervisors are often wrong. */
import {
  type ChildSpec,
  GenServer,
  isDuplicateChildError,
  isMaxRestartsExceededError,
  isSupervisorNotFoundError,
  Supervisor,
  type SupervisorOptions,
  type SupervisorRef,
} from 'keelson'
import { afterEach, beforeEach, expect, it } from 'vitest'

import { runToEnd } from '../../support/own-process.ts'
import { rejection } from '../../support/rejection.ts'
import { createWorkerStage, type Worker, type WorkerStage } from '../../support/workers.ts'

let stage: WorkerStage
let unhandled: unknown[]
const onUnhandled = (error: unknown): void => void unhandled.push(error)
beforeEach(() => {
  stage = createWorkerStage()
  unhandled = []
  process.on('unhandledRejection', onUnhandled)
})
afterEach(async () => {
  await stage.system.close()
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled).toEqual([])
  expect(stage.alive.size).toBe(0)
})

const child = (id: string, options: Partial<ChildSpec> = {}): ChildSpec => ({ id, start: stage.worker(id), ...options })
const start = (options: SupervisorOptions): Promise<SupervisorRef> =>
  Supervisor.start({ system: stage.system, ...options })
const refOf = (supervisor: SupervisorRef, id: string): Worker => Supervisor.getChild(supervisor, id)?.ref as Worker
const crash = (supervisor: SupervisorRef, id: string): boolean => GenServer.cast(refOf(supervisor, id), 'crash')
const starts = (name: string): number => stage.log.filter((line) => line === `start ${name}`).length

it('a throw in a cast crashes the child, which is told and restarted; its supervisor owns the error [one-owner]', async () => {
  const supervisor = await start({ children: [child('a')] })
  const [before] = Supervisor.getChildren(supervisor)
  crash(supervisor, 'a')
  await stage.settle()
  const [after] = Supervisor.getChildren(supervisor)
  expect(stage.events).toMatchObject([
    { type: 'started', ref: supervisor },
    { type: 'crashed', ref: before?.ref, error: { message: 'a crashed' } },
    { type: 'restarted', ref: after?.ref, attempt: 1 },
  ])
  expect(stage.reported).toEqual([])
  expect(await GenServer.call(refOf(supervisor, 'a'), 'get')).toBe(2)
})

it('a child that was terminated stays so [requests]', async () => {
  const supervisor = await start({ children: [child('a')] })
  await Supervisor.terminateChild(supervisor, 'a')
  await stage.clock.advance(10_000)
  expect(stage.log).toEqual(['start a', 'stop a'])
  expect(stage.alive.size).toBe(0)
})

it.each(['one_for_all', 'rest_for_one', 'one_for_one'] as const)(
  'a slow start of %s runs once [start-once]',
  async (strategy) => {
    const slow = (id: string): ChildSpec => child(id, { start: stage.worker(id, { hold: 120 }) })
    const begun = start({ strategy, children: [slow('a'), slow('b'), slow('c')] })
    await stage.clock.advance(400)
    const supervisor = await begun
    crash(supervisor, 'a')
    await stage.clock.advance(1000)
    expect(stage.alive.size).toBe(3)
    expect(starts('a')).toBe(2)
    expect(starts('b')).toBe(strategy === 'one_for_one' ? 1 : 2)
    const again = Supervisor.restartChild(supervisor, 'b')
    await stage.clock.advance(1000)
    await again
    expect(stage.alive.size).toBe(3)
    expect(stage.clock.getPendingTimerCount()).toBe(0)
  },
)

it('over its budget a supervisor stops the siblings, and says so to everybody who asked [escalation]', async () => {
  const restartIntensity = { maxRestarts: 2, withinMs: 1000 }
  const supervisor = await start({ restartIntensity, children: [child('a'), child('b')] })
  const ended = rejection(supervisor.terminated)
  for (let round = 0; round < 3; round++) {
    crash(supervisor, 'a')
    await stage.settle()
  }
  const error = await ended
  expect(isMaxRestartsExceededError(error)).toBe(true)
  expect(error).toMatchObject({ supervisorId: supervisor.id, ...restartIntensity, cause: { message: 'a crashed' } })
  expect(stage.alive.size).toBe(0)
  expect(stage.log.at(-1)).toBe('stop b')
  expect(stage.events.slice(-2)).toMatchObject([
    { type: 'crashed', ref: supervisor, error },
    { type: 'terminated', ref: supervisor, reason: { error } },
  ])
  expect(stage.reported).toEqual([])
})

it('nobody asked, so the owner of errors is told, and nothing is unhandled [escalation]', async () => {
  const supervisor = await start({ restartIntensity: { maxRestarts: 0 }, children: [child('a')] })
  crash(supervisor, 'a')
  await stage.settle()
  expect(stage.reported).toHaveLength(1)
  expect(isMaxRestartsExceededError(stage.reported[0])).toBe(true)
  // Asked too late, and not even looked at.
  void supervisor.terminated
})

it('restarts that are further apart than the window are allowed for ever [intensity]', async () => {
  const supervisor = await start({ restartIntensity: { maxRestarts: 1, withinMs: 1000 }, children: [child('a')] })
  for (let round = 0; round < 10; round++) {
    crash(supervisor, 'a')
    await stage.clock.advance(1001)
  }
  expect(Supervisor.getChild(supervisor, 'a')?.restartCount).toBe(10)
})

it('a restart whose start fails is tried again, and counted [failed-start]', async () => {
  let fails = 2
  const shaky = (): Promise<Worker> =>
    fails-- > 0 && starts('a') > 0 ? Promise.reject(new Error('not yet')) : stage.worker('a')()
  fails = 3
  const supervisor = await start({ restartIntensity: { maxRestarts: 3 }, children: [child('a', { start: shaky })] })
  fails = 2
  crash(supervisor, 'a')
  await stage.settle()
  expect(stage.alive.size).toBe(1)
  expect(stage.events.map(({ type }) => type)).toEqual(['started', 'crashed', 'crashed', 'crashed', 'restarted'])
  crash(supervisor, 'a')
  await stage.settle()
  expect(Supervisor.isRunning(supervisor)).toBe(false)
  expect(stage.reported).toHaveLength(1)
})

it('a crash is seen without a timer', async () => {
  const supervisor = await start({ children: [child('a')] })
  expect(stage.clock.getPendingTimerCount()).toBe(0)
  crash(supervisor, 'a')
  await stage.settle()
  expect(stage.clock.monoMs()).toBe(0)
  expect(starts('a')).toBe(2)
})

it('two stops at once both resolve [stop-all]', async () => {
  const busy = child('a', { start: stage.worker('a', { stopMs: 50 }) })
  const supervisor = await start({ children: [busy] })
  const stops = Promise.all([Supervisor.stop(supervisor), Supervisor.stop(supervisor, 'shutdown')])
  await stage.clock.advance(50)
  await stops
  expect(stage.log).toEqual(['start a', 'stop a'])
})

it('of two children of one id that are started at once, one wins', async () => {
  const supervisor = await start({})
  const slow = { id: 'a', start: stage.worker('a', { hold: 10 }) }
  const both = Promise.all([
    rejection(Supervisor.startChild(supervisor, slow)),
    rejection(Supervisor.startChild(supervisor, slow)),
  ])
  await stage.clock.advance(50)
  const [first, second] = await both
  expect(first).toHaveProperty('resolved')
  expect(isDuplicateChildError(second)).toBe(true)
  expect(stage.alive.size).toBe(1)
  expect(Supervisor.countChildren(supervisor)).toBe(1)
})

it('a stop during a restart leaves nothing behind [no-orphan]', async () => {
  let hold = 0
  const slow = child('a', { start: () => stage.worker('a', { hold })(), shutdownTimeout: 100 })
  const supervisor = await start({ children: [slow] })
  hold = 5000
  crash(supervisor, 'a')
  await stage.settle()
  const refused = rejection(Supervisor.startChild(supervisor, child('b')))
  const stopped = Supervisor.stop(supervisor)
  await stage.clock.advance(100)
  await stopped
  expect(isSupervisorNotFoundError(await refused)).toBe(true)
  await stage.clock.advance(10_000)
  expect(starts('a')).toBe(2)
  expect(stage.alive.size).toBe(0)
})

it('a stop does not wait for a start that never returns', async () => {
  const supervisor = await start({})
  void rejection(
    Supervisor.startChild(supervisor, child('a', { start: () => new Promise(() => {}), shutdownTimeout: 10 })),
  )
  await stage.settle()
  const stopped = Supervisor.stop(supervisor)
  await stage.clock.advance(10)
  await stopped
})

it('a child that overruns its shutdown is killed; terminate and terminated come once [shutdown-timeout]', async () => {
  const ends: string[] = []
  const off = GenServer.onLifecycleEvent((event) => {
    if (event.type === 'terminated') ends.push(event.ref.id)
  }, stage.system)
  const deaf = child('a', { start: stage.worker('a', { stopMs: 500 }), shutdownTimeout: 100 })
  const supervisor = await start({ children: [deaf] })
  const stopped = Supervisor.stop(supervisor)
  await stage.clock.advance(100)
  await stopped
  await stage.clock.advance(1000)
  expect(stage.log).toEqual(['start a', 'stop a'])
  expect(ends).toHaveLength(1)
  off()
})

it('a terminate that fails is told once, to the owner', async () => {
  const behavior = {
    init: () => 0,
    handleCall: () => [0, 0] as const,
    handleCast: (_: unknown, state: number) => state,
    terminate: () => Promise.reject(new Error('cannot clean up')),
  }
  const begin = (): Promise<unknown> => GenServer.start(behavior, { system: stage.system })
  const supervisor = await start({ children: [child('a', { start: begin as never })] })
  await Supervisor.stop(supervisor)
  expect(stage.reported).toMatchObject([{ message: 'cannot clean up' }])
})

it('a program that starts and stops a supervised server ends at once', () => {
  const program = `
    const { GenServer, Supervisor } = require('keelson')
    const behavior = { init: () => 0, handleCall: (m, s) => [s, s], handleCast: (m, s) => s }
    Supervisor.start({ children: [{ id: 'a', start: () => GenServer.start(behavior) }] }).then(Supervisor.stop).then(over)
  `
  const { status, stderr, held } = runToEnd(program)
  expect(status, stderr).toBe(0)
  expect(stderr).toBe('')
  expect(held).toEqual([])
})

it('what a start makes after its time is killed [no-orphan]', async () => {
  const slow = child('a', { start: stage.worker('a', { hold: 100 }), startTimeout: 10 })
  const failed = rejection(start({ children: [slow] }))
  await stage.clock.advance(10)
  expect(await failed).toMatchObject({ code: 'KEELSON_TIMEOUT', timeoutMs: 10 })
  await stage.clock.advance(1000)
  expect(stage.alive.size).toBe(0)
})

it('a child that is gone for good is told with its true reason', async () => {
  const supervisor = await start({ children: [child('a', { restart: 'temporary' }), child('b')] })
  const [a, b] = Supervisor.getChildren(supervisor)
  crash(supervisor, 'a')
  await stage.settle()
  await Supervisor.terminateChild(supervisor, 'b')
  expect(stage.events.slice(1)).toMatchObject([
    { type: 'crashed', ref: a?.ref },
    { type: 'terminated', ref: a?.ref, reason: { error: { message: 'a crashed' } } },
    { type: 'terminated', ref: b?.ref, reason: 'shutdown' },
  ])
})
