import { AsyncLocalStorage } from 'node:async_hooks'
import { createSystem, GenServer, type GenServerBehavior, isCallCycleError, isServerNotRunningError } from 'keelson'
import { describe, expect, it } from 'vitest'

import { counter } from '../../support/counter.ts'
import { rejection } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()

describe('messages', () => {
  it('are handled one at a time in the order in which they were sent, never on the stack of the sender [one-at-a-time][sender-order][own-stack]', async () => {
    const seen: string[] = []
    const ref = await GenServer.start<number, string, string, string>(
      {
        init: () => 0,
        handleCall: (message, state) => {
          seen.push(`call ${message}`)
          return [message.toUpperCase(), state]
        },
        handleCast: async (message, state) => {
          seen.push(`begin ${message}`)
          await stage.system.clock.sleep(10)
          seen.push(`end ${message}`)
          return state
        },
      },
      { system: stage.system },
    )
    expect(GenServer.cast(ref, 'a')).toBe(true)
    const answer = GenServer.call(ref, 'b')
    GenServer.cast(ref, 'c')
    expect(seen).toEqual([])
    await stage.clock.advance(20)
    expect(await answer).toBe('B')
    expect(seen).toEqual(['begin a', 'end a', 'call b', 'begin c', 'end c'])
  })

  it('reach a process that is flooded and one that is not in turns [fair]', async () => {
    const seen: string[] = []
    const named = (name: string): Promise<unknown> =>
      GenServer.start(
        {
          init: () => 0,
          handleCall: () => [0, 0],
          handleCast: (_, state) => {
            seen.push(name)
            return state
          },
        },
        { system: stage.system },
      )
    const [flooded, other] = (await Promise.all([named('flooded'), named('other')])) as [never, never]
    for (let index = 0; index < 5000; index++) GenServer.cast(flooded, index as never)
    GenServer.cast(other, 1 as never)
    while (seen.length < 5001) await stage.turn()
    expect(seen.indexOf('other')).toBeLessThan(200)
  })

  it('after an await, a process that no longer waits is not part of a cycle [call-cycle]', async () => {
    const refs: Record<string, Awaited<ReturnType<typeof GenServer.start<number, string, string>>>> = {}
    const behavior: GenServerBehavior<number, string, string> = {
      init: () => 0,
      handleCall: async (message, state) => [
        message === 'back' ? await GenServer.call(refs['a'] as never, 'x') : 'end',
        state,
      ],
      handleCast: (_, state) => {
        // Asks, and goes on without waiting.
        void GenServer.call(refs['b'] as never, 'back').then((reply) => seen.push(reply))
        return state
      },
    }
    const seen: unknown[] = []
    for (const name of ['a', 'b']) refs[name] = await GenServer.start(behavior, { system: stage.system })
    GenServer.cast(refs['a'] as never, 'go')
    for (let index = 0; index < 3; index++) await stage.turn()
    expect(seen).toEqual(['end'])
  })

  it('are handled in the asynchronous context of the start, whoever sends [context]', async () => {
    const storage = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const ref = await storage.run('starter', () =>
      GenServer.start<number, string, string>(
        {
          init: () => 0,
          handleCall: async (message, state) => {
            await Promise.resolve()
            seen.push([message, storage.getStore()])
            return [storage.getStore(), state]
          },
          handleCast: (message, state) => {
            seen.push([message, storage.getStore()])
            return state
          },
        },
        { system: stage.system },
      ),
    )
    await storage.run('sender', async () => {
      GenServer.cast(ref, 'cast')
      await GenServer.call(ref, 'call')
      expect(storage.getStore()).toBe('sender')
    })
    expect(seen).toEqual([
      ['cast', 'starter'],
      ['call', 'starter'],
    ])
  })

  it('drain in linear time from a mailbox 400,000 deep [linear]', async () => {
    const ref = await GenServer.start(counter, { system: stage.system })
    for (let index = 0; index < 400_000; index++) GenServer.cast(ref, 'add')
    expect(GenServer.getStatus(ref).queueSize).toBe(400_000)
    expect(await GenServer.call(ref, 'get', { timeout: Infinity })).toBe(400_000)
  })

  it('let timers and I/O come in between, however many there are [turns]', async () => {
    const real = createSystem()
    const ref = await GenServer.start<number>(
      {
        init: () => 0,
        handleCall: (_, count) => [count, count],
        handleCast: (_, count) => {
          if (count < 500_000) GenServer.cast(ref, 1)
          return count + 1
        },
      },
      { system: real },
    )
    GenServer.cast(ref, 1)
    await new Promise((resolve) => setTimeout(resolve, 1))
    expect(GenServer.getState(ref)).toBeLessThan(500_000)
    await GenServer.stop(ref)
    await real.close()
  })
})

