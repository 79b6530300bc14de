import { isProcessError, isTimeoutError, type ProcessRef, TimeoutError } from 'keelson/process'
import { describe, expect, it } from 'vitest'
import { useWorld } from '../support/processes.ts'
import { rejection } from '../support/rejection.ts'

const world = useWorld()

describe('ask', () => {
  it('is answered by the first reply, also one that comes after the handler', async () => {
    const { supervisor, clock } = world()
    const ref = supervisor.spawn(
      {
        name: 'late',
        init: () => 0,
        handle: (state, message) => {
          void clock.sleep(10).then(() => {
            message.reply('first')
            message.reply('second')
          })
          return state
        },
      },
      {},
    )
    const answer = ref.ask((reply) => ({ reply }))
    await clock.advance(10)
    expect(await answer).toBe('first')
  })

  it('times out by name, and one that has not begun by then is never run', async () => {
    const { supervisor, clock } = world()
    const seen: unknown[] = []
    const ref = supervisor.spawn(
      {
        name: 'slow',
        init: () => 0,
        handle: async (state, message) => {
          seen.push(message.n)
          await clock.sleep(200)
          return state
        },
      },
      {},
    )
    const first = rejection(ref.ask((reply) => ({ n: 1, reply }), 100))
    const second = rejection(ref.ask((reply) => ({ n: 2, reply }), 100))
    await clock.advance(1000)
    const errors = [await first, await second]
    for (const error of errors) {
      expect(error).toBeInstanceOf(TimeoutError)
      expect(isTimeoutError(error)).toBe(true)
      expect(error).toMatchObject({ name: 'TimeoutError', message: 'Ask timeout after 100ms', timeoutMs: 100 })
    }
    expect(seen).toEqual([1])
  })

  it('leaves no timer behind: 5000 answered asks, none pending', async () => {
    const { supervisor, clock } = world()
    const ref = supervisor.spawn(
      {
        name: 'echo',
        init: () => 0,
        handle: (state, message) => {
          message.reply(message.n)
          return state
        },
        maxInbox: 10_000,
      },
      {},
    )
    const answers = await Promise.all(Array.from({ length: 5000 }, (_, n) => ref.ask((reply) => ({ n, reply }))))
    expect(answers).toEqual(Array.from({ length: 5000 }, (_, n) => n))
    expect(clock.getPendingTimerCount()).toBe(0)
  })

  it('is refused by a full mailbox, and a send there is false', async () => {
    const { supervisor, clock, told } = world()
    const ref = supervisor.spawn(
      { name: 'small', init: () => clock.sleep(1), handle: (state) => state, maxInbox: 2 },
      {},
    )
    expect([ref.send(1), ref.send(2), ref.send(3)]).toEqual([true, true, false])
    const error = await rejection(ref.ask((reply) => ({ reply })))
    expect(isProcessError(error)).toBe(true)
    expect(error).toMatchObject({ message: 'Failed to send ask message', processId: ref.id })
    expect(told('process:mailbox:full')).toEqual([
      { type: 'process:mailbox:full', policy: 'reject', size: 2 },
      { type: 'process:mailbox:full', policy: 'reject', size: 2 },
    ])
    expect(told('process:mailbox:enqueue').map(({ size }) => size)).toEqual([1, 2])
  })

  it('can displace the oldest message, which is an event', async () => {
    const { supervisor, clock, told } = world()
    const seen: unknown[] = []
    const ref = supervisor.spawn(
      {
        name: 'newest',
        init: () => clock.sleep(1),
        handle: (state, message) => {
          seen.push(message)
          return state
        },
        maxInbox: 2,
        mailboxPolicy: 'drop-oldest',
      },
      {},
    )
    expect(['a', 'b', 'c'].map((message) => ref.send(message))).toEqual([true, true, true])
    await clock.advance(1)
    expect(seen).toEqual(['b', 'c'])
    expect(told('process:mailbox:full', 'process:msg:dropped')).toEqual([
      { type: 'process:mailbox:full', policy: 'drop-oldest', size: 2 },
      { type: 'process:msg:dropped', msgType: 'String' },
    ])
  })

  it('that would wait for itself is refused at once', async () => {
    const { supervisor } = world()
    const ref: ProcessRef = supervisor.spawn(
      {
        name: 'self',
        init: () => 0,
        handle: async (state, message) => {
          const error = await rejection(ref.ask((reply) => ({ reply })))
          message.reply(error.message)
          return state
        },
      },
      {},
    )
    expect(await ref.ask((reply) => ({ reply }))).toMatch('wait for itself')
  })

  it('and sends to one hundred thousand queued messages cost the same each', async () => {
    const { supervisor } = world()
    const ref = supervisor.spawn(
      {
        name: 'deep',
        init: () => 0,
        handle: (count, message) => {
          message?.reply?.(count)
          return count + 1
        },
        maxInbox: 200_000,
      },
      {},
    )
    for (let index = 0; index < 100_000; index++) ref.send(1)
    expect(await ref.ask((reply) => ({ reply }), Infinity)).toBe(100_000)
  })

  it('rejects what build throws', async () => {
    const { supervisor } = world()
    const ref = supervisor.spawn({ name: 'x', init: () => 0, handle: (state) => state }, {})
    await expect(
      ref.ask(() => {
        throw new Error('build')
      }),
    ).rejects.toThrow('build')
    await expect(ref.ask(() => ({}), NaN)).rejects.toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field: 'timeout' })
  })
})

