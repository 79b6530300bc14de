/** `idleTimeoutMs` and `onIdle` of `GenServer.start`, and behaviours without `handleCall` or `handleCast`. */
import { Agent, type From, GenServer, type GenServerBehavior, type GenServerRef, Registry } from 'keelson/otp'
import { describe, expect, it } from 'vitest'

import { runToEnd } from '../../support/own-process.ts'
import { rejection } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()
const ends: unknown[] = []
const echo: GenServerBehavior<number, unknown, unknown, unknown> = {
  init: () => ((ends.length = 0), 0),
  handleCall: (message, count) => [message, count + 1],
  handleCast: (_, count) => count + 1,
  terminate: (reason, count) => void ends.push([stage.clock.monoMs(), reason, count]),
}
const start = (options: object, behavior: GenServerBehavior<number, unknown, unknown, unknown> = echo) =>
  GenServer.start(behavior, { system: stage.system, ...options })

describe('a process without a message for idleTimeoutMs [idle]', () => {
  it('ends with the reason normal, exactly then, and loses its name', async () => {
    const ref = await start({ idleTimeoutMs: 100, name: 'short' })
    await stage.clock.advance(99)
    expect([GenServer.isRunning(ref), Registry.whereis('short', stage.system)]).toEqual([true, ref])
    await stage.clock.advance(1)
    expect([GenServer.isRunning(ref), ends]).toEqual([false, [[100, 'normal', 0]]])
    expect(Registry.whereis('short', stage.system)).toBeUndefined()
    expect(stage.clock.getPendingTimerCount()).toBe(0)
  })

  it('counts from the end of the last handler, for calls, casts and ends of others', async () => {
    const slow: GenServerBehavior<number, unknown, unknown, unknown> = {
      ...echo,
      handleCast: (_, count) => stage.clock.sleep(250).then(() => count + 1),
    }
    const ref = await start({ idleTimeoutMs: 100 }, slow)
    await stage.clock.advance(60)
    await GenServer.call(ref, 'a')
    await stage.clock.advance(99)
    GenServer.cast(ref, 'a')
    await stage.clock.advance(250)
    const other = await start({}, { init: () => 0 })
    await GenServer.monitor(ref, other)
    await stage.clock.advance(50)
    await GenServer.stop(other)
    await stage.clock.advance(99)
    expect(GenServer.isRunning(ref)).toBe(true)
    await stage.clock.advance(1)
    expect(ends).toEqual([[60 + 99 + 250 + 50 + 100, 'normal', 2]])
  })

  it('does not end while a message waits or a call has no reply', async () => {
    const kept: From[] = []
    const ref = await start(
      { idleTimeoutMs: 100 },
      { ...echo, handleCall: (_, count, from) => (kept.push(from), GenServer.noReply(count)) },
    )
    const reply = GenServer.call(ref, 'later', { timeout: Infinity })
    await stage.clock.advance(1000)
    expect(GenServer.isRunning(ref)).toBe(true)
    GenServer.reply(kept[0] as From, 'now')
    expect(await reply).toBe('now')
    await stage.clock.advance(99)
    expect(GenServer.isRunning(ref)).toBe(true)
    await stage.clock.advance(1)
    expect(ends).toEqual([[1100, 'normal', 0]])
  })

  it('is idle again when the caller of a call without a reply has given up', async () => {
    const ref = await start({ idleTimeoutMs: 100 }, { ...echo, handleCall: (_, count) => GenServer.noReply(count) })
    const failed = rejection(GenServer.call(ref, 'never', { timeout: 300 }))
    await stage.clock.advance(300)
    await failed
    await stage.clock.advance(200)
    expect(GenServer.isRunning(ref)).toBe(false)
  })

  it('takes every message that was sent before it ended', async () => {
    const ref = await start({ idleTimeoutMs: 100 })
    const answered: unknown[] = []
    const ask = (): Promise<unknown> => GenServer.call(ref, 'at the same time')
    stage.clock.schedule(100, () => void rejection(ask()).then(({ code }) => answered.push(code)))
    const late = await start({ idleTimeoutMs: 100 })
    const call = new Promise((resolve) => {
      stage.clock.schedule(99.5, () => resolve(GenServer.call(late, 'just before')))
    })
    await stage.clock.advance(100)
    expect(await call).toBe('just before')
    // The timers are due in order of their making: the process had ended by then.
    expect(answered).toEqual(['KEELSON_NOT_RUNNING'])
    expect([GenServer.isRunning(ref), GenServer.isRunning(late)]).toEqual([false, true])
  })

  it('calls onIdle instead, as a handler, again after each period', async () => {
    const seen: unknown[] = []
    const options = {
      idleTimeoutMs: 100,
      onIdle: (count: number) => {
        seen.push([stage.clock.monoMs(), count, GenServer.self()])
        return count === 11 ? GenServer.stopWith(count) : count + 10
      },
    }
    const ref = await start(options)
    GenServer.cast(ref, 'a')
    await stage.clock.advance(300)
    expect(seen).toEqual([
      [100, 1, ref],
      [200, 11, ref],
    ])
    expect(ends).toEqual([[200, 'normal', 11]])
  })

  it('waits for an asynchronous onIdle before it handles the next message', async () => {
    const order: string[] = []
    const ref = await start(
      {
        idleTimeoutMs: 10,
        onIdle: async (count: number) => {
          order.push('idle')
          await stage.clock.sleep(5)
          order.push('idle over')
          return count
        },
      },
      { ...echo, handleCast: (_, count) => (order.push('cast'), count) },
    )
    await stage.clock.advance(12)
    GenServer.cast(ref, 'a')
    await stage.clock.advance(3)
    expect(order).toEqual(['idle', 'idle over', 'cast'])
  })

  it('crashes when onIdle throws or returns nothing', async () => {
    const broken = await start({
      idleTimeoutMs: 10,
      onIdle: () => {
        throw new Error('idle')
      },
    })
    const forgetful = await start({ idleTimeoutMs: 10, onIdle: () => undefined })
    await stage.clock.advance(10)
    expect([GenServer.isRunning(broken), GenServer.isRunning(forgetful)]).toEqual([false, false])
    expect(stage.reported.map(([error]) => (error as Error).message)).toEqual([
      'idle',
      `onIdle of GenServer '${forgetful.id}' has to return the next state`,
    ])
  })

  it('is an option of agents too', async () => {
    const agent = await Agent.start(() => 1, { system: stage.system, idleTimeoutMs: 50, onIdle: (n) => n + 1 })
    await stage.clock.advance(100)
    expect(await Agent.get(agent, (n) => n)).toBe(3)
  })

  it.each([0, -1, NaN, Infinity, '5'])('must be a positive, finite number: %s', async (idleTimeoutMs) => {
    expect(await rejection(start({ idleTimeoutMs }))).toMatchObject({ field: 'options.idleTimeoutMs' })
  })

  it('is needed by onIdle', async () => {
    expect(await rejection(start({ onIdle: () => 0 }))).toMatchObject({ field: 'options.idleTimeoutMs' })
    expect(await rejection(start({ idleTimeoutMs: 5, onIdle: 5 }))).toMatchObject({ field: 'options.onIdle' })
  })

  it('does not keep the program from ending', () => {
    const program = `
      const { GenServer } = require('keelson')
      GenServer.start({ init: () => 0 }, { idleTimeoutMs: 60_000 }).then(() => { console.log('done'); over() })
    `
    const { status, stdout, stderr, held } = runToEnd(program)
    expect([status, stdout, stderr, held]).toEqual([0, 'done\n', '', []])
  })
})

