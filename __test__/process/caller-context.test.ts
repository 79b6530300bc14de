/** The option `context` of a spec of `keelson/process`. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { createRootSupervisor, type ProcessSpec, type Tools } from 'keelson/process'
import { beforeEach, describe, expect, it } from 'vitest'

import { useWorld } from '../support/processes.ts'
import { rejection, thrown } from '../support/rejection.ts'

const world = useWorld()
const request = new AsyncLocalStorage<string>()
let seen: unknown[] = []

interface Message {
  readonly type: 'note' | 'ask' | 'later' | 'fail' | 'hold'
  readonly n?: number
  readonly reply?: (value: unknown) => void
  readonly until?: Promise<void>
}

const note = (what: string, message?: Message): void => void seen.push([what, message?.n, request.getStore()])

/** A process that notes in which context its functions run. */
const spec: ProcessSpec<Message, number> = {
  name: 'noting',
  init: () => (note('init'), 0),
  handle: async (state, message, tools: Tools<Message>) => {
    note(message.type, message)
    if (message.type === 'later') tools.schedule(5, { type: 'note', n: message.n ?? 0 })
    await message.until
    if (message.type === 'fail') throw new Error('fails')
    message.reply?.(request.getStore())
    return state
  },
  context: 'caller',
}
const spawn = (options: Partial<ProcessSpec<Message, number>> = {}) =>
  request.run('spawn', () => world().supervisor.spawn({ ...spec, ...options }, undefined))

beforeEach(() => {
  seen = []
})

describe('context of keelson/process [caller-context]', () => {
  it('runs handle in the context of its sender, each in its own, also after an await', async () => {
    const ref = spawn()
    const { turn } = world()
    const ask = () => ref.ask<unknown>((reply) => ({ type: 'ask', reply, until: turn() }))
    const asks = [request.run('one', ask), request.run('other', ask), ask()]
    expect(await Promise.all(asks)).toEqual(['one', 'other', undefined])
    request.run('send', () => ref.send({ type: 'note', n: 1 }))
    ref.send({ type: 'note', n: 2 })
    await turn()
    expect(seen.slice(-2)).toEqual([
      ['note', 1, 'send'],
      ['note', 2, undefined],
    ])
  })

  it('runs a scheduled message in the context of the message that scheduled it', async () => {
    const ref = spawn()
    request.run('one', () => ref.send({ type: 'later', n: 1 }))
    request.run('other', () => ref.send({ type: 'later', n: 2 }))
    await world().clock.advance(5)
    expect(seen.slice(-2)).toEqual([
      ['note', 1, 'one'],
      ['note', 2, 'other'],
    ])
  })

  it('keeps init, also of a restart, in the context in which the process was spawned', async () => {
    const ref = spawn()
    request.run('one', () => ref.send({ type: 'fail' }))
    await world().clock.advance(200)
    request.run('other', () => ref.send({ type: 'note', n: 1 }))
    await world().turn()
    expect(seen).toEqual([
      ['init', undefined, 'spawn'],
      ['fail', undefined, 'one'],
      ['init', undefined, 'spawn'],
      ['note', 1, 'other'],
    ])
  })

  it('holds for messages that waited while the process started, and for a handler that is not asynchronous', async () => {
    const ref = spawn({ handle: (state, message) => (note(message.type, message), state) })
    request.run('early', () => ref.send({ type: 'note', n: 1 }))
    await world().turn()
    for (const who of ['one', 'other']) request.run(who, () => ref.send({ type: 'note', n: 2 }))
    await world().turn()
    expect(seen.slice(1)).toEqual([
      ['note', 1, 'early'],
      ['note', 2, 'one'],
      ['note', 2, 'other'],
    ])
  })

  it('is off by default: handle runs in the context in which the process was spawned', async () => {
    const ref = spawn({ context: 'process' })
    const ask = () => ref.ask<unknown>((reply) => ({ type: 'ask', reply }))
    expect(await request.run('one', ask)).toBe('spawn')
    expect(await request.run('one', () => spawn({ context: undefined as never }).ask(askFor))).toBe('spawn')
  })

  it('passes a context on through processes, and refuses an ask that would wait for itself', async () => {
    const inner = spawn()
    const outer = world().supervisor.spawn<{ how: 'on' | 'cycle'; reply: (value: unknown) => void }>(
      {
        name: 'outer',
        init: () => 0,
        handle: async (state, { how, reply }) => {
          if (how === 'on') reply(await inner.ask(askFor))
          else reply(await rejection(outer.ask((again) => ({ how: 'on', reply: again }))))
          return state
        },
        context: 'caller',
      },
      undefined,
    )
    const ask = (how: 'on' | 'cycle') => request.run('one', () => outer.ask<unknown>((reply) => ({ how, reply })))
    expect(await ask('on')).toBe('one')
    expect(await ask('cycle')).toMatchObject({ message: expect.stringContaining('wait for itself') })
  })

  it('resolves a stop from inside its own handler at once, after an await too', async () => {
    const ref = world().supervisor.spawn(
      {
        name: 'stops itself',
        init: () => 0,
        handle: async (state: number) => {
          await world().turn()
          await ref.stop()
          note('stopped')
          return state
        },
        context: 'caller',
      },
      undefined,
    )
    request.run('one', () => ref.send('stop'))
    await expect.poll(() => ref.status()).toBe('stopped')
    expect(seen).toEqual([['stopped', undefined, 'one']])
  })

  it('names messages in events by their own type, and drops the oldest of a full mailbox', async () => {
    const { told, turn, clock } = world()
    const ref = spawn({ maxInbox: 1, mailboxPolicy: 'drop-oldest' })
    await turn()
    let release = (): void => undefined
    ref.send({ type: 'hold', until: new Promise((resolve) => (release = resolve)) })
    await turn()
    for (const n of [1, 2]) request.run(`${n}`, () => ref.send({ type: 'note', n }))
    release()
    await turn()
    expect(told('process:msg:dropped')).toEqual([{ type: 'process:msg:dropped', msgType: 'Object' }])
    expect(seen.at(-1)).toEqual(['note', 2, '2'])
    const refusing = spawn({ maxInbox: 1 })
    await turn()
    refusing.send({ type: 'later' })
    await turn()
    refusing.send({ type: 'hold', until: clock.sleep(50) })
    await turn()
    refusing.send({ type: 'note' })
    await clock.advance(50)
    expect(told('process:schedule:dropped')).toEqual([{ type: 'process:schedule:dropped', msgType: 'Object' }])
  })

  it('refuses any other word, and starts nothing', () => {
    const { system } = world()
    const supervisor = createRootSupervisor({ system })
    const start = () => supervisor.spawn({ ...spec, context: 'callers' as never }, undefined)
    expect(thrown(start)).toMatchObject({ field: 'spec.context' })
    expect(supervisor.children()).toEqual([])
  })
})

function askFor(reply: (value: unknown) => void): Message {
  return { type: 'ask', reply }
}