describe('messages', () => {
  it('are told as they are handled', async () => {
    const { supervisor, clock, told } = world()
    class Greeting {
      readonly text = 'ahoy'
    }
    const ref = supervisor.spawn(
      {
        name: 'x',
        init: () => 0,
        handle: async (state, message) => {
          await clock.sleep(5)
          if (message instanceof Greeting) return state + 1
          throw new Error('no greeting')
        },
      },
      {},
    )
    ref.send(new Greeting())
    ref.send({})
    await clock.advance(20)
    expect(told('process:msg:start', 'process:msg:end', 'process:msg:error')).toMatchObject([
      { type: 'process:msg:start', msgType: 'Greeting', seq: 1, at: { monoMs: 0 } },
      { type: 'process:msg:end', msgType: 'Greeting', seq: 1, durationMs: 5 },
      { type: 'process:msg:start', msgType: 'Object', seq: 2 },
      { type: 'process:msg:error', msgType: 'Object', seq: 2, error: { message: 'no greeting' } },
    ])
  })

  it('whose handler forgets the state fail the process instead of losing it', async () => {
    const { supervisor, clock, told } = world()
    const supervision = { type: 'none' } as const
    const ref = supervisor.spawn(
      { name: 'forgetful', init: () => 0, handle: () => undefined as never, supervision },
      {},
    )
    ref.send(1)
    await clock.flush()
    expect(ref.status()).toBe('failed')
    expect(told('process:fail')[0].error.message).toBe("handle of process 'forgetful' has to return the next state")
  })
})

describe('refused', () => {
  it.each([
    ['spec', null],
    ['spec.name', { name: '' }],
    ['spec.init', { init: 1 }],
    ['spec.handle', { handle: undefined }],
    ['spec.maxInbox', { maxInbox: 0 }],
    ['spec.mailboxPolicy', { mailboxPolicy: 'drop' }],
    ['spec.maxInBox', { maxInBox: 3 }],
    ['spec.supervision.type', { supervision: { type: 'one-for-all' } }],
    [
      'spec.supervision.backoff.factor',
      { supervision: { type: 'one-for-one', backoff: { initial: 1, max: 1, factor: 0.5 } } },
    ],
    [
      'spec.supervision.backoff.initial',
      { supervision: { type: 'one-for-one', backoff: { initial: NaN, max: 1, factor: 1 } } },
    ],
    [
      'spec.supervision.maxRestarts.count',
      { supervision: { type: 'one-for-one', maxRestarts: { count: -1, within: 1 } } },
    ],
    [
      'spec.supervision.maxRestarts.within',
      { supervision: { type: 'one-for-one', maxRestarts: { count: 1, within: 0 } } },
    ],
  ])('%s', (field, change) => {
    const { supervisor, events } = world()
    const spec = { name: 'x', init: () => 0, handle: (state: number) => state }
    const bad = change === null ? null : { ...spec, ...change }
    expect(() => supervisor.spawn(bad as never, {})).toThrow(
      expect.objectContaining({ code: 'KEELSON_INVALID_ARGUMENT', field }),
    )
    expect(events).toEqual([])
    expect(supervisor.children()).toEqual([])
  })
})
