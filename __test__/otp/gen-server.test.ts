import { AsyncLocalStorage } from 'node:async_hooks'
import {
  createControlledClock,
  createSystem,
  GenServer,
  type GenServerBehavior,
  type Info,
  isCallCycleError,
  isServerNotRunningError,
  type LifecycleEvent,
  type System,
} from 'keelson'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

let system: System
let reported: [unknown, string][]

beforeEach(() => {
  reported = []
  system = createSystem({ clock: createControlledClock(), onError: (error, origin) => reported.push([error, origin]) })
})
afterEach(async () => {
  await system.close()
})

const clockOf = (): ReturnType<typeof createControlledClock> => system.clock as ReturnType<typeof createControlledClock>
const turn = (): Promise<void> => clockOf().flush()
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => ({ resolved: value }),
    (error: unknown) => error,
  )

const counter: GenServerBehavior<number, 'get' | 'throw' | 'bad' | 'slow', 'add' | 'crash' | 'forget'> = {
  init: () => 0,
  handleCall: (message, count) => {
    if (message === 'throw') throw new Error('no')
    if (message === 'bad') return 5 as never
    return [count, count]
  },
  handleCast: (message, count) => {
    if (message === 'crash') throw new Error('crash')
    return message === 'forget' ? (undefined as never) : count + 1
  },
}

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
          await system.clock.sleep(10)
          seen.push(`end ${message}`)
          return state
        },
      },
      { system },
    )
    expect(GenServer.cast(ref, 'a')).toBe(true)
    const answer = GenServer.call(ref, 'b')
    GenServer.cast(ref, 'c')
    expect(seen).toEqual([])
    await clockOf().advance(20)
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
        { system },
      )
    const [flooded, other] = (await Promise.all([named('flooded'), named('other')])) as [never, never]
    for (let index = 0; index < 5000; index++) GenServer.cast(flooded, index as never)
    GenServer.cast(other, 1 as never)
    while (seen.length < 5001) await turn()
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
    for (const name of ['a', 'b']) refs[name] = await GenServer.start(behavior, { system })
    GenServer.cast(refs['a'] as never, 'go')
    for (let index = 0; index < 3; index++) await turn()
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
        { system },
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
    const ref = await GenServer.start(counter, { system })
    for (let index = 0; index < 400_000; index++) GenServer.cast(ref, 'add')
    expect(GenServer.getStatus(ref).queueSize).toBe(400_000)
    expect(await GenServer.call(ref, 'get', { timeout: Infinity })).toBe(400_000)
  }, 10_000)

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
    const ref = await GenServer.start(counter, { system })
    GenServer.cast(ref, 'add')
    await expect(GenServer.call(ref, 'throw')).rejects.toThrow('no')
    expect(await GenServer.call(ref, 'get')).toBe(1)
    expect(reported).toEqual([])
  })

  it('crash the process as well with onError crash [call-throw]', async () => {
    const ref = await GenServer.start(counter, { system, onError: 'crash' })
    await expect(GenServer.call(ref, 'throw')).rejects.toThrow('no')
    await turn()
    expect(GenServer.isRunning(ref)).toBe(false)
    expect(reported.map(([error]) => (error as Error).message)).toEqual(['no'])
  })

  it('refuse a reply that is none, by name [call-reply]', async () => {
    const ref = await GenServer.start(counter, { system })
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
          await system.clock.sleep(8000)
          return [message, state]
        },
        handleCast: (_, state) => state,
      },
      { system },
    )
    const first = rejection(GenServer.call(ref, 'first'))
    const second = rejection(GenServer.call(ref, 'second', { timeout: 6000 }))
    const third = GenServer.call(ref, 'third', { timeout: Infinity })
    await clockOf().advance(4999)
    expect(handled).toEqual(['first'])
    await clockOf().advance(1)
    expect(await first).toMatchObject({ code: 'KEELSON_CALL_TIMEOUT', serverId: ref.id, timeoutMs: 5000 })
    expect((await first) as Error).toHaveProperty('message', `Call to GenServer '${ref.id}' timed out after 5000ms`)
    await clockOf().advance(12_000)
    expect(await second).toMatchObject({ code: 'KEELSON_CALL_TIMEOUT', timeoutMs: 6000 })
    expect(await third).toBe('third')
    expect(handled).toEqual(['first', 'third'])
  })

  it('leave no timer behind [call-timer]', async () => {
    const ref = await GenServer.start(counter, { system })
    await Promise.all(Array.from({ length: 100 }, () => GenServer.call(ref, 'get')))
    await turn()
    expect(system.clock.getPendingTimerCount()).toBe(0)
  })

  it('give up with their signal, queued or begun, without running what had not begun [call-signal]', async () => {
    const handled: string[] = []
    const ref = await GenServer.start<number, string>(
      {
        init: () => 0,
        handleCall: async (message, state) => {
          handled.push(message)
          await system.clock.sleep(10)
          return [message, state]
        },
        handleCast: (_, state) => state,
      },
      { system },
    )
    const [one, two] = [new AbortController(), new AbortController()]
    const begun = rejection(GenServer.call(ref, 'begun', { signal: one.signal }))
    const queued = rejection(GenServer.call(ref, 'queued', { signal: two.signal }))
    await turn()
    one.abort(new Error('enough'))
    two.abort(new Error('never mind'))
    expect([await begun, await queued]).toMatchObject([{ message: 'enough' }, { message: 'never mind' }])
    const last = GenServer.call(ref, 'last')
    await clockOf().advance(30)
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
      { system },
    )
    const answer = GenServer.call(ref, 'later')
    await turn()
    expect(GenServer.getState(ref)).toBe(1)
    const [from] = waiting as [(typeof waiting)[0]]
    expect(GenServer.reply(from, 'now')).toBe(true)
    expect(GenServer.reply(from, 'again')).toBe(false)
    expect(await answer).toBe('now')
    const unanswered = rejection(GenServer.call(ref, 'never'))
    await turn()
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
      refs[name] = await GenServer.start(calling(next), { system })
    }
    const long = await rejection(GenServer.call(refs['a'] as Ref, 'x'))
    expect(isCallCycleError(long)).toBe(true)
    expect(long).toMatchObject({ callerId: refs['c']?.id, serverId: refs['a']?.id })
    expect(isCallCycleError(await rejection(GenServer.call(refs['self'] as Ref, 'x')))).toBe(true)
  })
})

