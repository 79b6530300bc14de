/** Supervised crashes are heard: as warnings, on the channel, and in events that say which child it was. */
import { spawnSync } from 'node:child_process'
import { channel } from 'node:diagnostics_channel'

import {
  type ControlledClock,
  createControlledClock,
  createSystem,
  GenServer,
  type LifecycleEvent,
  Supervisor,
  type SupervisorOptions,
  type SupervisorRef,
  type System,
} from 'keelson'
import { createRootSupervisor, createSupervisor } from 'keelson/process'
import { createTestSystem } from 'keelson/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HANG_GUARD_MS } from '../support/hang-guard.ts'
import { root } from '../support/root.ts'

type Warning = Error & { code?: string }

let warnings: Warning[]
let published: Record<string, unknown>[]
const onWarning = (warning: Warning): void => {
  if (warning.code === 'KEELSON_CRASH') warnings.push(warning)
}
const onCrash = (crash: unknown): void => void published.push(crash as Record<string, unknown>)
const crashes = channel('keelson:crash')

let clock: ControlledClock
let system: System
const make = (crashReports?: boolean): void => {
  clock = createControlledClock()
  system = createSystem({ clock, seed: 7, ...(crashReports !== undefined && { crashReports }) })
}
beforeEach(() => {
  warnings = []
  published = []
  process.on('warning', onWarning)
  crashes.subscribe(onCrash)
  make()
})
afterEach(async () => {
  await system.close()
  process.off('warning', onWarning)
  crashes.unsubscribe(onCrash)
})

const behavior = {
  init: () => 0,
  handleCall: (_: unknown, state: number) => [state, state] as const,
  handleCast: (message: unknown, state: number): number => {
    if (message !== 'fine') throw new Error('the disk is full')
    return state
  },
}
const start = (options: SupervisorOptions = {}): Promise<SupervisorRef> =>
  Supervisor.start({
    system,
    restartIntensity: { maxRestarts: 1000, withinMs: 1000 },
    children: [{ id: 'worker', start: () => GenServer.start(behavior, { system, name: 'billing' }) }],
    ...options,
  })
const refOf = (supervisor: SupervisorRef): never => Supervisor.getChild(supervisor, 'worker')?.ref as never
const crash = async (supervisor: SupervisorRef, message: unknown = { type: 'charge' }, times = 1): Promise<void> => {
  for (let time = 0; time < times; time++) {
    GenServer.cast(refOf(supervisor), message as never)
    await clock.flush()
  }
}
const texts = (): string[] => warnings.map(({ message }) => message)

describe('a supervised crash', () => {
  it('prints one warning: process, child, type of the message, stack [crash-heard]', async () => {
    const supervisor = await start()
    const { id } = refOf(supervisor) as { id: string }
    await crash(supervisor)
    expect(texts()).toHaveLength(1)
    const [text] = texts() as [string]
    const first = `billing (${id}), child 'worker' of ${supervisor.id}, crashed, handling 'charge': Error: the disk is full`
    expect(text.split('\n')[0]).toBe(first)
    expect(text).toMatch(/\n\s+at .*crash-reports\.test\.ts/)
    expect(warnings[0]).toMatchObject({ name: 'KeelsonWarning', code: 'KEELSON_CRASH' })
    expect(published).toMatchObject([
      { processId: id, name: 'billing', childId: 'worker', supervisorId: supervisor.id, messageType: 'charge' },
    ])
    expect(published[0]?.['error']).toMatchObject({ message: 'the disk is full' })
  })

  it('is printed ten times a minute for a child, then as one line with the count [crash-heard]', async () => {
    const supervisor = await start()
    await crash(supervisor, 'a', 47)
    expect(texts()).toHaveLength(10)
    expect(published).toHaveLength(47)
    await clock.advance(59_999)
    expect(texts()).toHaveLength(10)
    await clock.advance(1)
    expect(texts()).toHaveLength(11)
    expect(texts().at(-1)).toMatch(
      /^billing \(genserver_\d+_\w+\), child 'worker' of .*crashed 37 more times within a minute$/,
    )
    await crash(supervisor, 'a', 1)
    expect(texts()).toHaveLength(12)
    expect(clock.getPendingTimerCount()).toBe(0)
  })

  it('is counted at once when the child or its supervisor is gone [crash-heard]', async () => {
    const supervisor = await start()
    await crash(supervisor, 'a', 12)
    await Supervisor.terminateChild(supervisor, 'worker')
    await clock.flush()
    expect(texts().at(-1)).toContain('crashed 2 more times')
    const other = await start()
    await crash(other, 'a', 11)
    await Supervisor.stop(other)
    await clock.flush()
    expect(texts().at(-1)).toContain('crashed 1 more time within')
    expect(clock.getPendingTimerCount()).toBe(0)
  })

  it('of each child has its own ten [crash-heard]', async () => {
    const child = (id: string) => ({ id, start: () => GenServer.start(behavior, { system }) })
    const supervisor = await start({ children: [child('a'), child('b')] })
    for (const id of ['a', 'b']) {
      for (let time = 0; time < 10; time++) {
        GenServer.cast(Supervisor.getChild(supervisor, id)?.ref as never, 'x' as never)
        await clock.flush()
      }
    }
    expect(texts()).toHaveLength(20)
  })

  it('is not printed with crashReports: false, and is on the channel all the same [crash-heard]', async () => {
    await system.close()
    make(false)
    const supervisor = await start()
    await crash(supervisor, 'a', 12)
    await clock.advance(60_000)
    expect(texts()).toEqual([])
    expect(published).toHaveLength(12)
    await using test = createTestSystem()
    expect(test.crashReports).toBe(false)
    await using loud = createTestSystem({ crashReports: true })
    expect(loud.crashReports).toBe(true)
  })

  it('of a restart whose start fails is heard, and that of a supervisor that gives up [crash-heard]', async () => {
    let starts = 0
    const top = await Supervisor.start({
      system,
      children: [
        {
          id: 'pool',
          restart: 'transient',
          start: () =>
            start({
              restartIntensity: { maxRestarts: 1 },
              children: [
                {
                  id: 'worker',
                  start: () => {
                    if (++starts > 1) throw new Error('no connection')
                    return GenServer.start(behavior, { system })
                  },
                },
              ],
            }),
        },
      ],
    })
    await crash(Supervisor.getChild(top, 'pool')?.ref as never, 'x')
    const heard = texts().map((text) => text.split('\n')[0])
    expect(heard).toHaveLength(3)
    expect(heard[0]).toContain("child 'worker' of")
    expect(heard[1]).toContain('Error: no connection')
    expect(heard[2]).toMatch(/child 'pool' of .* crashed: .*exceeded max restarts/)
  })

  it('is heard whatever was sent or thrown [crash-heard]', async () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const odd = {
      ...behavior,
      handleCast: (): never => {
        throw proxy
      },
    }
    const supervisor = await start({ children: [{ id: 'worker', start: () => GenServer.start(odd, { system }) }] })
    const angry = {
      get type(): never {
        throw new Error('no type')
      },
    }
    for (const message of [proxy, angry, Symbol('s'), null, 5, 'x'.repeat(1000), new Map()])
      await crash(supervisor, message)
    expect(texts()).toHaveLength(7)
    expect(published.map(({ messageType }) => messageType)).toEqual([
      'object',
      'object',
      'symbol',
      undefined,
      'number',
      `${'x'.repeat(60)}…`,
      'Map',
    ])
  })

  it('does not keep the program from ending', () => {
    const { status, stderr, signal } = spawnSync(
      process.execPath,
      [
        '--input-type=commonjs',
        '-e',
        `const { GenServer, Supervisor } = require('keelson')
        const b = { init: () => 0, handleCall: () => [0, 0], handleCast: () => { throw new Error('x') } }
        Supervisor.start({ restartIntensity: { maxRestarts: 99 }, children: [{ id: 'a', start: () => GenServer.start(b) }] })
          .then(async (s) => {
            for (let i = 0; i < 15; i++) {
              GenServer.cast(Supervisor.getChild(s, 'a').ref, 1)
              await new Promise((r) => setImmediate(r))
            }
          })`,
      ],
      { cwd: root, encoding: 'utf8', timeout: HANG_GUARD_MS },
    )
    expect([status, signal]).toEqual([0, null])
    expect(stderr.match(/\[KEELSON_CRASH\]/g)).toHaveLength(10)
  })
})