describe('a behaviour without a handler [not-handled]', () => {
  it('rejects calls, keeps its state and goes on, also with onError crash', async () => {
    const ref: GenServerRef<number> = await start({ onError: 'crash', name: 'quiet' }, { init: () => 7 })
    expect(await rejection(GenServer.call(ref, 'a'))).toMatchObject({
      code: 'KEELSON_NOT_HANDLED',
      serverId: ref.id,
      callback: 'handleCall',
      message: `GenServer 'quiet (${ref.id})' has no handleCall`,
    })
    expect([GenServer.isRunning(ref), GenServer.getState(ref)]).toEqual([true, 7])
  })

  it("tells the system's owner of errors about each cast, and goes on", async () => {
    const ref = await start({}, { init: () => 7 })
    GenServer.cast(ref, 'a')
    GenServer.sendAfter(ref, 'b', 5)
    await stage.clock.advance(5)
    expect(stage.reported).toMatchObject([
      [{ code: 'KEELSON_NOT_HANDLED', callback: 'handleCast' }, `a cast to ${ref.id}`],
      [{ code: 'KEELSON_NOT_HANDLED', callback: 'handleCast' }, `a cast to ${ref.id}`],
    ])
    expect([GenServer.isRunning(ref), GenServer.getState(ref)]).toEqual([true, 7])
  })
})