describe('start', () => {
  it('resolves once init has made a state, and makes ids that can be told apart [start-ready]', async () => {
    const slow = GenServer.start({ ...counter, init: () => system.clock.sleep(100).then(() => 7) }, { system })
    await clockOf().advance(100)
    const [one, other] = [await slow, await GenServer.start(counter, { system })]
    expect(await GenServer.call(one, 'get')).toBe(7)
    expect(one.id).toMatch(/^genserver_/)
    expect(one.id).not.toBe(other.id)
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('why')
      },
      'why',
    ],
    ['rejects', () => Promise.reject(new Error('later')), 'later'],
    [
      'throws what is no error',
      () => {
        throw 'text'
      },
      'text',
    ],
    ['makes no state', () => undefined, 'init of GenServer'],
  ])('fails when init %s, with nothing left [start-failed]', async (_, init, message) => {
    const events: LifecycleEvent[] = []
    GenServer.onLifecycleEvent((event) => events.push(event), system)
    const error = await rejection(GenServer.start({ ...counter, init: init as never }, { system, name: 'x' }))
    expect(error).toMatchObject({ code: 'KEELSON_INIT_FAILED', cause: { message: expect.stringContaining(message) } })
    expect(events).toEqual([])
    await GenServer.start(counter, { system, name: 'x' })
  })

  it('fails when init takes too long; no timer is left when it does not [start-failed]', async () => {
    const never = rejection(GenServer.start({ ...counter, init: () => new Promise<number>(() => {}) }, { system }))
    await clockOf().advance(5000)
    expect(await never).toMatchObject({ cause: { message: 'Init timed out after 5000ms' } })
    await GenServer.start({ ...counter, init: async () => 1 }, { system })
    expect(system.clock.getPendingTimerCount()).toBe(0)
  })

  it('fails when the name is taken, and frees the name with its process [start-name]', async () => {
    const first = await GenServer.start(counter, { system, name: 'counter' })
    expect(await rejection(GenServer.start(counter, { system, name: 'counter' }))).toMatchObject({
      code: 'KEELSON_ALREADY_REGISTERED',
      registeredName: 'counter',
    })
    await GenServer.stop(first)
    await GenServer.start(counter, { system, name: 'counter' })
  })

  it('goes on with handleContinue before any other message [start-continue]', async () => {
    const seen: unknown[] = []
    const ref = await GenServer.start<string[], 'get', string>(
      {
        init: () => GenServer.continueWith<string[]>([], 'load'),
        handleContinue: async (argument, state) => {
          await system.clock.sleep(5)
          seen.push(argument)
          return [...state, String(argument)]
        },
        handleCall: (_, state) => [state, state],
        handleCast: (message, state) =>
          message === 'more' ? GenServer.continueWith([...state, message], 'again') : [...state, message],
      },
      { system },
    )
    GenServer.cast(ref, 'more')
    GenServer.cast(ref, 'last')
    const all = GenServer.call(ref, 'get')
    await clockOf().advance(20)
    expect(await all).toEqual(['load', 'more', 'again', 'last'])
  })

  it.each([
    ['behavior', () => GenServer.start(null as never)],
    ['behavior.init', () => GenServer.start({} as never)],
    ['behavior.handleCast', () => GenServer.start({ init: () => 1, handleCall: () => [1, 1] } as never)],
    ['behavior.terminate', () => GenServer.start({ ...counter, terminate: 5 } as never)],
    ['options.initTimeout', () => GenServer.start(counter, { initTimeout: -1 })],
    ['options.name', () => GenServer.start(counter, { name: '' })],
    ['options.overflow', () => GenServer.start(counter, { overflow: 'drop' as never })],
    ['options.maxMailbox', () => GenServer.start(counter, { maxMailbox: 0 })],
    ['options.timeout', () => GenServer.start(counter, { timeout: 5 } as never)],
    ['ref', () => GenServer.call({ id: 'genserver_1_x' }, 1)],
    ['options.timeout', async () => GenServer.call(await GenServer.start(counter, { system }), 'get', { timeout: -5 })],
    [
      'options.signal',
      async () => GenServer.call(await GenServer.start(counter, { system }), 'get', { signal: 5 as never }),
    ],
    ['reason', async () => GenServer.stop(await GenServer.start(counter, { system }), 'now' as never)],
  ])('refuses a bad %s', async (field, attempt) => {
    expect(await rejection(Promise.resolve().then(attempt))).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field })
  })
})

