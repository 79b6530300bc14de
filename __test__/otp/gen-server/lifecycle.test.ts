/** Lifecycle events come when what they tell has come, and an error has one owner. */
import { GenServer, type GenServerRef, type LifecycleEvent, Registry, Supervisor, Task } from 'keelson'
import { beforeEach, describe, expect, it } from 'vitest'

import { counter } from '../../support/counter.ts'
import { rejection } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()
let servers: LifecycleEvent[]
let supervisors: LifecycleEvent[]
beforeEach(() => {
  servers = []
  supervisors = []
  GenServer.onLifecycleEvent((event) => servers.push(event), stage.system)
  Supervisor.onLifecycleEvent((event) => supervisors.push(event), stage.system)
})
const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 4; turns++) await stage.turn()
}
const types = (events: LifecycleEvent[]): string[] => events.map(({ type }) => type)

describe('events', () => {
  it('of a life are started, crashed, down and terminated; of its supervisor started, crashed, restarted and terminated [events]', async () => {
    const supervisor = await Supervisor.start({
      system: stage.system,
      children: [{ id: 'a', start: () => GenServer.start(counter, { system: stage.system }) }],
    })
    const watcher = await GenServer.start(counter, { system: stage.system })
    const child = Supervisor.getChild(supervisor, 'a')?.ref as GenServerRef
    const { monitorId } = await GenServer.monitor(watcher, child)
    servers.length = 0
    GenServer.cast(child, 'crash')
    await settle()
    const error = expect.objectContaining({ message: 'crash' })
    const next = Supervisor.getChild(supervisor, 'a')?.ref
    const reason = { type: 'error', message: 'crash' }
    const down = { ref: watcher, monitoredRef: { id: child.id }, reason, monitorId }
    expect(servers).toEqual([
      { type: 'crashed', ref: child, error },
      { type: 'terminated', ref: child, reason: { error } },
      { type: 'started', ref: next },
      { type: 'down', ...down },
      { type: 'process_down', ...down },
    ])
    await Supervisor.stop(supervisor)
    expect(supervisors).toEqual([
      { type: 'started', ref: supervisor },
      { type: 'crashed', ref: child, childId: 'a', error },
      { type: 'restarted', ref: next, childId: 'a', attempt: 1 },
      { type: 'terminated', ref: supervisor, reason: 'normal' },
    ])
    expect(stage.reported).toEqual([])
  })

  it('are neither started nor terminated for a start that is refused, of which neither init nor terminate runs [start-name]', async () => {
    await GenServer.start(counter, { system: stage.system, name: 'taken' })
    servers.length = 0
    const log: unknown[] = []
    const behavior = {
      ...counter,
      init: () => {
        log.push('init')
        return GenServer.continueWith(5)
      },
      handleContinue: (_: unknown, state: number) => {
        log.push('continued')
        return state
      },
      terminate: (reason: unknown, state: number) => void log.push([reason, state]),
    }
    const refused = [
      await rejection(GenServer.start(behavior, { system: stage.system, name: 'taken' })),
      await rejection(Supervisor.start({ system: stage.system, name: 'taken' })),
      await rejection(Promise.resolve().then(() => Task.async(() => 1, { system: stage.system, name: 'taken' }))),
    ]
    await settle()
    for (const error of refused) expect(error).toMatchObject({ code: 'KEELSON_ALREADY_REGISTERED' })
    expect([servers, supervisors]).toEqual([[], []])
    expect(log).toEqual([])
    expect(Registry.count(stage.system)).toBe(1)
  })

  it('are none for a supervisor whose children do not start', async () => {
    const start = (): Promise<GenServerRef> => Promise.reject(new Error('no'))
    await rejection(Supervisor.start({ system: stage.system, children: [{ id: 'a', start }] }))
    expect(supervisors).toEqual([])
  })
})

describe('a crash while a start function runs', () => {
  /** Crashes in `handleContinue` the first times. */
  const shaky = (times: number) => {
    let left = times
    return {
      ...counter,
      init: () => GenServer.continueWith(0),
      handleContinue: (_: unknown, state: number) => {
        if (left-- > 0) throw new Error('not yet')
        return state
      },
    }
  }

  it('is its supervisor to act on, and nobody else is told, however late it has the ref [one-owner]', async () => {
    const behavior = shaky(2)
    const supervisor = await Supervisor.start({
      system: stage.system,
      children: [
        {
          id: 'a',
          start: async () => {
            const ref = await GenServer.start(behavior, { system: stage.system })
            await stage.turn()
            return ref
          },
        },
      ],
    })
    await settle()
    await settle()
    expect(types(supervisors)).toEqual(['started', 'crashed', 'restarted', 'crashed', 'restarted'])
    expect(Supervisor.getChild(supervisor, 'a')?.restartCount).toBe(2)
    expect(stage.reported).toEqual([])
  })

  it('of a process that is not the child has the owner of the system, once the start function has ended [one-owner]', async () => {
    const starting = Supervisor.start({
      system: stage.system,
      children: [
        {
          id: 'a',
          start: async () => {
            await GenServer.start(shaky(1), { system: stage.system })
            await stage.clock.sleep(10)
            return GenServer.start(counter, { system: stage.system })
          },
        },
      ],
    })
    await settle()
    expect(stage.reported).toEqual([])
    await stage.clock.advance(10)
    await starting
    expect(stage.reported).toMatchObject([[{ message: 'not yet' }, expect.stringContaining('process genserver')]])
  })

  it('that never ends has an owner once its supervisor has ended [one-owner]', async () => {
    const hangs = async (): Promise<never> => {
      await GenServer.start(shaky(1), { system: stage.system })
      return new Promise(() => {})
    }
    const supervisor = await Supervisor.start({ system: stage.system })
    const refused = rejection(
      Supervisor.startChild(supervisor, { id: 'a', start: hangs, shutdownTimeout: 'brutal_kill' }),
    )
    await settle()
    expect(stage.reported).toEqual([])
    await Supervisor.stop(supervisor)
    expect(await refused).toMatchObject({ code: 'KEELSON_TIMEOUT' })
    expect(stage.reported).toMatchObject([[{ message: 'not yet' }, expect.any(String)]])
  })

  it('that fails tells the owner of both, and of one without a supervisor at once [one-owner]', async () => {
    const both = async (): Promise<never> => {
      await GenServer.start(shaky(1), { system: stage.system })
      throw new Error('no start')
    }
    const failed = rejection(Supervisor.start({ system: stage.system, children: [{ id: 'a', start: both }] }))
    expect(await failed).toMatchObject({ message: 'no start' })
    expect(stage.reported).toMatchObject([[{ message: 'not yet' }, expect.any(String)]])
    await GenServer.start(shaky(1), { system: stage.system })
    expect(stage.reported).toHaveLength(2)
  })
})
