/** The rules of state machines, one by one; the model judges them together. */
import {
  type From,
  GenServer,
  type GenServerRef,
  Registry,
  StateMachine,
  type StateMachineBehavior,
  Supervisor,
} from 'keelson/otp'
import { createProbe } from 'keelson/testing'
import { beforeEach, describe, expect, it } from 'vitest'

import { rejection } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

type Any = any // oxlint-disable-line typescript/no-explicit-any -- handlers of a test take what it sends

const stage = useStage()
let trace: unknown[] = []
beforeEach(() => {
  trace = []
})
const note = <const T>(what: unknown, result: T): T => {
  trace.push(what)
  return result
}
const start = <S extends string>(
  states: StateMachineBehavior<S, Any, Any, Any, Any>['states'],
  more: object = {},
  options: object = {},
): Promise<GenServerRef<Any, Any, Any, Any>> => {
  const [first] = Object.keys(states) as [S]
  const behavior = { init: () => ({ state: first, data: 0 }), states, ...more }
  return StateMachine.start(behavior as never, { system: stage.system, ...options }) as never
}
const advance = (ms: number): Promise<void> => stage.clock.advance(ms)

describe('events [statem-order]', () => {
  it('of the machine come before all that wait, in order, and before postponed ones', async () => {
    const ref = await start({
      a: {
        handleCast: (message) => (message === 'go' ? { next: 'b', events: [1, 2] } : note(message, { postpone: true })),
        handleInternal: (message) => note(['internal in a', message], {}),
      },
      b: {
        handleCast: (message, _, state) => note([message, state], {}),
        handleInternal: (message) => note(['internal', message], message === 1 ? { events: [3] } : {}),
      },
    })
    for (const message of ['p', 'q', 'go', 'r']) GenServer.cast(ref, message)
    await advance(0)
    const internal = [1, 3, 2].map((message) => ['internal', message])
    expect(trace).toEqual(['p', 'q', ...internal, ['p', 'b'], ['q', 'b'], ['r', 'b']])
  })

  it('that are postponed again wait for the next change, and those of no change are not tried again', async () => {
    const ref = await start({
      a: { handleCast: (message) => (message === 'b' ? { next: 'b' } : note(message, { postpone: true })) },
      b: {
        handleCast: (message) =>
          message === 'same'
            ? { next: 'b' }
            : message === 'c'
              ? { next: 'c' }
              : note([message, 'b'], { postpone: true }),
      },
      c: { handleCast: (message) => note([message, 'c'], {}) },
    })
    for (const message of ['p', 'b', 'same', 'c']) GenServer.cast(ref, message)
    await advance(0)
    expect(trace).toEqual(['p', ['p', 'b'], ['p', 'c']])
  })

  it('go to the common handler where the state has none', async () => {
    const ref = await start(
      { a: { handleCall: (message) => ({ reply: ['a', message] }) }, b: {} },
      {
        common: {
          handleCall: (message: unknown, _: unknown, __: From, state: string) => ({ reply: [state, message] }),
          handleCast: (next: Any) => ({ next }),
        },
      },
    )
    expect(await GenServer.call(ref, 1)).toEqual(['a', 1])
    GenServer.cast(ref, 'b')
    expect(await GenServer.call(ref, 2)).toEqual(['b', 2])
  })

  it('without a handler reject their call, or go to the owner of errors; exits are ignored', async () => {
    const ref = await start({ a: { enter: () => ({ stateTimeout: 5 }) } }, {}, { name: 'mute' })
    expect(await rejection(GenServer.call(ref, 1))).toMatchObject({
      code: 'KEELSON_NOT_HANDLED',
      message: `StateMachine 'mute (${ref.id})' has no handleCall in state 'a'`,
    })
    GenServer.cast(ref, 1)
    const other = await GenServer.start({ init: () => 0 }, { system: stage.system })
    await GenServer.monitor(ref, other)
    await GenServer.stop(other)
    await advance(5)
    expect(stage.reported.map(([error]) => (error as Any).callback)).toEqual([
      "handleCast in state 'a'",
      "handleStateTimeout in state 'a'",
    ])
    expect(GenServer.isRunning(ref)).toBe(true)
  })

  it('of its own without end let the event loop turn', async () => {
    let isOver = false
    const ref = await start({
      a: { handleCast: () => ({ events: [1] }), handleInternal: () => ({ events: isOver ? [] : [1] }) },
    })
    GenServer.cast(ref, 'go')
    await new Promise((resolve) => setImmediate(resolve))
    isOver = true
    await GenServer.stop(ref)
    expect(GenServer.isRunning(ref)).toBe(false)
  })
})

