import { GenServer, type GenServerBehavior, type Info, isServerNotRunningError, type LifecycleEvent } from 'keelson'
import { describe, expect, it, vi } from 'vitest'

import { counter } from '../../support/counter.ts'
import { rejection } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()

describe('start', () => {
  it('resolves once init has made a state, and makes ids that can be told apart [start-ready]', async () => {
    const slow = GenServer.start(
      { ...counter, init: () => stage.system.clock.sleep(100).then(() => 7) },
      { system: stage.system },
    )
    await stage.clock.advance(100)
    const [one, other] = [await slow, await GenServer.start(counter, { system: stage.system })]
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
    GenServer.onLifecycleEvent((event) => events.push(event), stage.system)
    const error = await rejection(
      GenServer.start({ ...counter, init: init as never }, { system: stage.system, name: 'x' }),
    )
    expect(error).toMatchObject({ code: 'KEELSON_INIT_FAILED', cause: { message: expect.stringContaining(message) } })
    expect(events).toEqual([])
    await GenServer.start(counter, { system: stage.system, name: 'x' })
  })

  it('fails when init takes too long; no timer is left when it does not [start-failed]', async () => {
    const never = rejection(
      GenServer.start({ ...counter, init: () => new Promise<number>(() => {}) }, { system: stage.system }),
    )
    await stage.clock.advance(5000)
    expect(await never).toMatchObject({ cause: { message: 'Init timed out after 5000ms' } })
    await GenServer.start({ ...counter, init: async () => 1 }, { system: stage.system })
    expect(stage.system.clock.getPendingTimerCount()).toBe(0)
  })

  it('fails when the name is taken, and frees the name with its process [start-name]', async () => {
    const first = await GenServer.start(counter, { system: stage.system, name: 'counter' })
    expect(await rejection(GenServer.start(counter, { system: stage.system, name: 'counter' }))).toMatchObject({
      code: 'KEELSON_ALREADY_REGISTERED',
      registeredName: 'counter',
    })
    await GenServer.stop(first)
    await GenServer.start(counter, { system: stage.system, name: 'counter' })
  })

  it('goes on with handleContinue before any other message [start-continue]', async () => {
    const seen: unknown[] = []
    const ref = await GenServer.start<string[], 'get', string>(
      {
        init: () => GenServer.continueWith<string[]>([], 'load'),
        handleContinue: async (argument, state) => {
          await stage.system.clock.sleep(5)
          seen.push(argument)
          return [...state, String(argument)]
        },
        handleCall: (_, state) => [state, state],
        handleCast: (message, state) =>
          message === 'more' ? GenServer.continueWith([...state, message], 'again') : [...state, message],
      },
      { system: stage.system },
    )
    GenServer.cast(ref, 'more')
    GenServer.cast(ref, 'last')
    const all = GenServer.call(ref, 'get')
    await stage.clock.advance(20)
    expect(await all).toEqual(['load', 'more', 'again', 'last'])
  })

  it.each([
    ['behavior', () => GenServer.start(null as never)],
    ['behavior.init', () => GenServer.start({} as never)],
    ['behavior.handleCast', () => GenServer.start({ init: () => 1, handleCast: 5 } as never)],
    ['behavior.handleCall', () => GenServer.start({ init: () => 1, handleCall: null } as never)],
    ['behavior.terminate', () => GenServer.start({ ...counter, terminate: 5 } as never)],
    ['options.initTimeout', () => GenServer.start(counter, { initTimeout: -1 })],
    ['options.name', () => GenServer.start(counter, { name: '' })],
    ['options.overflow', () => GenServer.start(counter, { overflow: 'drop' as never })],
    ['options.maxMailbox', () => GenServer.start(counter, { maxMailbox: 0 })],
    ['options.timeout', () => GenServer.start(counter, { timeout: 5 } as never)],
    ['ref', () => GenServer.call('genserver_1_x' as never, 1)],
    [
      'options.timeout',
      async () => GenServer.call(await GenServer.start(counter, { system: stage.system }), 'get', { timeout: -5 }),
    ],
    [
      'options.signal',
      async () =>
        GenServer.call(await GenServer.start(counter, { system: stage.system }), 'get', { signal: 5 as never }),
    ],
    ['reason', async () => GenServer.stop(await GenServer.start(counter, { system: stage.system }), 'now' as never)],
  ])('refuses a bad %s', async (field, attempt) => {
    expect(await rejection(Promise.resolve().then(attempt))).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field })
  })
})

