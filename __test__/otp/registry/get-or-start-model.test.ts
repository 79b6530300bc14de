/** Random programs of callers that get or start processes by name, against a list of what may have the name. */
import * as fc from 'fast-check'
import { GenServer, type GenServerRef, Registry } from 'keelson/otp'
import { createTestSystem } from 'keelson/testing'
import { expect, it } from 'vitest'

import { Reach, runsOf, sampleOf } from '../../support/programs.ts'

const NAMES = ['a', 'b'] as const
/** The behaviour of a start function: its duration and its end. */
const how = fc.record({
  ms: fc.constantFrom(0, 0, 2, 5),
  initMs: fc.constantFrom(0, 0, 3),
  ends: fc.constantFrom('named', 'unnamed', 'throws', 'rejects', 'init fails', 'ended', 'no process'),
})
const op = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      name: fc.constantFrom(...NAMES),
      times: fc.integer({ min: 1, max: 3 }),
      how,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('stop' as const),
      name: fc.constantFrom(...NAMES),
      ms: fc.constantFrom(0, 4),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('other' as const), name: fc.constantFrom(...NAMES), how }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 6 }) }) },
)
const programs = fc.record({ ops: fc.array(op, { minLength: 3, maxLength: 25 }) })
type Program = typeof programs extends fc.Arbitrary<infer P> ? P : never
type How = typeof how extends fc.Arbitrary<infer H> ? H : never

const reach = new Reach()

/** Runs a program. Returns what is wrong, or `undefined`. */
async function run({ ops }: Program): Promise<string | undefined> {
  const system = createTestSystem({ seed: 1, trace: false })
  const { clock } = system
  let wrong: string | undefined
  const fault = (text: string): void => void (wrong ??= text)
  /** The start functions that run, by name: there must never be two. */
  const running = new Map<string, number>()
  /** Processes that this program has started and that have not ended. */
  const alive = new Set<GenServerRef>()
  let open = 0
  let step = 0
  /** The last step in which a process was asked to stop. */
  const stopped = new Map<GenServerRef, number>()
  const behaviorOf = ({ initMs, ends }: How, stopMs: { ms: number }) => ({
    init: async () => {
      if (initMs > 0) await clock.sleep(initMs)
      if (ends === 'init fails') throw new Error('init fails')
      return stopMs
    },
    terminate: async ({ ms }: { ms: number }) => {
      if (ms > 0) await clock.sleep(ms)
    },
  })
  const start = async (each: How, name: string | undefined): Promise<GenServerRef> => {
    const behavior = behaviorOf(each, { ms: 0 })
    const ref = await GenServer.start(
      { init: behavior.init, terminate: (_reason, state: { ms: number }) => behavior.terminate(state) },
      { system, ...(name !== undefined && { name }) },
    )
    alive.add(ref)
    return ref
  }
  const starter =
    (each: How) =>
    async (name: string): Promise<GenServerRef> => {
      running.set(name, (running.get(name) ?? 0) + 1)
      if (running.get(name) !== 1) fault(`two start functions for ${name} at once`)
      try {
        if (each.ms > 0) await clock.sleep(each.ms)
        if (each.ends === 'throws' || each.ends === 'rejects') throw new Error(each.ends)
        if (each.ends === 'no process') return {} as GenServerRef
        const ref = await start(each, each.ends === 'unnamed' ? undefined : name)
        if (each.ends === 'ended') await GenServer.stop(ref)
        return ref
      } finally {
        running.set(name, (running.get(name) ?? 0) - 1)
      }
    }
  const ask = async (name: string, each: How): Promise<void> => {
    open++
    const began = step
    try {
      const ref = await Registry.getOrStart(name, starter(each), system)
      reach.fault('got')
      // It may be asked to stop while the caller waits, or before the caller goes on.
      if ((stopped.get(ref) ?? -1) >= began) return
      if (!GenServer.isRunning(ref)) fault('got a process that does not run')
      else if (Registry.whereis(name, system) !== ref) fault('got a process that has not the name')
    } catch (error) {
      const { message, code, field } = error as { message: string; code?: string; field?: string }
      const isKnown =
        ['throws', 'rejects'].includes(message) ||
        ['KEELSON_INIT_FAILED', 'KEELSON_NOT_RUNNING', 'KEELSON_ALREADY_REGISTERED'].includes(code as string) ||
        field === 'start()'
      reach.fault(code ?? message)
      if (!isKnown) fault(`failed with ${message}`)
    } finally {
      open--
    }
  }
  GenServer.onLifecycleEvent((event) => {
    if (event.type === 'terminated') for (const ref of alive) if (ref.id === event.ref.id) alive.delete(ref)
  }, system)
  for (const each of ops) {
    step++
    if (each.kind === 'ask') for (let time = 0; time < each.times; time++) void ask(each.name, each.how)
    else if (each.kind === 'other') void start(each.how, each.name).catch(() => undefined)
    else if (each.kind === 'advance') await clock.advance(each.ms)
    else {
      const ref = Registry.whereis(each.name, system)
      if (ref !== undefined) {
        if (GenServer.isRunning(ref)) (GenServer.getState(ref) as { ms: number }).ms = each.ms
        void GenServer.stop(ref)
        stopped.set(ref, step)
        reach.fault('stopped')
      }
    }
    for (const name of NAMES) {
      const having = [...alive].filter((ref) => GenServer.isRunning(ref) && GenServer.getStatus(ref).name === name)
      if (having.length > 1) fault(`${having.length} processes have the name ${name}`)
    }
  }
  await clock.advance(100)
  if (open > 0) fault(`${open} callers wait for ever`)
  for (const ref of alive) {
    // A process without a name of its own has nobody: it must be the one that was found, or have ended.
    if (GenServer.isRunning(ref) && GenServer.getStatus(ref).name === undefined)
      fault('a process is left without a name')
  }
  if (clock.getPendingTimerCount() > 0) fault('a timer is left')
  system.takeErrors()
  await system.close()
  system.takeErrors()
  return wrong
}

it('all who ask get the one process that runs under the name, or an error, and nothing is left [get-or-start]', async () => {
  await fc.assert(
    fc.asyncProperty(programs, async (program) => {
      reach.program(program.ops.map(({ kind }) => kind))
      expect(await run(program)).toBeUndefined()
    }),
    runsOf('get-or-start', 150),
  )
  reach.print('get-or-start')
  for (const name of ['got', 'stopped', 'throws', 'KEELSON_INIT_FAILED', 'KEELSON_NOT_RUNNING']) {
    expect([name, reach.faults(name) > 0]).toEqual([name, true])
  }
})

it('the programs have every pair of operations', () => {
  expect(sampleOf(programs).missing(['ask', 'stop', 'other', 'advance'])).toEqual([])
})
