import { GenServer, Observer, type ObserverEvent, Supervisor } from 'keelson/otp'
import { describe, expect, it } from 'vitest'

import { counter } from '../../support/counter.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()
const start = (name?: string) => GenServer.start(counter, { system: stage.system, ...(name !== undefined && { name }) })

/** Returns the events of a system from now on. */
function follow(): ObserverEvent[] {
  const events: ObserverEvent[] = []
  Observer.subscribe((event) => events.push(event), stage.system)
  return events
}

describe('Observer.subscribe', () => {
  it('tells of processes that start and end, with the numbers at the start and the reason of the end', async () => {
    const { system } = stage
    const events = follow()
    const ref = await start('orders')
    await GenServer.stop(ref, 'shutdown')
    expect(events).toMatchObject([
      { type: 'server_started', stats: { id: ref.id, name: 'orders', status: 'running', messageCount: 0 } },
      { type: 'server_stopped', id: ref.id, reason: 'shutdown' },
    ])
    expect(Observer.getProcessCount(system)).toBe(0)
  })

  it('D12: tells of supervisors with their own ids, and never takes a child for one', async () => {
    const { clock, system } = stage
    const events = follow()
    const supervisor = await Supervisor.start({ system, name: 'root', children: [{ id: 'a', start: () => start() }] })
    const child = Supervisor.getChild(supervisor, 'a')?.ref.id as string
    await Supervisor.terminateChild(supervisor, 'a')
    await Supervisor.stop(supervisor)
    await clock.flush()
    expect(events).toMatchObject([
      { type: 'server_started', stats: { id: child } },
      { type: 'supervisor_started', stats: { id: supervisor.id, name: 'root', childCount: 1 } },
      { type: 'server_stopped', id: child, reason: 'shutdown' },
      { type: 'supervisor_stopped', id: supervisor.id, reason: 'normal' },
    ])
  })

  it('tells of a crash once, of the end that follows, and of the restart', async () => {
    const { clock, system } = stage
    const supervisor = await Supervisor.start({ system, children: [{ id: 'a', start: () => start() }] })
    const failed = Supervisor.getChild(supervisor, 'a')?.ref.id
    const events = follow()
    GenServer.cast(Supervisor.getChild(supervisor, 'a')?.ref as never, 'crash' as never)
    await clock.flush()
    const current = Supervisor.getChild(supervisor, 'a')?.ref.id
    expect(events).toMatchObject([
      { type: 'crashed', id: failed, error: { message: 'crash' } },
      { type: 'server_stopped', id: failed, reason: { error: { message: 'crash' } } },
      { type: 'server_started', stats: { id: current } },
      { type: 'restarted', id: current, supervisorId: supervisor.id, childId: 'a', attempt: 1 },
    ])
  })

  it('tells of a supervisor that gives up as a crash of it', async () => {
    const { clock, system } = stage
    const supervisor = await Supervisor.start({
      system,
      children: [{ id: 'a', start: () => start() }],
      restartIntensity: { maxRestarts: 0 },
    })
    supervisor.terminated.catch(() => {})
    const events = follow()
    GenServer.cast(Supervisor.getChild(supervisor, 'a')?.ref as never, 'crash' as never)
    await clock.flush()
    const ofSupervisor = events.filter((event) => 'id' in event && event.id === supervisor.id)
    expect(ofSupervisor).toMatchObject([
      { type: 'crashed', error: { code: 'KEELSON_MAX_RESTARTS' } },
      { type: 'supervisor_stopped', reason: { error: { code: 'KEELSON_MAX_RESTARTS' } } },
    ])
  })

  it('hands what a handler throws, or rejects with, to the system, and calls the others', async () => {
    const { clock, reported, system } = stage
    const types: string[] = []
    Observer.subscribe(() => {
      throw new Error('thrown')
    }, system)
    Observer.subscribe(() => Promise.reject(new Error('rejected')), system)
    const end = Observer.subscribe(({ type }) => types.push(type), system)
    const ref = await start()
    end()
    await GenServer.stop(ref)
    await clock.flush()
    expect(types).toEqual(['server_started'])
    const messages = reported.map(([error]) => (error as Error).message)
    expect(messages.toSorted()).toEqual(['rejected', 'rejected', 'thrown', 'thrown'])
  })

  it('refuses a handler that is no function', () => {
    expect(() => Observer.subscribe(1 as never, stage.system)).toThrow('handler')
  })
})

describe('Observer.startPolling', () => {
  it('tells the numbers now and after each interval, until it is ended', async () => {
    const { clock, system } = stage
    const ref = await start()
    const counts: number[] = []
    const end = Observer.startPolling(
      100,
      (event) => {
        if (event.type === 'stats_update') counts.push(event.servers[0]?.messageCount ?? -1)
      },
      system,
    )
    expect(counts).toEqual([0])
    GenServer.cast(ref, 'add')
    await clock.advance(250)
    expect(counts).toEqual([0, 1, 1])
    end()
    end()
    await clock.advance(1000)
    expect(counts).toHaveLength(3)
    expect(clock.getPendingTimerCount()).toBe(0)
  })

  it('goes on after a handler that throws, which the system hears of', async () => {
    const { clock, reported, system } = stage
    let calls = 0
    Observer.startPolling(
      100,
      () => {
        calls++
        if (calls < 3) throw new Error(`poll ${calls}`)
        return Promise.reject(new Error('rejected'))
      },
      system,
    )
    await clock.advance(250)
    expect(calls).toBe(3)
    const messages = reported.map(([error]) => (error as Error).message)
    expect(messages).toEqual(['poll 1', 'poll 2', 'rejected'])
  })

  it('keeps no program alive, and ends with its system', async () => {
    const { clock, system } = stage
    let calls = 0
    Observer.startPolling(100, () => calls++, system)
    expect(clock.sleepers()).toMatchObject([{ kind: 'schedule', label: 'Observer.startPolling' }])
    // The clock goes on to the last timer that would hold an event loop open: there is none.
    expect(await clock.runUntilIdle()).toBe(0)
    await system.close()
    expect(calls).toBe(1)
  })

  it('ends in its own handler', async () => {
    const { clock, system } = stage
    let calls = 0
    const end: () => void = Observer.startPolling(
      100,
      () => {
        if (++calls === 2) end()
      },
      system,
    )
    await clock.advance(1000)
    expect(calls).toBe(2)
  })

  it('refuses an interval that is none', () => {
    expect(() => Observer.startPolling(0, () => {}, stage.system)).toThrow('intervalMs')
    expect(() => Observer.startPolling(1, 1 as never, stage.system)).toThrow('handler')
  })
})
