/**
 * Random programs of calls that are given up, processes that end and processes that idle, against a model that knows
 * when each call ends: `self`, `signal` and `idleTimeoutMs`.
 */
import * as fc from 'fast-check'
import { type From, GenServer, type GenServerRef, Supervisor } from 'keelson/otp'
import { createTestSystem } from 'keelson/testing'
import { expect, it } from 'vitest'

import { Reach, runsOf, sampleOf } from '../../support/programs.ts'

const IDLE_MS = 20
const COUNT = 3

const act = fc.oneof(
  { weight: 3, arbitrary: fc.record({ act: fc.constant('sleep' as const), ms: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('reply' as const) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('later' as const) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('throw' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      act: fc.constant('ask' as const),
      whom: fc.nat(COUNT - 1),
      ms: fc.integer({ min: 1, max: 12 }),
      timeout: fc.integer({ min: 2, max: 15 }),
    }),
  },
)
type Act = typeof act extends fc.Arbitrary<infer A> ? A : never

const who = fc.nat(COUNT - 1)
const op = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('call' as const),
      who,
      act,
      timeout: fc.integer({ min: 2, max: 25 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cast' as const), who, act }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('abort' as const), which: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stop' as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('answer' as const) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 15 }) }) },
)
const programs = fc.record({
  ops: fc.array(op, { minLength: 4, maxLength: 30 }),
  idles: fc.array(fc.boolean(), { minLength: COUNT, maxLength: COUNT }),
})
type Program = typeof programs extends fc.Arbitrary<infer P> ? P : never

const reach = new Reach()

/** Something that a handler works on, and whether somebody still wants it. */
interface Work {
  readonly who: number
  readonly signal: AbortSignal
  /** The caller has its answer, or waits no more; for a cast, the handler has ended. */
  isOver: 'answered' | 'given up' | undefined
}

/** One process of a program. */
interface Proc {
  ref: GenServerRef
  isAlive: boolean
  /** The number of handlers that run, of messages that wait, and of calls that are answered later. */
  works: number
  lastWork: number
}