describe('ends', () => {
  it('stops after what was sent before, answers what was sent after, and runs terminate once [stop-order][terminate-once][call-gone]', async () => {
    const terminate = vi.fn()
    const ref = await GenServer.start({ ...counter, terminate }, { system: stage.system })
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
          await stage.system.clock.sleep(10)
          return ['done', state]
        },
        handleCast: (_, state) => state,
        terminate: () => stage.system.clock.sleep(10),
      },
      { system: stage.system },
    )
    const answer = GenServer.call(ref, 'x')
    await stage.turn()
    let stopped = 0
    const stops = [1, 2].map(() => GenServer.stop(ref).then(() => (stopped += 1)))
    await stage.clock.advance(15)
    expect(stopped).toBe(0)
    await stage.clock.advance(5)
    await Promise.all(stops)
    expect(await answer).toBe('done')
  })

  it('rejects stop with what terminate throws, and is gone all the same [stop-throw]', async () => {
    const ref = await GenServer.start(
      { ...counter, terminate: () => Promise.reject(new Error('stuck')) },
      { system: stage.system },
    )
    await expect(GenServer.stop(ref)).rejects.toThrow('stuck')
    expect(GenServer.getStatus(ref).status).toBe('stopped')
  })

  it.each(['crash', 'forget'] as const)(
    'crashes on a cast that fails (%s), says so, and tells terminate why [crash]',
    async (how) => {
      const events: LifecycleEvent[] = []
      const terminate = vi.fn()
      GenServer.onLifecycleEvent((event) => events.push(event), stage.system)
      const ref = await GenServer.start({ ...counter, terminate }, { system: stage.system })
      GenServer.cast(ref, how)
      GenServer.cast(ref, 'add')
      const queued = rejection(GenServer.call(ref, 'get'))
      expect(isServerNotRunningError(await queued)).toBe(true)
      const [[error]] = stage.reported as unknown as [[Error]]
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
      { system: stage.system },
    )
    expect(await GenServer.call(ref, 'x')).toBe('bye')
    await stage.turn()
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
          await stage.system.clock.sleep(10)
          return state
        },
      },
      { system: stage.system, maxMailbox: 2, overflow },
    )
    GenServer.cast(ref, 'running')
    await stage.turn()
    return [ref as never, seen]
  }

  it('refuse [bounded]', async () => {
    const [ref, seen] = await blocked('reject')
    expect(['a', 'b', 'c'].map((message) => GenServer.cast(ref, message as never))).toEqual([true, true, false])
    expect(await rejection(GenServer.call(ref, 'd' as never))).toMatchObject({
      code: 'KEELSON_MAILBOX_FULL',
      maxMailbox: 2,
    })
    await stage.clock.advance(100)
    expect(seen).toEqual(['running', 'a', 'b'])
    await GenServer.stop(ref)
  })

  it('drop the oldest, and tell a caller that was dropped [bounded]', async () => {
    const [ref, seen] = await blocked('drop-oldest')
    const call = rejection(GenServer.call(ref, 'called' as never))
    expect(['a', 'b'].map((message) => GenServer.cast(ref, message as never))).toEqual([true, true])
    expect(await call).toMatchObject({ code: 'KEELSON_MAILBOX_FULL' })
    await stage.clock.advance(100)
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
    const watcher = await GenServer.start(listening(infos), { system: stage.system })
    const subject = await GenServer.start(counter, { system: stage.system })
    GenServer.onLifecycleEvent((event) => events.push(event), stage.system)
    const { monitorId } = await GenServer.monitor(watcher, subject)
    const other = await GenServer.monitor(watcher, subject)
    await GenServer.demonitor(other)
    GenServer.cast(subject, 'crash')
    await stage.turn()
    await stage.turn()
    const reason = { type: 'error', message: 'crash' }
    expect(infos).toEqual([{ type: 'DOWN', monitorId, ref: { id: subject.id }, reason }])
    expect(events.filter(({ type }) => type === 'down')).toEqual([
      { type: 'down', ref: watcher, monitoredRef: { id: subject.id }, reason, monitorId },
    ])
    const late = await GenServer.monitor(watcher, subject)
    await stage.turn()
    await stage.turn()
    expect(infos.at(-1)).toEqual({
      type: 'DOWN',
      monitorId: late.monitorId,
      ref: { id: subject.id },
      reason: { type: 'noproc' },
    })
  })

  it('ends linked processes with the one that fails, except those that trap exits [link-fail]', async () => {
    const infos: Info[] = []
    const failing = await GenServer.start(counter, { system: stage.system })
    const plain = await GenServer.start(counter, { system: stage.system })
    const trapping = await GenServer.start(listening(infos), { system: stage.system, trapExit: true })
    const unlinked = await GenServer.start(counter, { system: stage.system })
    await GenServer.link(failing, plain)
    await GenServer.link(trapping, failing)
    await GenServer.unlink(await GenServer.link(failing, unlinked))
    GenServer.cast(failing, 'crash')
    for (let index = 0; index < 3; index++) await stage.turn()
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
          await stage.system.clock.sleep(10)
          return state
        },
        handleInfo: (info, state) => {
          seen.push(info.type)
          return state
        },
      },
      { system: stage.system, maxMailbox: 1 },
    )
    const subject = await GenServer.start(counter, { system: stage.system })
    await GenServer.monitor(watcher, subject)
    GenServer.cast(watcher, 'running')
    await stage.turn()
    expect([GenServer.cast(watcher, 'queued'), GenServer.cast(watcher, 'refused')]).toEqual([true, false])
    await GenServer.stop(subject)
    await stage.clock.advance(20)
    expect(seen).toEqual(['running', 'DOWN', 'queued'])
  })

  it('leaves linked processes alone when one ends normally [link-fail]', async () => {
    const [one, other] = [
      await GenServer.start(counter, { system: stage.system }),
      await GenServer.start(counter, { system: stage.system }),
    ]
    await GenServer.link(one, other)
    await GenServer.stop(one)
    await stage.turn()
    expect(GenServer.isRunning(other)).toBe(true)
  })

  it('sends after a delay on the clock of the system, unless cancelled or ended [timer]', async () => {
    const ref = await GenServer.start(counter, { system: stage.system })
    GenServer.sendAfter(ref, 'add', 100)
    const cancelled = GenServer.sendAfter(ref, 'add', 100)
    expect([GenServer.cancelTimer(cancelled), GenServer.cancelTimer(cancelled)]).toEqual([true, false])
    await stage.clock.advance(99)
    expect(GenServer.getState(ref)).toBe(0)
    await stage.clock.advance(1)
    expect(await GenServer.call(ref, 'get')).toBe(1)
    GenServer.sendAfter(ref, 'add', 100)
    await GenServer.stop(ref)
    expect(stage.system.clock.getPendingTimerCount()).toBe(0)
  })
})

it('tells what a process is doing', async () => {
  const ref = await GenServer.start(counter, { system: stage.system, name: 'counted' })
  GenServer.cast(ref, 'add')
  await GenServer.call(ref, 'get')
  stage.clock.advanceBy(50)
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
