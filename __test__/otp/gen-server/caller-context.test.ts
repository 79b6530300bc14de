/** The option `context` of `GenServer.start`. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { Agent, GenServer, type GenServerBehavior } from 'keelson/otp'
import { describe, expect, it } from 'vitest'

import { rejection } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()
const request = new AsyncLocalStorage<string>()
const seen: unknown[] = []
const behavior: GenServerBehavior<number, string, string, unknown> = {
  init: () => ((seen.length = 0), 0),
  handleCall: async (_, state) => {
    const before = request.getStore()
    await stage.turn()
    return [[before, request.getStore()], state]
  },
  handleCast: (message, state) => {
    seen.push([message, request.getStore()])
    return state
  },
}
const start = (options: object = {}) => GenServer.start(behavior, { system: stage.system, ...options })

describe('context [caller-context]', () => {
  it('runs handlers in the context of their sender, each in its own, also after an await', async () => {
    const ref = await request.run('start', () => start({ context: 'caller' }))
    const [one, other, none] = await Promise.all([
      request.run('one', () => GenServer.call(ref, 'a')),
      request.run('other', () => GenServer.call(ref, 'a')),
      GenServer.call(ref, 'a'),
    ])
    expect([one, other, none]).toEqual([
      ['one', 'one'],
      ['other', 'other'],
      [undefined, undefined],
    ])
    request.run('cast', () => GenServer.cast(ref, 'm'))
    GenServer.cast(ref, 'n')
    request.run('later', () => GenServer.sendAfter(ref, 'l', 5))
    await stage.clock.advance(5)
    expect(seen).toEqual([
      ['m', 'cast'],
      ['n', undefined],
      ['l', 'later'],
    ])
  })

  it('is off by default: handlers run in the context in which the process was started', async () => {
    const ref = await request.run('start', () => start())
    expect(await request.run('one', () => GenServer.call(ref, 'a'))).toEqual(['start', 'start'])
  })

  it('passes a context on through processes, keeps self, and finds cycles', async () => {
    const inner = await start({ context: 'caller' })
    const outer = await GenServer.start(
      {
        init: () => 0,
        handleCall: async (message: 'ask' | 'cycle', state: number) => {
          const self = GenServer.self()
          if (message === 'cycle') return [await rejection(GenServer.call(self, 'ask' as never)), state] as never
          return [[GenServer.self() === self, await GenServer.call(inner, 'a')], state] as never
        },
      },
      { system: stage.system, context: 'caller' },
    )
    expect(await request.run('one', () => GenServer.call(outer, 'ask'))).toEqual([true, ['one', 'one']])
    expect(await request.run('one', () => GenServer.call(outer, 'cycle'))).toMatchObject({ code: 'KEELSON_CALL_CYCLE' })
  })

  it('holds in a bounded mailbox and for agents, and names messages of crashes', async () => {
    const ref = await start({ context: 'caller', maxMailbox: 1, overflow: 'reject' })
    expect([1, 2].map(() => request.run('r', () => GenServer.cast(ref, 'm')))).toEqual([true, false])
    await stage.turn()
    expect(seen).toEqual([['m', 'r']])
    const agent = await Agent.start(() => 0, { system: stage.system, context: 'caller' })
    expect(await request.run('a', () => Agent.get(agent, () => request.getStore()))).toBe('a')
    expect(await rejection(start({ context: 'callers' }))).toMatchObject({ field: 'options.context' })
  })
})
