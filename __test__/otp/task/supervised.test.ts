/** Tasks as children of a supervisor, and streams of tasks in them. */
import { type ChildSpec, GenServer, type LifecycleEvent, Supervisor, type SupervisorRef, Task } from 'keelson'
import { beforeEach, describe, expect, it } from 'vitest'

import { useStage } from '../../support/system.ts'

const stage = useStage()
let log: string[]
let events: LifecycleEvent[]
beforeEach(() => {
  log = []
  events = []
  Supervisor.onLifecycleEvent((event) => events.push(event), stage.system)
})
const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 6; turns++) await stage.turn()
}
const sleep = (ms: number, signal?: AbortSignal): Promise<void> => stage.clock.sleep(ms, { signal })
const start = (children: ChildSpec[], options: object = {}): Promise<SupervisorRef> =>
  Supervisor.start({ system: stage.system, children, ...options })
const types = (): string[] => events.map(({ type }) => type)

/** Fails the first times, then ends well; each time after 10 ms. */
const work = (fails: number, restart: ChildSpec['restart']): ChildSpec => {
  let runs = 0
  const once = async (signal: AbortSignal): Promise<void> => {
    log.push(`run ${++runs}`)
    await sleep(10, signal)
    if (runs <= fails) throw new Error(`run ${runs} failed`)
  }
  return { id: 'task', ...(restart && { restart }), start: () => Task.start(once, { system: stage.system }) }
}

describe('a task under a supervisor', () => {
  it('that is transient runs again until it ends well, and is then gone [task-child]', async () => {
    const supervisor = await start([work(2, 'transient')])
    for (let round = 0; round < 4; round++) await stage.clock.advance(10)
    await settle()
    expect(log).toEqual(['run 1', 'run 2', 'run 3'])
    expect(types()).toEqual(['started', 'crashed', 'restarted', 'crashed', 'restarted', 'terminated'])
    expect(events.at(-1)).toMatchObject({ reason: 'normal' })
    expect(Supervisor.countChildren(supervisor)).toBe(0)
    expect(stage.reported).toEqual([])
  })

  it('that is temporary runs once, and its supervisor owns the failure [task-child]', async () => {
    const supervisor = await start([work(1, 'temporary')])
    await stage.clock.advance(20)
    await settle()
    expect(log).toEqual(['run 1'])
    expect(types()).toEqual(['started', 'crashed', 'terminated'])
    expect(Supervisor.countChildren(supervisor)).toBe(0)
    expect(stage.reported).toEqual([])
  })

  it('that is permanent runs again however it ended, until that is too often [task-child]', async () => {
    const supervisor = await start([work(1, 'permanent')], { restartIntensity: { maxRestarts: 3, withinMs: 1000 } })
    for (let round = 0; round < 6; round++) await stage.clock.advance(10)
    await settle()
    expect(log).toEqual(['run 1', 'run 2', 'run 3', 'run 4'])
    expect(Supervisor.isRunning(supervisor)).toBe(false)
    expect(stage.reported).toMatchObject([[{ code: 'KEELSON_MAX_RESTARTS' }, expect.any(String)]])
  })

  it('is told by its signal when the supervisor stops, which waits for it, and no longer than its time [task-child]', async () => {
    const told: string[] = []
    const child = (id: string, ms: number): ChildSpec => ({
      id,
      shutdownTimeout: 100,
      start: () =>
        Task.start(
          async (signal) => {
            await new Promise((resolve) => {
              signal.addEventListener('abort', resolve)
            })
            await sleep(ms)
            told.push(id)
          },
          { system: stage.system },
        ),
    })
    const supervisor = await start([child('quick', 50), child('slow', 500)])
    await settle()
    const stopped = Supervisor.stop(supervisor)
    await stage.clock.advance(150)
    await stopped
    expect(told).toEqual(['quick'])
    await stage.clock.advance(1000)
    expect(stage.reported).toEqual([])
  })
})

describe('a stream of tasks under a supervisor', () => {
  it('runs anew with the task that reads it; what ran is cancelled [task-child]', async () => {
    let fails = 1
    const item = async (ms: number, signal: AbortSignal): Promise<number> => {
      try {
        await sleep(ms, signal)
      } catch (error) {
        log.push(`${ms} cancelled`)
        throw error
      }
      if (ms === 20 && fails-- > 0) throw new Error('20 failed')
      return ms
    }
    const read = async (signal: AbortSignal): Promise<void> => {
      for await (const ms of Task.asyncStream([10, 20, 1000], item, { system: stage.system, signal })) {
        log.push(`got ${ms}`)
      }
    }
    const child: ChildSpec = {
      id: 'read',
      restart: 'transient',
      start: () => Task.start(read, { system: stage.system }),
    }
    const supervisor = await start([child])
    await stage.clock.advance(20)
    await settle()
    expect(log).toEqual(['got 10', '1000 cancelled'])
    expect(types()).toEqual(['started', 'crashed', 'restarted'])
    await stage.clock.advance(20)
    await settle()
    const stopped = Supervisor.stop(supervisor)
    await settle()
    await stopped
    expect(log).toEqual(['got 10', '1000 cancelled', 'got 10', 'got 20', '1000 cancelled'])
    expect(stage.reported).toEqual([])
    expect(stage.clock.getPendingTimerCount()).toBe(0)
  })

  it('ends with the child that its tasks are linked to [task-child]', async () => {
    const supervisor = await start([
      {
        id: 'owner',
        start: () =>
          GenServer.start(
            { init: () => 0, handleCall: () => [0, 0] as const, handleCast: (_: unknown, state: number) => state },
            { system: stage.system },
          ),
      },
    ])
    const owner = Supervisor.getChild(supervisor, 'owner')
    const results = Task.asyncStreamSettled([1, 2, 3], (_, signal) => sleep(1000, signal), {
      system: stage.system,
      ...(owner && { link: owner.ref }),
    })
    const first = results.next()
    await settle()
    expect(stage.clock.getPendingTimerCount()).toBe(3)
    await Supervisor.stop(supervisor)
    await settle()
    expect((await first).value).toMatchObject({ status: 'rejected', reason: { code: 'KEELSON_TASK_ENDED' } })
    expect(stage.clock.getPendingTimerCount()).toBe(0)
    for await (const { status } of results) log.push(status)
    expect(log).toEqual(['rejected', 'rejected'])
    expect(stage.reported).toEqual([])
  })
})