describe('timeouts [statem-timeouts]', () => {
  it('of a state fire in it, and a change to another state cancels them; the same state does not', async () => {
    const ref = await start({
      a: {
        enter: () => ({ stateTimeout: { afterMs: 10, message: 'late' } }),
        handleStateTimeout: (message) => note([stage.clock.monoMs(), message], { next: 'b' }),
        handleCast: () => ({ next: 'a' }),
      },
      b: {
        enter: () => ({ stateTimeout: 10 }),
        handleCast: () => ({ next: 'c' }),
        handleStateTimeout: () => note('never', {}),
      },
      c: { handleStateTimeout: () => note('never', {}) },
    })
    GenServer.cast(ref, 'same')
    await advance(15)
    GenServer.cast(ref, 'c')
    await advance(100)
    expect(trace).toEqual([[10, 'late']])
    expect(stage.clock.getPendingTimerCount()).toBe(0)
  })

  it('of events are cancelled by any event, also one of their own', async () => {
    const ref = await start({
      a: {
        handleCast: (message) => (message === 'inner' ? { eventTimeout: 10, events: [1] } : { eventTimeout: 10 }),
        handleInternal: () => ({}),
        handleEventTimeout: () => note(stage.clock.monoMs(), {}),
        handleCall: () => ({ reply: 1 }),
      },
    })
    GenServer.cast(ref, 'a')
    await advance(9)
    GenServer.cast(ref, 'a')
    await advance(9)
    await GenServer.call(ref, 1)
    await advance(20)
    GenServer.cast(ref, 'inner')
    await advance(20)
    expect(trace).toEqual([])
    GenServer.cast(ref, 'a')
    await advance(20)
    expect(trace).toEqual([68])
  })

  it('by name outlive events and states, are started again and cancelled by their name alone', async () => {
    const common = {
      handleTimeout: (name: string, message: unknown) => note([stage.clock.monoMs(), name, message], {}),
    }
    const ref = await start(
      {
        a: { handleCast: () => ({ next: 'b', timeouts: { one: 10, two: { afterMs: 20, message: 'm' }, three: 30 } }) },
        b: {
          handleCast: (message) => ({
            next: 'a',
            timeouts: message === 'again' ? { one: 25, three: null } : { two: Infinity },
          }),
        },
      },
      { common },
    )
    GenServer.cast(ref, 'start')
    await advance(5)
    GenServer.cast(ref, 'again')
    await advance(100)
    expect(trace).toEqual([
      [20, 'two', 'm'],
      [30, 'one', undefined],
    ])
  })

  it('of no time come after what is queued, and before the next message', async () => {
    const ref = await start({
      a: {
        handleCast: (message) =>
          message === 'go' ? { stateTimeout: 0, timeouts: { x: 0 }, events: ['i'] } : note(message, {}),
        handleInternal: (message) => note(message, {}),
        handleStateTimeout: () => note('state', {}),
        handleTimeout: (name) => note(name, {}),
      },
    })
    for (const message of ['go', 'next']) GenServer.cast(ref, message)
    await advance(0)
    expect(trace).toEqual(['i', 'state', 'x', 'next'])
  })

  it('that have fired have no event when they are cancelled before it is handled', async () => {
    const ref = await start({
      a: {
        enter: () => ({ stateTimeout: 10 }),
        handleCast: () => stage.clock.sleep(20).then(() => ({ next: 'b' as const })),
        handleStateTimeout: () => note('late', {}),
      },
      b: { handleStateTimeout: () => note('late', {}) },
    })
    GenServer.cast(ref, 'slow')
    await advance(30)
    expect([trace, GenServer.getState(ref).state]).toEqual([[], 'b'])
  })

  it('reach a machine whose mailbox is full', async () => {
    const ref = await start(
      {
        a: {
          enter: () => ({ stateTimeout: 10 }),
          handleCast: () => stage.clock.sleep(20).then(() => ({})),
          handleStateTimeout: () => note('on time', {}),
        },
      },
      {},
      { maxMailbox: 1 },
    )
    GenServer.cast(ref, 1)
    await advance(1)
    expect([GenServer.cast(ref, 2), GenServer.cast(ref, 3)]).toEqual([true, false])
    await advance(40)
    expect(trace).toEqual(['on time'])
  })
})

