/** `journal` of `createSystem`, `createRootSupervisor` and `Supervisor.start`, and `system.audit`. */
import * as fc from 'fast-check'
import { createAtom } from 'keelson/atom'
import { Atrion } from 'keelson/atrion'
import { createControlledClock } from 'keelson/clock'
import { createJournal, type Journal } from 'keelson/journal'
import { GenServer, type GenServerRef, Supervisor } from 'keelson/otp'
import { createRootSupervisor } from 'keelson/process'
import { createSystem, type System } from 'keelson/system'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { counter } from '../support/counter.ts'
import { runsOf, same } from '../support/programs.ts'
import { thrown } from '../support/rejection.ts'

type Any = any // oxlint-disable-line typescript/no-explicit-any -- events are compared as plain data

let clock: ReturnType<typeof createControlledClock>
let system: System
let journal: Journal<Any>
let reported: unknown[]
beforeEach(() => {
  reported = []
  clock = createControlledClock()
  journal = createJournal({ clock } as never) as Journal<Any>
  const onError = (...report: unknown[]): void => void reported.push(report)
  system = createSystem({ clock, journal, crashReports: false, onError, seed: 1 })
})
afterEach(() => system.close())
const written = (): Any[] => journal.getSnapshot().entries.map(({ data }) => data)
const types = (): string[] => written().map(({ type }) => type)
const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 4; turns++) await clock.flush()
}

describe('the journal of a system', () => {
  it('has the lives of processes and supervisors, in order, as plain data', async () => {
    const supervisor = await Supervisor.start({
      system,
      children: [{ id: 'a', start: () => GenServer.start(counter, { system, name: 'billing' }) }],
    })
    const child = Supervisor.getChild(supervisor, 'a')?.ref as GenServerRef
    GenServer.cast(child, 'crash')
    await settle()
    const ref = { id: child.id }
    const error = { name: 'Error', message: 'crash' }
    const next = { id: Supervisor.getChild(supervisor, 'a')?.ref.id }
    expect(written()).toEqual([
      { type: 'process:started', ref, name: 'billing' },
      { type: 'supervisor:started', ref: { id: supervisor.id } },
      { type: 'process:crashed', ref, name: 'billing', error },
      { type: 'process:terminated', ref, name: 'billing', reason: { error } },
      { type: 'supervisor:crashed', ref, name: 'billing', childId: 'a', error },
      { type: 'process:started', ref: next, name: 'billing' },
      { type: 'supervisor:restarted', ref: next, name: 'billing', childId: 'a', attempt: 1 },
    ])
    expect(structuredClone(written())).toEqual(written())
  })

  it('has processes of keelson/process, commits of atoms without their values, and events of gates', async () => {
    const root = createRootSupervisor({ system })
    const ref = root.spawn({ name: 'p', init: () => 0, handle: () => 1 }, {})
    const state = { kept: 1 }
    const atom = createAtom(state, { system })
    atom.reset({ kept: 2 }, { cause: 'why' })
    new Atrion({ system }).route('r', { latencyMs: 5, errorRate: 0, saturation: 0.1 } as never)
    await clock.flush()
    await ref.stop()
    expect(types()).toEqual(['process:start', 'atom:commit', 'gate:decision', 'process:ready', 'process:stop'])
    expect(written()[1]).toEqual({ type: 'atom:commit', atom: 'atom_1', version: 1, cause: 'why' })
    expect(written()[2]).toMatchObject({ route: 'r', allow: true })
  })

  it('that fails stops nobody, and the owner of errors hears of it', async () => {
    const failing = [
      {
        append: () => {
          throw new Error('full')
        },
      },
      { append: () => Promise.reject(new Error('later')) },
    ]
    const ends = failing.map((each) => system.audit(each))
    const ref = await GenServer.start(counter, { system })
    expect(await GenServer.call(ref, 'get')).toBe(0)
    await settle()
    expect(reported).toMatchObject([
      [{ message: 'full' }, 'an audit journal'],
      [{ message: 'later' }, 'an audit journal'],
    ])
    expect(types()).toEqual(['process:started'])
    for (const end of ends) end()
    await GenServer.stop(ref)
    expect([reported.length, types()]).toEqual([2, ['process:started', 'process:terminated']])
  })

  it('is refused when it is none', () => {
    expect(thrown(() => createSystem({ journal: {} as never }))).toMatchObject({ field: 'options.journal.append' })
    expect(thrown(() => system.audit(5 as never))).toMatchObject({ field: 'journal' })
    expect(thrown(() => system.audit({ apend: () => 0 } as never))).toMatchObject({ field: 'journal.apend' })
  })

  it('has every event that listeners get, in the same order, whatever happens', async () => {
    const act = fc.record({ who: fc.nat(3), act: fc.constantFrom('start', 'stop', 'crash', 'link', 'monitor') })
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 25 }), async (acts) => {
        const own: string[] = []
        const before = types().length
        const off = GenServer.onLifecycleEvent(({ type, ref }) => {
          if (type !== 'process_down') own.push(`process:${type} ${ref.id}`)
        }, system)
        const refs = await Promise.all([0, 1, 2, 3].map(() => GenServer.start(counter, { system })))
        const all = [...refs]
        for (const each of acts) {
          const ref = refs[each.who] as (typeof refs)[number]
          const next = refs[(each.who + 1) % 4] as (typeof refs)[number]
          if (each.act === 'start') all.push((refs[each.who] = await GenServer.start(counter, { system })))
          else if (each.act === 'stop') void GenServer.stop(ref)
          else if (each.act === 'crash' && GenServer.isRunning(ref)) GenServer.cast(ref, 'crash')
          else if (each.act === 'link') await GenServer.link(ref, next).catch(() => undefined)
          else if (each.act === 'monitor') await GenServer.monitor(ref, next).catch(() => undefined)
          if (each.who === 0) await settle()
        }
        await Promise.all(all.map((each) => GenServer.stop(each)))
        await settle()
        const heard = written()
          .slice(before)
          .map(({ type, ref }) => `${type} ${ref.id}`)
        off()
        same(heard, own)
        journal.clear()
      }),
      runsOf('audit', 50),
    )
  })
})

