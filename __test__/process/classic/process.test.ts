import { createProcess, createProcessId, createSupervisor, ProcessIdImpl } from 'keelson/process'
import { describe, expect, it } from 'vitest'
import { useWorld } from '../../support/processes.ts'
import { rejection } from '../../support/rejection.ts'

const world = useWorld()
const types = (events: { type: string }[], of = ''): string[] =>
  events.map(({ type }) => type).filter((type) => type.startsWith(of))

describe('ids', () => {
  it('are texts, or objects for a text', () => {
    expect(createProcessId()).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
    expect(createProcessId()).not.toBe(createProcessId())
    const id = createProcessId('x')
    expect([id.value, String(id), id.equals(new ProcessIdImpl('x'))]).toEqual(['x', 'x', true])
  })
})

describe('a process without state', () => {
  it('is started, sent to and stopped by hand', async () => {
    const { system, clock } = world()
    const [seen, events] = [[] as unknown[], [] as { type: string }[]]
    const behavior = {
      init: async () => seen.push('init'),
      async handle(this: unknown, message: unknown) {
        await clock.sleep(10)
        seen.push([message, this === behavior])
      },
      terminate: async () => seen.push('terminate'),
    }
    const process = createProcess(behavior, { system, id: createProcessId('one'), emit: (event) => events.push(event) })
    expect([process.id.value, process.state]).toEqual(['one', 'starting'])
    expect(process.getInfo()).toEqual({
      id: process.id,
      state: 'starting',
      startedAt: 0,
      restartCount: 0,
      lastError: undefined,
    })
    await expect(process.send(0)).rejects.toThrow('Cannot send message to process in state: starting')
    await clock.advance(5)
    await process.start()
    await expect(process.start()).rejects.toThrow('Cannot start process in state: running')
    expect(process.getInfo()).toMatchObject({ state: 'running', startedAt: 5 })
    await Promise.all([process.send(1), process.send(2)])
    await clock.advance(20)
    await process.stop()
    expect(seen).toEqual(['init', [1, true], [2, true], 'terminate'])
    expect(process.state).toBe('stopped')
    expect(types(events)).toEqual([
      'process:starting',
      'process:started',
      'process:message:queued',
      'process:message:queued',
      'process:message:processing',
      'process:message:processed',
      'process:message:processing',
      'process:message:processed',
      'process:stopping',
      'process:stopped',
    ])
    expect(events[1]).toEqual({ type: 'process:started', processId: 'one', timestamp: 5 })
    await expect(process.send(3)).rejects.toThrow('Cannot send message to process in state: stopped')
  })

  it('fails when init, handle or terminate do', async () => {
    const { system, clock, reported } = world()
    const no = (what: string) => async () => {
      throw new Error(what)
    }
    const handle = async (): Promise<void> => {}
    const one = createProcess({ init: no('init'), handle }, { system })
    await expect(one.start()).rejects.toThrow('init')
    const two = createProcess({ handle: no('handle') }, { system })
    await two.start()
    await two.send({})
    await clock.flush()
    const three = createProcess({ handle, terminate: no('terminate') }, { system })
    await three.start()
    await expect(three.stop()).rejects.toThrow('terminate')
    expect([one, two, three].map(({ state }) => state)).toEqual(['failed', 'failed', 'failed'])
    expect(two.getInfo().lastError?.message).toBe('handle')
    expect(reported).toMatchObject([[{ message: 'handle' }, `process ${two.id.value}`]])
    await two.restart()
    expect(two.getInfo()).toMatchObject({ state: 'running', restartCount: 1 })
  })

  it('can be stopped from inside its handler', async () => {
    const { system, clock } = world()
    const process = createProcess(
      {
        handle: async () => {
          await clock.sleep(1)
          await process.stop()
        },
      },
      { system },
    )
    await process.start()
    await process.send({})
    await clock.advance(2)
    expect(process.state).toBe('stopped')
  })
})

describe('its supervisor', () => {
  it('restarts what fails, with the mail it had, and again while it keeps failing', async () => {
    const { system, clock } = world()
    const [seen, events] = [[] as unknown[], [] as { type: string }[]]
    let inits = 0
    const supervisor = createSupervisor({ system, emit: (event) => events.push(event), id: createProcessId('root') })
    expect(supervisor.id.value).toBe('root')
    const process = await supervisor.spawn({
      init: () => {
        if (++inits === 2) throw new Error('not yet')
      },
      handle: (message: string) => {
        if (message === 'crash') throw new Error('crash')
        seen.push(message)
      },
    })
    expect(supervisor.getChildren()).toEqual([process])
    for (const message of ['a', 'crash', 'b']) await process.send(message)
    await clock.flush()
    await process.send('c')
    expect(process.state).toBe('failed')
    await clock.advance(1000)
    expect(seen).toEqual(['a', 'b', 'c'])
    expect(types(events, 'supervisor:')).toEqual([
      'supervisor:created',
      'supervisor:spawning',
      'supervisor:supervising',
      'supervisor:spawned',
      'supervisor:child:failed',
      'supervisor:child:restart:failed',
      'supervisor:child:restarted',
    ])
    await supervisor.stop()
    expect(process.state).toBe('stopped')
    expect(supervisor.getChildren()).toEqual([])
    expect((await rejection(supervisor.spawn({ handle() {} }))).message).toBe(
      'Cannot spawn process: supervisor is stopped',
    )
    expect(clock.getPendingTimerCount()).toBe(0)
  })

  it('can stop it or hand it on instead', async () => {
    const { system, clock } = world()
    const events: { type: string; processId?: string }[] = []
    const supervisor = createSupervisor({ system, emit: (event) => events.push(event) })
    const failing = {
      handle: () => {
        throw new Error('no')
      },
    }
    const [one, two] = [await supervisor.spawn(failing), await supervisor.spawn(failing)]
    supervisor.supervise(one, 'stop')
    supervisor.supervise(two, 'escalate')
    await Promise.all([one.send({}), two.send({})])
    await clock.advance(1000)
    expect([one.state, two.state]).toEqual(['stopped', 'failed'])
    expect(supervisor.getChildren()).toEqual([])
    expect(types(events).slice(-4).toSorted()).toContain('supervisor:escalate')
    expect(types(events)).toContain('supervisor:child:stopped')
    expect(() => supervisor.supervise(one, 'ignore' as never)).toThrow('strategy')
  })

  it('tells of a start that fails, and rejects', async () => {
    const { system } = world()
    const events: { type: string }[] = []
    const supervisor = createSupervisor({ system, emit: (event) => events.push(event) })
    await expect(supervisor.spawn({ init: () => Promise.reject(new Error('no')), handle() {} })).rejects.toThrow('no')
    expect(types(events)).toContain('supervisor:spawn:failed')
    expect(supervisor.getChildren()).toEqual([])
  })
})