describe('enter [statem-enter]', () => {
  it('runs at the start, at each change and with repeat, with the state it comes from', async () => {
    const enter = (data: number, previous: string, state: string): object =>
      note([state, previous, data], { data: data + 1 })
    const ref = await start({
      a: { enter, handleCast: (message: Any) => (message === 'repeat' ? { repeat: true } : { next: message }) },
      b: { enter, handleCast: (message: Any) => ({ next: message, data: 100 }) },
    } as Any)
    for (const message of ['a', 'repeat', 'b', 'a']) GenServer.cast(ref, message)
    await advance(0)
    expect(trace).toEqual([
      ['a', 'a', 0],
      ['a', 'a', 1],
      ['b', 'a', 2],
      ['a', 'b', 100],
    ])
    expect(GenServer.getState(ref)).toEqual({ state: 'a', data: 101 })
  })

  it('comes before postponed events and events of its own, after the reply', async () => {
    const ref = await start({
      a: { handleCast: () => ({ postpone: true }), handleCall: () => ({ next: 'b', reply: 'first', events: [1] }) },
      b: {
        enter: () => stage.clock.sleep(5).then(() => note('entered', undefined)),
        handleInternal: () => note('internal', {}),
        handleCast: () => note('postponed', {}),
      },
    })
    GenServer.cast(ref, 1)
    trace.push(await GenServer.call(ref, 2))
    await advance(5)
    expect(trace).toEqual(['first', 'entered', 'internal', 'postponed'])
  })

  it('may answer calls of earlier states, and start timeouts that replace those of the handler', async () => {
    const waiting: From[] = []
    const ref = await start({
      a: {
        handleCall: (_message, _data, from) => (waiting.push(from), {}),
        handleCast: () => ({ next: 'b', stateTimeout: 1 }),
      },
      b: {
        enter: () => ({ stateTimeout: 50, replies: waiting.map((from): [From, string] => [from, 'now']) }),
        handleStateTimeout: () => note(stage.clock.monoMs(), {}),
      },
    })
    const replies = [GenServer.call(ref, 1), GenServer.call(ref, 2)]
    GenServer.cast(ref, 'b')
    expect(await Promise.all(replies)).toEqual(['now', 'now'])
    await advance(100)
    expect(trace).toEqual([50])
  })
})