describe('ends', () => {
  it('stops after what was sent before, answers what was sent after, and runs terminate once [stop-order][terminate-once][call-gone]', async () => {
    const terminate = vi.fn()
    const ref = await GenServer.start({ ...counter, terminate }, { system })
    GenServer.cast(ref, 'add')
    const before = GenServer.call(ref, 'get')
    const stops = [GenServer.stop(ref), GenServer.stop(ref)]
    const after = rejection(GenServer.call(ref, 'get'))
    expect(await before).toBe(1)
    await Promise.all(stops)
    expect(isServerNotRunningError(await after)).toBe(true)
    expect(terminate).toHaveBeenCalledExactlyOnceWith('normal', 1)
    expect(() => GenServer.cast(ref, 'add')).toThrow(expect.objectContaining({ code: 'KEELSON_NOT_RUNNING' }))
    expect(await rejection(GenServer.call(ref, 'get'))).toMatchObject({
      message: `GenServer '${ref.id}' is not running`,
    })
    await GenServer.stop(ref)
    expect(terminate).toHaveBeenCalledOnce()
  })

  it('lets two concurrent stops of a busy process both resolve, and waits for terminate [stop-all]', async () => {
    const ref = await GenServer.start<number, string>(
      {
        init: () => 0,
        handleCall: async (_, state) => {
          await system.clock.sleep(10)
          return ['done', state]
        },
        handleCast: (_, state) => state,
        terminate: () => system.clock.sleep(10),
      },
      { system },
    )
    const answer = GenServer.call(ref, 'x')
    await turn()
    let stopped = 0
    const stops = [1, 2].map(() => GenServer.stop(ref).then(() => (stopped += 1)))
    await clockOf().advance(15)
    expect(stopped).toBe(0)
    await clockOf().advance(5)
    await Promise.all(stops)
    expect(await answer).toBe('done')
  })

  it('rejects stop with what terminate throws, and is gone all the same [stop-throw]', async () => {
    const ref = await GenServer.start({ ...counter, terminate: () => Promise.reject(new Error('stuck')) }, { system })
    await expect(GenServer.stop(ref)).rejects.toThrow('stuck')
    expect(GenServer.getStatus(ref).status).toBe('stopped')
  })

  it.each(['crash', 'forget'] as const)(
    'crashes on a cast that fails (%s), says so, and tells terminate why [crash]',
    async (how) => {
      const events: LifecycleEvent[] = []
      const terminate = vi.fn()
      GenServer.onLifecycleEvent((event) => events.push(event), system)
      const ref = await GenServer.start({ ...counter, terminate }, { system })
      GenServer.cast(ref, how)
      GenServer.cast(ref, 'add')
      const queued = rejection(GenServer.call(ref, 'get'))
      expect(isServerNotRunningError(await queued)).toBe(true)
      const [[error]] = reported as unknown as [[Error]]
      expect(terminate).toHaveBeenCalledExactlyOnceWith({ error }, 0)
      expect(events).toEqual([
        { type: 'started', ref },
        { type: 'crashed', ref, error },
        { type: 'terminated', ref, reason: { error } },
      ])
      expect(GenServer.isRunning(ref)).toBe(false)
    },
  )

  it('ends itself with stopWith [stop-self]', async () => {
    const ref = await GenServer.start<number, string>(
      {
        init: () => 0,
        handleCall: (_, state) => GenServer.stopWith(state, 'normal', 'bye'),
        handleCast: (_, state) => GenServer.stopWith(state, 'shutdown'),
      },
      { system },
    )
    expect(await GenServer.call(ref, 'x')).toBe('bye')
    await turn()
    expect(GenServer.getStatus(ref).status).toBe('stopped')
  })
})

