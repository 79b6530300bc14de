/** Specs, handlers and answers of processes may be any value. */
import type { ControlledClock } from 'keelson/clock'
import { createProcess, createRootSupervisor, createSupervisor, ProcessIdImpl, spawn } from 'keelson/process'
import type { System } from 'keelson/system'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { rejection } from '../support/rejection.ts'
import { systemWith } from '../support/system.ts'

type Any = any // oxlint-disable-line typescript/no-explicit-any -- hostile values are of no type

let clock: ControlledClock
let system: System
let reported: unknown[]
let unhandled: unknown[]
const onUnhandled = (error: unknown): void => void unhandled.push(error)
beforeEach(() => {
  reported = []
  unhandled = []
  ;({ clock, system } = systemWith((error) => reported.push(error), { seed: 7 }))
  process.on('unhandledRejection', onUnhandled)
})
afterEach(async () => {
  await system.close()
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled).toEqual([])
})

class Odd extends Error {
  override get message(): string {
    throw new Error('no message')
  }
}
const values: [string, () => unknown][] = [
  ['an object without a prototype', () => Object.assign(Object.create(null) as object, { status: 500 })],
  ['a symbol', () => Symbol('s')],
  ['nothing', () => undefined],
  [
    'a revoked proxy',
    () => {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      return proxy
    },
  ],
  ['an error whose message throws', () => new Odd()],
]

describe('a handler', () => {
  it.each(values)('may throw %s: its asks are told, and it starts over', async (_, make) => {
    for (const isAsync of [false, true]) {
      const supervisor = createRootSupervisor({ system })
      let runs = 0
      const fails = (): never => {
        throw make()
      }
      const unit = supervisor.spawn(
        {
          name: 'a',
          init: () => ++runs,
          handle: (state: number, message: Any) => {
            if (message.reply !== undefined && message.ok === true) message.reply(state)
            if (message.ok === true) return state
            return isAsync ? Promise.reject(make() as Error) : fails()
          },
          supervision: { type: 'one-for-one' },
        },
        {},
      )
      const asked = await rejection(unit.ask((reply) => ({ reply, ok: false })))
      expect(asked.code).toBe('KEELSON_PROCESS')
      await clock.advance(5)
      expect(await unit.ask((reply) => ({ reply, ok: true }))).toBe(2)
      await supervisor.stop()
    }
  })

  it.each(values)('may be sent %s, and events name it all the same', async (_, make) => {
    const seen: Any[] = []
    const supervisor = createRootSupervisor({ system, emit: (event) => void seen.push(event) })
    const unit = supervisor.spawn({ name: 'a', init: () => 0, handle: (state: number) => state + 1 }, {})
    expect(unit.send(make())).toBe(true)
    await clock.advance(1)
    expect(unit.status()).toBe('running')
    expect(seen.filter(({ type }) => type === 'process:msg:end')).toHaveLength(1)
    await supervisor.stop()
  })
})

it('a state that is a thenable is never awaited', async () => {
  const state = {
    then: (): never => {
      throw new Error('awaited')
    },
  }
  const supervisor = createRootSupervisor({ system })
  let made = false
  const unit = supervisor.spawn(
    {
      name: 'a',
      init: () => ({ value: 0 }) as Any,
      handle: (present: Any, { reply }: Any) => {
        if (made) reply(present === state)
        // One that is returned as it was is a state, and nothing to wait for.
        Object.assign(present, { then: state.then })
        made = true
        return present
      },
    },
    {},
  )
  unit.send({})
  expect(await unit.ask((reply) => ({ reply }))).toBe(false)
  expect(unit.status()).toBe('running')
  await supervisor.stop()
})

it('what a callback returns is awaited as await does: `then` is read once, and heard once', async () => {
  let reads = 0
  const thenable = (value: unknown): Any => ({
    get then() {
      reads++
      return (resolve: (value: unknown) => void): void => {
        resolve(value)
        resolve('twice')
        throw new Error('too late')
      }
    },
  })
  const supervisor = createRootSupervisor({ system })
  const unit = supervisor.spawn(
    {
      name: 'a',
      init: () => thenable(1),
      handle: (state: number, { reply }: Any) => {
        reply(state)
        return thenable(state + 1)
      },
      onStop: () => thenable(0),
    },
    {},
  )
  expect(await unit.ask((reply) => ({ reply }))).toBe(1)
  expect(await unit.ask((reply) => ({ reply }))).toBe(2)
  await supervisor.stop()
  expect(reads).toBe(4)
})

it('an executor of tools.ask that is asynchronous may fail, which is told to who asked', async () => {
  const supervisor = createRootSupervisor({ system })
  const unit = supervisor.spawn(
    {
      name: 'a',
      init: () => 0,
      handle: async (state: number, { reply }: Any, tools) => {
        const failure = await rejection(tools.ask('x', (async () => Promise.reject(new Error('later'))) as Any))
        reply(failure.message)
        return state
      },
    },
    {},
  )
  expect(await unit.ask((reply) => ({ reply }))).toBe('later')
  await supervisor.stop()
})

it('a timeout beyond what a clock takes is a long one', async () => {
  const unit = spawn({ name: 'a', init: () => 0, handle: (n: number, { reply }: Any) => (reply(n), n) }, {}, clock)
  for (const ms of [Number.MAX_SAFE_INTEGER, Number.MAX_VALUE, Infinity]) {
    expect(await unit.ask((reply) => ({ reply }), ms as never)).toBe(0)
  }
  await unit.stop()
})

it('a jitter beyond measure delays a restart as long as a clock can, or not at all', async () => {
  const supervisor = createRootSupervisor({ system })
  const backoff = { initial: 8e15 as never, max: 8e15 as never, factor: 1, jitter: Number.MAX_VALUE }
  const spec = {
    init: () => 0,
    handle: () => {
      throw new Error('crash')
    },
    supervision: { type: 'one-for-one', backoff } as const,
  }
  const units = Array.from({ length: 12 }, (_, index) => supervisor.spawn({ name: `p${index}`, ...spec }, {}))
  for (const unit of units) unit.send(1)
  await clock.advance(0)
  expect(new Set(units.map((unit) => unit.status()))).toEqual(new Set(['starting', 'running']))
  await supervisor.stop()
  expect(reported).toEqual([])
})

describe('the older form', () => {
  it.each(values)('fails with an error when its handler throws %s', async (_, make) => {
    const supervisor = createSupervisor({ system })
    const one = await supervisor.spawn({
      handle: () => {
        throw make()
      },
    })
    await one.send('x')
    await clock.advance(1)
    expect(one.getInfo().lastError).toBeInstanceOf(Error)
    await supervisor.stop()
  })

  it('makes an id where none is given', () => {
    const [one, other] = [new ProcessIdImpl(), new ProcessIdImpl()]
    expect(one.value).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(one.equals(other)).toBe(false)
    expect(createProcess({ handle: () => {} }, { id: one, system }).id).toBe(one)
  })
})