describe('failures [statem-failure]', () => {
  it('of a call reject it and change nothing, whether thrown or an invalid outcome', async () => {
    const outcomes: Record<string, () => unknown> = {
      throws: () => {
        throw new Error('no')
      },
      rejects: () => Promise.reject(new Error('no')),
      nothing: () => undefined,
      misspelt: () => ({ nxet: 'b', data: 5 }),
      unknown: () => ({ next: 'bb', data: 5 }),
      time: () => ({ data: 5, stateTimeout: -1 }),
      named: () => ({ data: 5, timeouts: { x: 'soon' } }),
      from: () => ({ data: 5, replies: [['me', 1]] }),
      stop: () => ({ data: 5, stop: 'because' }),
    }
    const ref = await start({ a: { handleCall: (message) => outcomes[message]?.() as Any }, b: {} })
    const failed: Record<string, string> = {}
    for (const name of Object.keys(outcomes)) failed[name] = (await rejection(GenServer.call(ref, name))).message
    expect(failed).toMatchObject({ throws: 'no', rejects: 'no' })
    expect(failed['nothing']).toContain('handleCall must be an outcome: {} keeps state and data')
    expect(failed['misspelt']).toContain('did you mean `next`')
    expect(failed['unknown']).toContain('handleCall.next must be one of a, b, got "bb": did you mean `b`')
    expect(failed['time']).toContain('handleCall.stateTimeout')
    expect(failed['named']).toContain('handleCall.timeouts.x')
    expect(failed['from']).toContain('handleCall.replies[0]')
    expect(failed['stop']).toContain('handleCall.stop')
    expect([GenServer.isRunning(ref), GenServer.getState(ref)]).toEqual([true, { state: 'a', data: 0 }])
    expect(stage.clock.getPendingTimerCount()).toBe(0)
  })

  it('of anything else crash the machine, with the last state for terminate', async () => {
    const ended: unknown[] = []
    const terminate = (reason: Any, data: unknown, state: unknown): void =>
      void ended.push([reason.error.message, data, state])
    const ref = await start(
      {
        a: { handleCast: () => ({ next: 'b', data: 1, events: [1] }) },
        b: { handleInternal: () => Promise.reject(new Error('late')) },
      },
      { terminate },
    )
    const other = await start(
      { a: { handleStateTimeout: () => undefined as Any, handleCall: () => ({ stateTimeout: 1 }) } },
      { terminate },
    )
    const third = await start({ a: { enter: () => ({ next: 'b' }) as Any } }, { terminate })
    GenServer.cast(ref, 1)
    const open = rejection(GenServer.call(other, 1))
    await advance(5)
    expect([ref, other, third].map((each) => GenServer.isRunning(each))).toEqual([false, false, false])
    expect(await open).toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
    expect(ended).toHaveLength(3)
    expect(ended).toContainEqual(['late', 1, 'b'])
    expect(stage.reported).toHaveLength(3)
  })

  it('of a call crash the machine as well with onError crash', async () => {
    const states = {
      a: {
        handleCall: () => {
          throw new Error('no')
        },
      },
    }
    const ref = await start(states, {}, { onError: 'crash' })
    await rejection(GenServer.call(ref, 1))
    expect(GenServer.isRunning(ref)).toBe(false)
  })

  it('do not include callers that give up: a postponed call of theirs is not handled again', async () => {
    const ref = await start({
      a: { handleCall: (message) => note(message, { postpone: true }), handleCast: () => ({ next: 'b' }) },
      b: { handleCall: (message) => note([message, 'b'], { reply: 1 }) },
    })
    const [late, kept] = [rejection(GenServer.call(ref, 'late', { timeout: 5 })), GenServer.call(ref, 'kept')]
    await advance(5)
    expect(await late).toMatchObject({ code: 'KEELSON_CALL_TIMEOUT' })
    GenServer.cast(ref, 'b')
    expect(await kept).toBe(1)
    expect(trace).toEqual(['late', 'kept', ['kept', 'b']])
  })

  it('of the definition and of init are refused before anything runs', async () => {
    const refused = async (behavior: unknown, options: object = {}): Promise<Any> =>
      rejection(StateMachine.start(behavior as never, { system: stage.system, ...options }))
    const init = (): object => ({ state: 'a', data: 0 })
    expect(await refused(undefined)).toMatchObject({ field: 'behavior' })
    expect(await refused({ init })).toMatchObject({ field: 'behavior.states' })
    expect(await refused({ init, states: {} })).toMatchObject({ field: 'behavior.states' })
    expect(await refused({ init, states: { a: { handelCast: () => ({}) } } })).toMatchObject({
      field: 'behavior.states.a.handelCast',
    })
    expect(await refused({ init, states: { a: { handleCast: 5 } } })).toMatchObject({
      field: 'behavior.states.a.handleCast',
    })
    expect(await refused({ init, states: { a: {} } }, { onIdle: () => 0 })).toMatchObject({ field: 'options.onIdle' })
    expect((await refused({ init: () => ({ state: 'b', data: 0 }), states: { a: {} } })).message).toContain(
      'init.state must be one of a, got "b"',
    )
    expect(await refused({ init: () => 5, states: { a: {} } })).toMatchObject({ code: 'KEELSON_INIT_FAILED' })
  })
})

