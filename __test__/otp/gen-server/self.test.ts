/** `GenServer.self` and `GenServer.signal`: whose callback runs, and when its work is given up. */
import { Agent, EventBus, GenServer, type GenServerBehavior, type GenServerRef, Supervisor, Task } from 'keelson/otp'
import { createRootSupervisor } from 'keelson/process'
import { describe, expect, it } from 'vitest'

import { holder } from '../../support/counter.ts'
import { deferred } from '../../support/promises.ts'
import { rejection, thrown } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()
const start = <S, C, K, R>(
  behavior: GenServerBehavior<S, C, K, R>,
  options: object = {},
): Promise<GenServerRef<S, C, K, R>> => GenServer.start(behavior, { system: stage.system, ...options })
const outside = expect.objectContaining({ code: 'KEELSON_OUTSIDE_HANDLER' })
const selfOrError = (): unknown => {
  try {
    return GenServer.self()
  } catch (error) {
    return error
  }
}

describe('GenServer.self [self]', () => {
  it('is the ref of the process in each of its callbacks, before and after an await', async () => {
    const seen: [string, unknown][] = []
    const see = (where: string): void => void seen.push([where, selfOrError()])
    const both = async <T>(where: string, value: T): Promise<T> => {
      see(where)
      await stage.turn()
      see(`${where}, later`)
      return value
    }
    const ref = await start<number, string, string, string>({
      init: async () => GenServer.continueWith(await both('init', 0), 'more'),
      handleContinue: async (_, state) => both('handleContinue', state as number),
      handleCall: async (_, state) => both('handleCall', ['reply', state]),
      handleCast: async (_, state) => both('handleCast', state),
      handleInfo: async (_, state) => both('handleInfo', state),
      terminate: async () => both('terminate', undefined),
    })
    await GenServer.call(ref, 'a')
    GenServer.cast(ref, 'a')
    await GenServer.monitor(ref, await start(holder).then(async (other) => (await GenServer.stop(other), other)))
    await GenServer.call(ref, 'b')
    await GenServer.stop(ref)
    const names = ['init', 'handleContinue', 'handleCall', 'handleCast', 'handleInfo', 'terminate']
    expect(new Set(seen.map(([where]) => where))).toEqual(new Set(names.flatMap((name) => [name, `${name}, later`])))
    for (const [where, self] of seen) expect([where, self]).toEqual([where, ref])
  })

  it('is the ref in callbacks that are not asynchronous', async () => {
    const ref: GenServerRef<{ first: unknown }, string, never, unknown> = await start({
      init: () => ({ first: selfOrError() }),
      handleCall: (_: string, state: { first: unknown }) => [[state.first, selfOrError()], state],
      terminate: (): void => expect(selfOrError()).toBe(ref),
    })
    expect(await GenServer.call(ref, 'who')).toEqual([ref, ref])
    await GenServer.stop(ref)
  })

  it('lets a process send to itself later, also from init', async () => {
    const ref = await start<number[], 'ticks', 'tick', number[]>({
      init: () => {
        GenServer.sendAfter(GenServer.self(), 'tick', 10)
        return []
      },
      handleCall: (_, ticks) => [ticks, ticks],
      handleCast: (_, ticks) => {
        GenServer.sendAfter(GenServer.self(), 'tick', 10)
        return [...ticks, stage.clock.monoMs()]
      },
    })
    await stage.clock.advance(35)
    expect(await GenServer.call(ref, 'ticks')).toEqual([10, 20, 30])
  })

  it('lets a process cast to itself from init; the message waits for the state, and for handleContinue', async () => {
    const order: string[] = []
    const ref = await start<string, 'state', 'cast', string>({
      init: async () => {
        GenServer.cast(GenServer.self(), 'cast')
        await undefined
        order.push('init')
        return GenServer.continueWith('first')
      },
      handleContinue: (_, state) => {
        order.push('continue')
        return state
      },
      handleCall: (_, state) => [state, state],
      handleCast: (message, state) => {
        order.push(message)
        return `${state}, then ${message}`
      },
    })
    expect(await GenServer.call(ref, 'state')).toBe('first, then cast')
    expect(order).toEqual(['init', 'continue', 'cast'])
  })

  it('drops a cast of an init that fails', async () => {
    let handled = 0
    const failing = GenServer.start(
      {
        init: () => {
          GenServer.cast(GenServer.self(), 'never')
          throw new Error('no')
        },
        handleCast: (_, state: number) => {
          handled++
          return state
        },
      },
      { system: stage.system },
    )
    await expect(failing).rejects.toMatchObject({ code: 'KEELSON_INIT_FAILED' })
    await stage.turn()
    expect(handled).toBe(0)
  })

  it('throws outside of callbacks, and for work that goes on after its callback has ended', async () => {
    expect(thrown(() => GenServer.self())).toMatchObject({
      code: 'KEELSON_OUTSIDE_HANDLER',
      message: 'GenServer.self() was called outside of the callbacks of a process',
    })
    expect(thrown(() => GenServer.signal())).toMatchObject({ code: 'KEELSON_OUTSIDE_HANDLER' })
    let later: unknown
    const ref = await start<number, 'a', 'a', number>({
      init: () => 0,
      handleCall: async (_, state) => {
        await undefined
        void stage.turn().then(() => (later = selfOrError()))
        return [1, state]
      },
    })
    await GenServer.call(ref, 'a')
    await stage.turn()
    await stage.turn()
    expect(later).toEqual(outside)
    // The caller is not part of the process that it calls.
    expect(selfOrError()).toEqual(outside)
  })

  it('is the own process while several wait at the same time, each for another', async () => {
    const ask: GenServerBehavior<number, GenServerRef | undefined, never, unknown[]> = {
      init: () => 0,
      handleCall: async (next, state) => {
        const before = GenServer.self()
        const inner = next === undefined ? [] : ((await GenServer.call(next, undefined)) as unknown[])
        await stage.turn()
        return [[before, GenServer.self(), ...inner], state]
      },
    }
    const [one, other, third] = [await start(ask), await start(ask), await start(ask)]
    const [first, second] = await Promise.all([
      GenServer.call(one, third as GenServerRef),
      GenServer.call(other, third as GenServerRef),
    ])
    expect([first, second]).toEqual([
      [one, one, third, third],
      [other, other, third, third],
    ])
  })

  it('is nobody in a task, in a subscriber of a bus, and in handlers of keelson/process; in a function of an agent it is the agent', async () => {
    const { system } = stage
    const seen: unknown[] = []
    const bus = await EventBus.start({ system })
    await EventBus.subscribe(bus, 'a', () => seen.push(selfOrError()))
    const ref = await start<number, 'run', 'a', unknown>({
      init: () => 0,
      handleCall: async (_, state) => {
        const task = Task.async(() => selfOrError(), { system })
        seen.push(await Task.await(task))
        await EventBus.publishSync(bus, 'a', 1)
        return [GenServer.self(), state]
      },
    })
    expect(await GenServer.call(ref, 'run')).toBe(ref)
    seen.push(await Task.await(Task.async(async () => (await undefined, selfOrError()), { system })))
    const process = createRootSupervisor({ system }).spawn(
      { name: 'p', init: () => 0, handle: (n, { reply }) => (reply(selfOrError()), n) },
      {},
    )
    seen.push(await process.ask((reply) => ({ reply })))
    expect(seen).toEqual([outside, outside, outside, outside])
    const agent = await Agent.start(() => 0, { system })
    expect(await Agent.get(agent, () => GenServer.self())).toBe(agent)
  })
})