describe('mailboxes with a bound', () => {
  const blocked = async (overflow: 'reject' | 'drop-oldest' | 'drop-newest'): Promise<[never, string[]]> => {
    const seen: string[] = []
    const ref = await GenServer.start<number, string, string>(
      {
        init: () => 0,
        handleCall: (message, state) => {
          seen.push(message)
          return [message, state]
        },
        handleCast: async (message, state) => {
          seen.push(message)
          await system.clock.sleep(10)
          return state
        },
      },
      { system, maxMailbox: 2, overflow },
    )
    GenServer.cast(ref, 'running')
    await turn()
    return [ref as never, seen]
  }

  it('refuse [bounded]', async () => {
    const [ref, seen] = await blocked('reject')
    expect(['a', 'b', 'c'].map((message) => GenServer.cast(ref, message as never))).toEqual([true, true, false])
    expect(await rejection(GenServer.call(ref, 'd' as never))).toMatchObject({
      code: 'KEELSON_MAILBOX_FULL',
      maxMailbox: 2,
    })
    await clockOf().advance(100)
    expect(seen).toEqual(['running', 'a', 'b'])
    await GenServer.stop(ref)
  })

  it('drop the oldest, and tell a caller that was dropped [bounded]', async () => {
    const [ref, seen] = await blocked('drop-oldest')
    const call = rejection(GenServer.call(ref, 'called' as never))
    expect(['a', 'b'].map((message) => GenServer.cast(ref, message as never))).toEqual([true, true])
    expect(await call).toMatchObject({ code: 'KEELSON_MAILBOX_FULL' })
    await clockOf().advance(100)
    expect(seen).toEqual(['running', 'a', 'b'])
  })
})