describe('the journal of a supervisor', () => {
  it('of keelson/otp has its events and those of its children', async () => {
    await using other = createSystem({ clock: createControlledClock(), crashReports: false })
    const own: Any[] = []
    const supervisor = await Supervisor.start({
      system: other,
      journal: { append: (event: Any) => own.push(event) },
      children: [{ id: 'a', start: () => GenServer.start(counter, { system: other }) }],
    })
    GenServer.cast(Supervisor.getChild(supervisor, 'a')?.ref as GenServerRef, 'crash')
    await expect.poll(() => own.length).toBe(3)
    await Supervisor.stop(supervisor)
    expect(own.map(({ type }) => type)).toEqual([
      'supervisor:started',
      'supervisor:crashed',
      'supervisor:restarted',
      'supervisor:terminated',
    ])
  })

  it('of keelson/process has the lives of its processes and of their children, beside what handlers append', async () => {
    const own = createJournal({ clock } as never) as Journal<Any>
    const root = createRootSupervisor({ clock: createControlledClock(), journal: own })
    const ref = root.spawn(
      {
        name: 'worker',
        init: () => 0,
        handle: (state, message, tools) => {
          if (message === 'crash') throw new Error('crash')
          tools.journal?.append({ type: 'mine', message })
          return state + 1
        },
        supervision: { type: 'none' },
      },
      {},
    )
    ref.send('job')
    ref.send('crash')
    await settle()
    expect(own.getSnapshot().entries.map(({ data }) => data)).toEqual([
      { type: 'process:start', name: 'worker', id: ref.id },
      { type: 'process:ready', id: ref.id, startedAt: { wallMs: 0, monoMs: 0 } },
      { type: 'mine', message: 'job' },
      { type: 'process:fail', id: ref.id, error: { name: 'Error', message: 'crash' } },
      { type: 'supervisor:restart:abandoned', id: ref.id, because: 'no-supervision' },
    ])
  })
})
