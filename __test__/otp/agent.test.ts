import { Agent, GenServer, Registry, type System } from 'keelson'
import { beforeEach, describe, expect, it } from 'vitest'

import { rejection } from '../support/rejection.ts'
import { useStage } from '../support/system.ts'

const stage = useStage()
const { turn } = stage
let system: System
let reported: [unknown, string][]

beforeEach(() => {
  ;({ system, reported } = stage)
})

describe('an agent', () => {
  it('reads, changes, and does both at once', async () => {
    const agent = await Agent.start(() => [1, 2], { system, name: 'list' })
    expect(await Agent.get(agent, (list) => list.length)).toBe(2)
    expect(await Agent.update(agent, (list) => [...list, 3])).toBeUndefined()
    expect(await Agent.getAndUpdate(agent, ([first, ...rest]) => [first, rest])).toBe(1)
    expect(Agent.cast(agent, (list) => list.map((item) => item * 10))).toBe(true)
    expect(await Agent.get(agent, (list) => list)).toEqual([20, 30])
    expect(Registry.lookup('list', system)).toBe(agent)
    await Agent.stop(agent)
    expect(GenServer.isRunning(agent)).toBe(false)
    expect(await rejection(Agent.get(agent, (list) => list))).toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
  })

  it('runs one function at a time, also asynchronous ones, and never on the stack of the caller [agent-one]', async () => {
    const agent = await Agent.start(async () => 0, { system })
    const slow = (count: number): Promise<number> => system.clock.sleep(10).then(() => count + 1)
    let isRun = false
    const both = [Agent.update(agent, slow), Agent.update(agent, slow)]
    const seen = Agent.get(agent, (count) => {
      isRun = true
      return count
    })
    expect(isRun).toBe(false)
    await stage.clock.advance(20)
    await Promise.all(both)
    expect(await seen).toBe(2)
    const late = Agent.get(agent, async (count) => {
      await system.clock.sleep(5)
      return `${count}`
    })
    await stage.clock.advance(5)
    expect(await late).toBe('2')
  })

  it('rejects with what a function throws, and is as before [agent-throw]', async () => {
    const agent = await Agent.start(() => 5, { system })
    const fails = (): never => {
      throw new Error('no')
    }
    const later = (): Promise<never> => Promise.reject(new Error('later'))
    await expect(Agent.get(agent, fails)).rejects.toThrow('no')
    await expect(Agent.get(agent, later)).rejects.toThrow('later')
    await expect(Agent.update(agent, fails)).rejects.toThrow('no')
    await expect(Agent.update(agent, later)).rejects.toThrow('later')
    await expect(Agent.getAndUpdate(agent, fails)).rejects.toThrow('no')
    await expect(Agent.getAndUpdate(agent, later)).rejects.toThrow('later')
    expect(await rejection(Agent.update(agent, () => undefined as never))).toMatchObject({
      code: 'KEELSON_INVALID_RETURN',
      callback: 'update',
      serverId: agent.id,
    })
    expect(await rejection(Agent.getAndUpdate(agent, (() => 5) as never))).toMatchObject({
      code: 'KEELSON_INVALID_RETURN',
      callback: 'getAndUpdate',
    })
    expect(await Agent.get(agent, (count) => count)).toBe(5)
    expect(reported).toEqual([])
  })

  it('crashes on a cast that fails, which nobody waits for', async () => {
    const agent = await Agent.start(() => 5, { system })
    Agent.cast(agent, () => {
      throw new Error('lost')
    })
    await turn()
    expect(GenServer.isRunning(agent)).toBe(false)
    expect(reported).toMatchObject([[{ message: 'lost' }, `process ${agent.id}`]])
    expect(() => Agent.cast(agent, (count) => count)).toThrow(expect.objectContaining({ code: 'KEELSON_NOT_RUNNING' }))
  })

  it('times out as a call does', async () => {
    const agent = await Agent.start(() => 5, { system })
    const late = rejection(Agent.get(agent, () => system.clock.sleep(500), { timeout: 100 }))
    await stage.clock.advance(100)
    expect(await late).toMatchObject({ code: 'KEELSON_CALL_TIMEOUT', timeoutMs: 100 })
    await stage.clock.advance(400)
    await turn()
    expect(system.clock.getPendingTimerCount()).toBe(0)
  })

  it('fails to start without a state', async () => {
    expect(await rejection(Agent.start(() => undefined, { system }))).toMatchObject({ code: 'KEELSON_INIT_FAILED' })
  })

  it.each([
    ['init', () => Agent.start(5 as never)],
    ['options.initTimeout', () => Agent.start(() => 1, { initTimeout: -1 })],
    ['reader', async () => Agent.get(await Agent.start(() => 1, { system }), 5 as never)],
    ['updater', async () => Agent.update(await Agent.start(() => 1, { system }), 5 as never)],
    ['updater', async () => Agent.cast(await Agent.start(() => 1, { system }), 5 as never)],
    ['ref', () => Agent.get({ id: 'genserver_1' }, (state) => state)],
    [
      'ref',
      async () => {
        const behavior = { init: () => 0, handleCall: () => [0, 0] as const, handleCast: () => 0 }
        return Agent.update((await GenServer.start(behavior, { system })) as never, () => 1)
      },
    ],
  ])('refuses a bad %s', async (field, attempt) => {
    expect(await rejection(Promise.resolve().then(attempt))).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field })
  })
})