async function run({ ops, idles }: Program): Promise<string | undefined> {
  const system = createTestSystem({ seed: 1, trace: false })
  const { clock } = system
  let wrong: string | undefined
  const fault = (text: string): void => void (wrong ??= text)
  const procs: Proc[] = []
  const works: Work[] = []
  const later: { from: From; work: Work; proc: Proc }[] = []
  const calls: { controller: AbortController; isOpen: boolean }[] = []

  /** Calls that are answered later: what to do when they are over. */
  const waits = new Map<Work, () => void>()
  const over = (work: Work, how: Work['isOver']): void => {
    work.isOver ??= how
    waits.get(work)?.()
    waits.delete(work)
  }
  const touch = (proc: Proc): void => void (proc.lastWork = clock.monoMs())
  const isSelf = (index: number): void => {
    try {
      if (GenServer.self() !== procs[index]?.ref) fault(`self of process ${index} is another one`)
    } catch {
      fault(`self of process ${index} throws`)
    }
  }
  /** Calls a process, and knows when that is over. */
  const call = async (index: number, what: Act, timeout: number, signal: AbortSignal, caller?: Proc): Promise<void> => {
    const proc = procs[index] as Proc
    const box: { work?: Work } = {}
    if (proc.isAlive) proc.works++
    const wasAlive = proc.isAlive
    let outcome: Work['isOver'] = 'given up'
    try {
      await GenServer.call(proc.ref, { act: what, box }, { timeout, signal })
      outcome = 'answered'
      reach.fault('answered')
    } catch (error) {
      if ((error as Error).message === 'thrown') outcome = 'answered'
      reach.fault((error as { code?: string }).code ?? (error as Error).message)
    }
    if (box.work === undefined) {
      if (wasAlive && proc.isAlive) proc.works--
      return
    }
    over(box.work, outcome)
    if (outcome === 'given up' && !box.work.signal.aborted) fault('a call was given up, and its signal has not aborted')
    // What a killed process still waits for may be answered.
    const isWanted = caller === undefined || caller.isAlive
    if (outcome === 'answered' && isWanted && box.work.signal.aborted)
      fault('a call was answered, and its signal has aborted')
  }
  const handle = async (index: number, what: Act, work: Work, from: From | undefined): Promise<unknown> => {
    const proc = procs[index] as Proc
    isSelf(index)
    if (GenServer.signal() !== work.signal) fault('a second look gives another signal')
    if (what.act === 'sleep') await clock.sleep(what.ms)
    else if (what.act === 'ask') {
      await call(what.whom, { act: 'sleep', ms: what.ms }, what.timeout, new AbortController().signal, proc)
    } else await undefined
    if (proc.isAlive) isSelf(index)
    if (what.act === 'throw' && from !== undefined) throw new Error('thrown')
    if (what.act === 'later' && from !== undefined) {
      later.push({ from, work, proc })
      return GenServer.noReply(0)
    }
    return from === undefined ? 0 : ['reply', 0]
  }
  const receive = (index: number, message: unknown, from: From | undefined): Promise<unknown> => {
    const { act: what, box } = message as { act: Act; box?: { work?: Work } }
    const proc = procs[index] as Proc
    const work: Work = { who: index, signal: GenServer.signal(), isOver: undefined }
    if (work.signal.aborted) fault('a handler begins with a signal that has aborted')
    works.push(work)
    if (box !== undefined) box.work = work
    touch(proc)
    const done = (): void => {
      touch(proc)
      if (what.act !== 'later' || from === undefined || work.isOver !== undefined) proc.works--
      else {
        const wait = (): void => {
          proc.works--
          touch(proc)
        }
        waits.set(work, wait)
      }
      if (from === undefined) over(work, 'answered')
    }
    return handle(index, what, work, from).finally(done)
  }
  const supervisor = await Supervisor.start({
    system,
    children: idles.map((isIdle, index) => ({
      id: `${index}`,
      restart: 'temporary' as const,
      shutdownTimeout: 'brutal_kill' as const,
      start: () =>
        GenServer.start(
          {
            init: () => 0,
            handleCall: async (message, _, from) => (await receive(index, message, from)) as never,
            handleCast: async (message) => (await receive(index, message, undefined)) as never,
          },
          { system, ...(isIdle && { idleTimeoutMs: IDLE_MS }) },
        ),
    })),
  })
  for (const { ref } of Supervisor.getChildren(supervisor)) {
    procs.push({ ref, isAlive: true, works: 0, lastWork: clock.monoMs() })
  }
  GenServer.onLifecycleEvent((event) => {
    if (event.type !== 'terminated') return
    const index = procs.findIndex(({ ref }) => ref.id === event.ref.id)
    const proc = procs[index]
    if (proc === undefined) return
    proc.isAlive = false
    for (const work of works) {
      if (work.who === index && work.isOver === undefined && !work.signal.aborted) {
        fault('a process has ended, and the signal of its work has not aborted')
      }
    }
    if (event.reason === 'normal') {
      reach.fault('idle')
      if (idles[index] !== true) fault('a process without an idle time ended by itself')
      if (proc.works > 0) fault('a process with work was idle')
      if (Math.abs(clock.monoMs() - proc.lastWork - IDLE_MS) > 1e-6) {
        fault(`idle ${clock.monoMs() - proc.lastWork} ms after its last work`)
      }
    }
  }, system)
  for (const each of ops) {
    if (each.kind === 'call') {
      const entry = { controller: new AbortController(), isOpen: true }
      calls.push(entry)
      void call(each.who, each.act, each.timeout, entry.controller.signal).finally(() => (entry.isOpen = false))
    } else if (each.kind === 'cast') {
      const proc = procs[each.who] as Proc
      if (proc.isAlive && GenServer.isRunning(proc.ref)) {
        proc.works++
        GenServer.cast(proc.ref, { act: each.act })
      }
    } else if (each.kind === 'abort') {
      const open = calls.filter(({ isOpen }) => isOpen)
      open[each.which % Math.max(open.length, 1)]?.controller.abort(new Error('aborted'))
    } else if (each.kind === 'kill') {
      await Supervisor.terminateChild(supervisor, `${each.who}`).catch(() => undefined)
    } else if (each.kind === 'stop') {
      void GenServer.stop((procs[each.who] as Proc).ref, 'shutdown')
    } else if (each.kind === 'answer') {
      const next = later.shift()
      if (next !== undefined) {
        const isWanted = next.work.isOver === undefined && next.proc.isAlive
        if (isWanted) over(next.work, 'answered')
        if (GenServer.reply(next.from, 'late') !== isWanted) fault('a late reply was taken wrongly')
        touch(next.proc)
      }
    } else {
      await clock.advance(each.ms)
    }
    await clock.flush()
  }
  await clock.advance(200)
  for (const [index, { isAlive, works: left }] of procs.entries()) {
    if (isAlive && idles[index] === true && left === 0) fault(`process ${index} is idle, and runs`)
  }
  system.takeErrors()
  await system.close()
  system.takeErrors()
  for (const work of works) {
    if (work.isOver === undefined && !work.signal.aborted) fault('the system is closed, and a signal has not aborted')
  }
  if (calls.some(({ isOpen }) => isOpen)) {
    await clock.flush()
    if (calls.some(({ isOpen }) => isOpen)) fault('a call stays open')
  }
  return wrong
}

it('signals abort exactly for work that nobody wants, self is the process, and idle processes end in time [signal]', async () => {
  await fc.assert(
    fc.asyncProperty(programs, async (program) => {
      reach.program(program.ops.map(({ kind }) => kind))
      expect(await run(program)).toBeUndefined()
    }),
    runsOf('work', 150),
  )
  reach.print('work')
  for (const name of ['answered', 'idle', 'aborted', 'KEELSON_CALL_TIMEOUT', 'KEELSON_NOT_RUNNING']) {
    expect([name, reach.faults(name) > 0]).toEqual([name, true])
  }
})

it('the programs have every pair of operations', () => {
  expect(sampleOf(programs).missing(['call', 'cast', 'abort', 'kill', 'stop', 'answer', 'advance'])).toEqual([])
})