describe('monitors, links and timers', () => {
  const listening = (infos: Info[]): GenServerBehavior<number> => ({
    init: () => 0,
    handleCall: () => [0, 0],
    handleCast: (_, state) => state,
    handleInfo: (info, state) => {
      infos.push(info)
      return state
    },
  })

  it('tells a monitoring process and the listeners once, with the reason [monitor-once]', async () => {
    const [infos, events]: [Info[], LifecycleEvent[]] = [[], []]
    const watcher = await GenServer.start(listening(infos), { system })
    const subject = await GenServer.start(counter, { system })
    GenServer.onLifecycleEvent((event) => events.push(event), system)
    const { monitorId } = await GenServer.monitor(watcher, subject)
    const other = await GenServer.monitor(watcher, subject)
    await GenServer.demonitor(other)
    GenServer.cast(subject, 'crash')
    await turn()
    await turn()
    const reason = { type: 'error', message: 'crash' }
    expect(infos).toEqual([{ type: 'DOWN', monitorId, ref: { id: subject.id }, reason }])
    expect(events.filter(({ type }) => type === 'process_down')).toEqual([
      { type: 'process_down', ref: watcher, monitoredRef: { id: subject.id }, reason, monitorId },
    ])
    const late = await GenServer.monitor(watcher, subject)
    await turn()
    await turn()
    expect(infos.at(-1)).toEqual({
      type: 'DOWN',
      monitorId: late.monitorId,
      ref: { id: subject.id },
      reason: { type: 'noproc' },
    })
  })

  it('ends linked processes with the one that fails, except those that trap exits [link-fail]', async () => {
    const infos: Info[] = []
    const failing = await GenServer.start(counter, { system })
    const plain = await GenServer.start(counter, { system })
    const trapping = await GenServer.start(listening(infos), { system, trapExit: true })
    const unlinked = await GenServer.start(counter, { system })
    await GenServer.link(failing, plain)
    await GenServer.link(trapping, failing)
    await GenServer.unlink(await GenServer.link(failing, unlinked))
    GenServer.cast(failing, 'crash')
    for (let index = 0; index < 3; index++) await turn()
    expect([plain, trapping, unlinked].map((ref) => GenServer.isRunning(ref as never))).toEqual([false, true, true])
    expect(infos).toEqual([{ type: 'EXIT', from: { id: failing.id }, reason: { type: 'error', message: 'crash' } }])
  })

  it('tells of an end before messages of users, also where the mailbox is full [system-first]', async () => {
    const seen: string[] = []
    const watcher = await GenServer.start<number, string, string>(
      {
        init: () => 0,
        handleCall: () => [0, 0],
        handleCast: async (message, state) => {
          seen.push(message)
          await system.clock.sleep(10)
          return state
        },
        handleInfo: (info, state) => {
          seen.push(info.type)
          return state
        },
      },
      { system, maxMailbox: 1 },
    )
    const subject = await GenServer.start(counter, { system })
    await GenServer.monitor(watcher, subject)
    GenServer.cast(watcher, 'running')
    await turn()
    expect([GenServer.cast(watcher, 'queued'), GenServer.cast(watcher, 'refused')]).toEqual([true, false])
    await GenServer.stop(subject)
    await clockOf().advance(20)
    expect(seen).toEqual(['running', 'DOWN', 'queued'])
  })

  it('leaves linked processes alone when one ends normally [link-fail]', async () => {
    const [one, other] = [await GenServer.start(counter, { system }), await GenServer.start(counter, { system })]
    await GenServer.link(one, other)
    await GenServer.stop(one)
    await turn()
    expect(GenServer.isRunning(other)).toBe(true)
  })

  it('sends after a delay on the clock of the system, unless cancelled or ended [timer]', async () => {
    const ref = await GenServer.start(counter, { system })
    GenServer.sendAfter(ref, 'add', 100)
    const cancelled = GenServer.sendAfter(ref, 'add', 100)
    expect([GenServer.cancelTimer(cancelled), GenServer.cancelTimer(cancelled)]).toEqual([true, false])
    await clockOf().advance(99)
    expect(GenServer.getState(ref)).toBe(0)
    await clockOf().advance(1)
    expect(await GenServer.call(ref, 'get')).toBe(1)
    GenServer.sendAfter(ref, 'add', 100)
    await GenServer.stop(ref)
    expect(system.clock.getPendingTimerCount()).toBe(0)
  })
})

it('tells what a process is doing', async () => {
  const ref = await GenServer.start(counter, { system, name: 'counted' })
  GenServer.cast(ref, 'add')
  await GenServer.call(ref, 'get')
  clockOf().advanceBy(50)
  expect(GenServer.getStatus(ref)).toEqual({
    id: ref.id,
    name: 'counted',
    status: 'running',
    queueSize: 0,
    messageCount: 2,
    startedAt: 0,
    uptimeMs: 50,
  })
})