it('events of a supervisor name the child, and its process [events]', async () => {
  const events: LifecycleEvent[] = []
  Supervisor.onLifecycleEvent((event) => events.push(event), system)
  const supervisor = await start()
  await crash(supervisor)
  await Supervisor.terminateChild(supervisor, 'worker')
  expect(events.slice(1).map((event) => [event.type, 'childId' in event ? event.childId : '', event.name])).toEqual([
    ['crashed', 'worker', 'billing'],
    ['restarted', 'worker', 'billing'],
    ['terminated', 'worker', 'billing'],
  ])
})

describe('processes of keelson/process', () => {
  it('that are restarted are heard [crash-heard]', async () => {
    const supervisor = createRootSupervisor({ system })
    const unit = supervisor.spawn(
      {
        name: 'billing',
        init: () => 0,
        handle: () => {
          throw new Error('the disk is full')
        },
        supervision: { type: 'one-for-one' },
      },
      {},
    )
    unit.send({ type: 'charge' })
    await clock.advance(10)
    expect(texts().map((text) => text.split('\n')[0])).toEqual([
      `billing (${unit.id}) crashed, handling 'charge': Error: the disk is full`,
    ])
    for (let time = 0; time < 14; time++) {
      unit.send('again')
      await clock.advance(3000)
    }
    expect(texts()).toHaveLength(10)
    await supervisor.stop()
    await clock.flush()
    expect(texts().at(-1)).toContain('crashed 5 more times')
    expect(clock.getPendingTimerCount()).toBe(0)
  })

  it('and those of the older form [crash-heard]', async () => {
    const supervisor = createSupervisor({ system })
    const one = await supervisor.spawn({
      handle: () => {
        throw new Error('the disk is full')
      },
    })
    await one.send('charge')
    await clock.advance(200)
    expect(texts().map((text) => text.split('\n')[0])).toEqual([
      `${one.id.value} crashed, handling 'charge': Error: the disk is full`,
    ])
    await supervisor.stop()
  })
})

it('errors of a supervisor name it, and the child whose restart was one too many', async () => {
  const supervisor = await start({ name: 'pool', restartIntensity: { maxRestarts: 0 } })
  const label = `pool (${supervisor.id})`
  await expect(Supervisor.terminateChild(supervisor, 'x')).rejects.toThrow(
    `Child 'x' not found in supervisor '${label}'`,
  )
  const ended = supervisor.terminated.catch((error: unknown) => error)
  await crash(supervisor)
  expect(await ended).toMatchObject({
    code: 'KEELSON_MAX_RESTARTS',
    supervisorId: supervisor.id,
    childId: 'worker',
    message: `Supervisor '${label}' exceeded max restarts (0 within 5000ms)`,
    cause: { message: 'the disk is full' },
  })
})