describe('calls', () => {
  it('reject with what handleCall throws, and the process goes on as it was [call-throw]', async () => {
    const ref = await GenServer.start(counter, { system: stage.system })
    GenServer.cast(ref, 'add')
    await expect(GenServer.call(ref, 'throw')).rejects.toThrow('no')
    expect(await GenServer.call(ref, 'get')).toBe(1)
    expect(stage.reported).toEqual([])
  })

  it('crash the process as well with onError crash [call-throw]', async () => {
    const ref = await GenServer.start(counter, { system: stage.system, onError: 'crash' })
    await expect(GenServer.call(ref, 'throw')).rejects.toThrow('no')
    await stage.turn()
    expect(GenServer.isRunning(ref)).toBe(false)
    expect(stage.reported.map(([error]) => (error as Error).message)).toEqual(['no'])
  })

  it('refuse a reply that is none, by name [call-reply]', async () => {
    const ref = await GenServer.start(counter, { system: stage.system })
    expect(await rejection(GenServer.call(ref, 'bad'))).toMatchObject({
      code: 'KEELSON_INVALID_RETURN',
      serverId: ref.id,
      callback: 'handleCall',
    })
    expect(await GenServer.call(ref, 'get')).toBe(0)
  })

  it('time out on the clock of the system; one that has not begun is never run, a late reply is dropped [call-late]', async () => {
    const handled: string[] = []
    const ref = await GenServer.start<number, string>(
      {
        init: () => 0,
        handleCall: async (message, state) => {
          handled.push(message)
          await stage.system.clock.sleep(8000)
          return [message, state]
        },
        handleCast: (_, state) => state,
      },
      { system: stage.system },
    )
    const first = rejection(GenServer.call(ref, 'first'))
    const second = rejection(GenServer.call(ref, 'second', { timeout: 6000 }))
    const third = GenServer.call(ref, 'third', { timeout: Infinity })
    await stage.clock.advance(4999)
    expect(handled).toEqual(['first'])
    await stage.clock.advance(1)
    expect(await first).toMatchObject({ code: 'KEELSON_CALL_TIMEOUT', serverId: ref.id, timeoutMs: 5000 })
    expect((await first) as Error).toHaveProperty('message', `Call to GenServer '${ref.id}' timed out after 5000ms`)
    await stage.clock.advance(12_000)
    expect(await second).toMatchObject({ code: 'KEELSON_CALL_TIMEOUT', timeoutMs: 6000 })
    expect(await third).toBe('third')
    expect(handled).toEqual(['first', 'third'])
  })

  it('leave no timer behind [call-timer]', async () => {
    const ref = await GenServer.start(counter, { system: stage.system })
    await Promise.all(Array.from({ length: 100 }, () => GenServer.call(ref, 'get')))
    await stage.turn()
    expect(stage.system.clock.getPendingTimerCount()).toBe(0)
  })

  it('give up with their signal, queued or begun, without running what had not begun [call-signal]', async () => {
    const handled: string[] = []
    const ref = await GenServer.start<number, string>(
      {
        init: () => 0,
        handleCall: async (message, state) => {
          handled.push(message)
          await stage.system.clock.sleep(10)
          return [message, state]
        },
        handleCast: (_, state) => state,
      },
      { system: stage.system },
    )
    const [one, two] = [new AbortController(), new AbortController()]
    const begun = rejection(GenServer.call(ref, 'begun', { signal: one.signal }))
    const queued = rejection(GenServer.call(ref, 'queued', { signal: two.signal }))
    await stage.turn()
    one.abort(new Error('enough'))
    two.abort(new Error('never mind'))
    expect([await begun, await queued]).toMatchObject([{ message: 'enough' }, { message: 'never mind' }])
    const last = GenServer.call(ref, 'last')
    await stage.clock.advance(30)
    expect(await last).toBe('last')
    expect(handled).toEqual(['begun', 'last'])
    expect(await rejection(GenServer.call(ref, 'x', { signal: AbortSignal.abort('gone') }))).toBe('gone')
  })

  it('can be answered later, once [call-later]', async () => {
    const waiting: Parameters<typeof GenServer.reply>[0][] = []
    const ref = await GenServer.start<number, string>(
      {
        init: () => 0,
        handleCall: (_, state, from) => {
          waiting.push(from)
          return GenServer.noReply(state + 1)
        },
        handleCast: (_, state) => state,
      },
      { system: stage.system },
    )
    const answer = GenServer.call(ref, 'later')
    await stage.turn()
    expect(GenServer.getState(ref)).toBe(1)
    const [from] = waiting as [(typeof waiting)[0]]
    expect(GenServer.reply(from, 'now')).toBe(true)
    expect(GenServer.reply(from, 'again')).toBe(false)
    expect(await answer).toBe('now')
    const unanswered = rejection(GenServer.call(ref, 'never'))
    await stage.turn()
    await GenServer.stop(ref)
    expect(isServerNotRunningError(await unanswered)).toBe(true)
  })

  it('that would wait for themselves are named at once: directly, through another, and after an await [call-cycle]', async () => {
    type Ref = Awaited<ReturnType<typeof GenServer.start<number, string>>>
    const refs: Record<string, Ref> = {}
    const calling = (next: string): GenServerBehavior<number, string> => ({
      init: () => 0,
      handleCall: async (message, state) => {
        await Promise.resolve()
        const reply = await GenServer.call(refs[next] as Ref, message, { timeout: Infinity })
        return [reply, state]
      },
      handleCast: (_, state) => state,
    })
    for (const [name, next] of [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'a'],
      ['self', 'self'],
    ] as const) {
      refs[name] = await GenServer.start(calling(next), { system: stage.system })
    }
    const long = await rejection(GenServer.call(refs['a'] as Ref, 'x'))
    expect(isCallCycleError(long)).toBe(true)
    expect(long).toMatchObject({ callerId: refs['c']?.id, serverId: refs['a']?.id })
    expect(isCallCycleError(await rejection(GenServer.call(refs['self'] as Ref, 'x')))).toBe(true)
  })
})