describe('GenServer.signal [signal]', () => {
  interface Work {
    readonly signal: AbortSignal
    readonly message: unknown
  }
  const works: Work[] = []
  const worker = (
    done: Promise<unknown> = new Promise(() => {}),
  ): GenServerBehavior<number, unknown, unknown, unknown> => ({
    init: () => ((works.length = 0), 0),
    handleCall: async (message, state) => {
      works.push({ signal: GenServer.signal(), message })
      await done
      return ['done', state]
    },
    handleCast: async (message, state) => {
      works.push({ signal: GenServer.signal(), message })
      await done
      return state
    },
  })
  const begun = async (count = 1): Promise<AbortSignal> => {
    await expect.poll(() => works.length).toBe(count)
    return (works[count - 1] as Work).signal
  }

  it('aborts when the caller has timed out, with its error', async () => {
    const ref = await start(worker())
    const failed = rejection(GenServer.call(ref, 'a', { timeout: 50 }))
    const signal = await begun()
    await stage.clock.advance(49)
    expect(signal.aborted).toBe(false)
    await stage.clock.advance(1)
    expect([signal.aborted, signal.reason]).toEqual([true, await failed])
    expect(signal.reason).toMatchObject({ code: 'KEELSON_CALL_TIMEOUT' })
  })

  it("aborts when the caller's signal aborts, with its reason", async () => {
    const ref = await start(worker())
    const controller = new AbortController()
    const failed = rejection(GenServer.call(ref, 'a', { signal: controller.signal }))
    const signal = await begun()
    const reason = new Error('enough')
    controller.abort(reason)
    expect([signal.aborted, signal.reason, await failed]).toEqual([true, reason, reason])
  })

  it('aborts when the calling process is killed, and for calls of calls with them', async () => {
    const { system } = stage
    const inner = await start(worker())
    const outerSignals: AbortSignal[] = []
    const outer: GenServerBehavior<number, 'go', never, unknown> = {
      init: () => 0,
      handleCall: async (_, state) => {
        outerSignals.push(GenServer.signal())
        return [await GenServer.call(inner, 'a', { timeout: Infinity }), state]
      },
    }
    const children = [{ id: 'outer', start: () => start(outer), shutdownTimeout: 'brutal_kill' as const }]
    const supervisor = await Supervisor.start({ system, children })
    const ref = Supervisor.getChild(supervisor, 'outer')?.ref as GenServerRef
    const failed = rejection(GenServer.call(ref, 'go'))
    const signal = await begun()
    await Supervisor.stop(supervisor)
    expect(await failed).toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
    expect([outerSignals[0]?.aborted, signal.aborted]).toEqual([true, true])
    expect(signal.reason).toMatchObject({ code: 'KEELSON_NOT_RUNNING', serverId: ref.id })
  })

  it('aborts when the own process is killed, for calls, casts and calls that are answered later', async () => {
    const later: AbortSignal[] = []
    const deferring: GenServerBehavior<number, 'later', never, unknown> = {
      init: () => 0,
      handleCall: (_, state) => {
        later.push(GenServer.signal())
        return GenServer.noReply(state)
      },
    }
    const { system } = stage
    const supervisor = await Supervisor.start({
      system,
      children: [
        { id: 'deferring', start: () => start(deferring), shutdownTimeout: 'brutal_kill' },
        { id: 'casting', start: () => start(worker()), shutdownTimeout: 'brutal_kill' },
      ],
    })
    const [first, second] = Supervisor.getChildren(supervisor).map(({ ref }) => ref) as [GenServerRef, GenServerRef]
    const failed = rejection(GenServer.call(first, 'later'))
    GenServer.cast(second, 'a')
    const cast = await begun()
    expect([later[0]?.aborted, cast.aborted]).toEqual([false, false])
    await Supervisor.stop(supervisor)
    expect([later[0]?.aborted, cast.aborted]).toEqual([true, true])
    expect(cast.reason).toMatchObject({ code: 'KEELSON_NOT_RUNNING', serverId: second.id })
    await failed
  })

  it('has aborted already when the call was given up before it was asked for', async () => {
    const wait = deferred<void>()
    let signal: AbortSignal | undefined
    const ref = await start<number, 'a', 'a', number>({
      init: () => 0,
      handleCall: async (_, state) => {
        await wait.promise
        signal = GenServer.signal()
        return [1, state]
      },
    })
    const failed = rejection(GenServer.call(ref, 'a', { timeout: 5 }))
    await stage.clock.advance(5)
    wait.resolve()
    await expect.poll(() => signal?.aborted).toBe(true)
    expect(signal?.reason).toBe(await failed)
  })

  it('does not abort for a call that was answered, nor for the next message', async () => {
    const ref = await start(worker(Promise.resolve()))
    const controller = new AbortController()
    expect(await GenServer.call(ref, 'a', { timeout: 10, signal: controller.signal })).toBe('done')
    const first = await begun()
    expect(await GenServer.call(ref, 'b', { timeout: 10 })).toBe('done')
    const second = await begun(2)
    controller.abort()
    await stage.clock.advance(100)
    await GenServer.stop(ref)
    expect([first.aborted, second.aborted, first === second]).toEqual([false, false, false])
  })

  it('is the same signal each time within a call, and leaves no listener behind', async () => {
    const ref = await start<number, 'a', never, boolean>({
      init: () => 0,
      handleCall: async (_, state) => {
        const signal = GenServer.signal()
        await undefined
        return [signal === GenServer.signal(), state]
      },
    })
    const caller = await start<number, 'go', never, boolean>({
      init: () => 0,
      handleCall: async (_, state) => {
        const all: boolean[] = []
        for (let index = 0; index < 100; index++) all.push(await GenServer.call(ref, 'a'))
        return [all.every(Boolean), state]
      },
    })
    const warned: Error[] = []
    const listener = (warning: Error): void => void warned.push(warning)
    process.on('warning', listener)
    expect(await GenServer.call(caller, 'go')).toBe(true)
    await stage.turn()
    process.off('warning', listener)
    expect(warned).toEqual([])
  })

  it('lets a handler stop that gives up with its caller: the process goes on, also with onError crash', async () => {
    const ref = await start<number, 'a' | 'b', never, string>(
      {
        init: () => 0,
        handleCall: async (message, state) => {
          if (message === 'a') await stage.clock.sleep(1000, { signal: GenServer.signal() })
          return [message, state]
        },
      },
      { onError: 'crash' },
    )
    const failed = rejection(GenServer.call(ref, 'a', { timeout: 5 }))
    await stage.clock.advance(5)
    expect(await failed).toMatchObject({ code: 'KEELSON_CALL_TIMEOUT' })
    expect(await GenServer.call(ref, 'b')).toBe('b')
    expect(stage.reported).toEqual([])
  })
})