describe('a machine is a process [statem-process]', () => {
  it('that can be named, monitored, linked, stopped and sent to later, and whose end rejects its open calls', async () => {
    const { system } = stage
    const ref = await start(
      {
        a: {
          handleCall: (message) => (message === 'postpone' ? { postpone: true } : {}),
          handleCast: () => note('cast', { stateTimeout: 1000, timeouts: { x: 1000 } }),
        },
      },
      { terminate: (reason: unknown, data: unknown, state: unknown) => void trace.push([reason, data, state]) },
      { name: 'machine' },
    )
    const probe = createProbe({ system })
    await GenServer.monitor(probe.ref, ref)
    await GenServer.link(probe.ref, ref)
    expect(Registry.lookup('machine', system)).toBe(ref)
    expect(GenServer.getStatus(ref).id).toMatch(/^statemachine_/)
    GenServer.sendAfter(ref, 1, 10)
    await advance(10)
    const open = [rejection(GenServer.call(ref, 'postpone')), rejection(GenServer.call(ref, 'later'))]
    await GenServer.stop(ref, 'shutdown')
    expect((await Promise.all(open)).map(({ code }) => code)).toEqual(['KEELSON_NOT_RUNNING', 'KEELSON_NOT_RUNNING'])
    await probe.expectMessage(({ type }) => type === 'EXIT')
    await probe.expectMessage(({ type, reason }) => type === 'DOWN' && reason.type === 'shutdown')
    expect(trace).toEqual(['cast', ['shutdown', 0, 'a']])
    expect(stage.clock.getPendingTimerCount()).toBe(0)
  })

  it('that a supervisor restarts in its first state', async () => {
    const { system } = stage
    const states = {
      a: { handleCast: () => ({ next: 'b' as const }), handleCall: () => ({ reply: 'a' }) },
      b: { handleCast: () => undefined as Any },
    }
    const supervisor = await Supervisor.start({ system, children: [{ id: 'machine', start: () => start(states) }] })
    const refOf = (): GenServerRef => Supervisor.getChild(supervisor, 'machine')?.ref as GenServerRef
    for (const message of [1, 2]) GenServer.cast(refOf(), message)
    await expect.poll(() => Supervisor.getChild(supervisor, 'machine')?.restartCount).toBe(1)
    expect(await GenServer.call(refOf(), 1)).toBe('a')
  })

  it('that stops by an outcome, after the replies, and ends with idleTimeoutMs', async () => {
    const ref = await start({
      a: {
        handleCall: () => ({ reply: 'bye', stop: 'shutdown', events: [1] }),
        handleInternal: () => note('never', {}),
      },
    })
    expect(await GenServer.call(ref, 1)).toBe('bye')
    expect([GenServer.isRunning(ref), trace]).toEqual([false, []])
    const idle = await start({ a: { handleCall: () => ({ reply: 1 }) } }, {}, { idleTimeoutMs: 50 })
    await advance(20)
    await GenServer.call(idle, 1)
    await advance(49)
    expect(GenServer.isRunning(idle)).toBe(true)
    await advance(1)
    expect(GenServer.isRunning(idle)).toBe(false)
  })

  it('whose handlers know it, and whose work ends with the call that is handled, also when it was postponed', async () => {
    const signals: AbortSignal[] = []
    const ref = await start({
      a: { handleCall: () => ({ postpone: true }), handleCast: () => ({ next: 'b' }) },
      b: {
        handleCall: async (_message, data) => {
          signals.push(GenServer.signal())
          await undefined
          trace.push(GenServer.self())
          return { data }
        },
      },
    })
    const call = rejection(GenServer.call(ref, 1, { timeout: 20 }))
    GenServer.cast(ref, 'b')
    await advance(19)
    expect([signals[0]?.aborted, trace]).toEqual([false, [ref]])
    await advance(1)
    expect([signals[0]?.aborted, (await call).code]).toEqual([true, 'KEELSON_CALL_TIMEOUT'])
  })
})
