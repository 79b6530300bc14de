/** A hostile value ends only the effect that it enters. Others go on, and the owner hears of it. */
import { createControlledClock } from 'keelson/clock'
import {
  createCancelToken,
  effect,
  fromPromise,
  isEffect,
  repeat,
  retry,
  schedule,
  sleep,
  succeed,
  timeout,
} from 'keelson/effect'
import { withSystem } from 'keelson/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'

import { systemWith } from '../support/system.ts'

const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}
const trap = (name: string): object =>
  Object.defineProperty({}, name, {
    enumerable: true,
    get() {
      throw new Error(`the getter ${name}`)
    },
  })
const hostile = new Proxy(
  {},
  {
    get() {
      throw new Error('a proxy that throws')
    },
    getPrototypeOf() {
      throw new Error('a proxy that throws')
    },
    has() {
      throw new Error('a proxy that throws')
    },
  },
)

const VALUES: readonly [string, () => unknown][] = [
  ['nothing', () => undefined],
  ['null', () => null],
  ['a symbol', () => Symbol('x')],
  ['a bigint', () => 5n],
  ['an object without prototype', () => Object.create(null)],
  ['a revoked proxy', revoked],
  ['a proxy that throws', () => hostile],
  ['a getter of then that throws', () => trap('then')],
  ['a getter of _tag that throws', () => trap('_tag')],
  [
    'an error whose cause throws',
    () => Object.defineProperties(new Error('x'), Object.getOwnPropertyDescriptors(trap('cause'))),
  ],
  [
    'an error whose message throws',
    () => Object.defineProperties(new Error('x'), Object.getOwnPropertyDescriptors(trap('message'))),
  ],
  ['a success that throws', () => Object.assign(trap('value'), { _tag: 'Ok' })],
  ['a failure that throws', () => Object.assign(trap('error'), { _tag: 'Err' })],
]

function world() {
  const reported: unknown[] = []
  const { clock, system } = systemWith((error) => reported.push(error))
  onTestFinished(() => system.close())
  return { reported, clock, system }
}

describe.each(VALUES)('%s', (_, make) => {
  const value = make()

  it('thrown by the function of an effect is its error, and others run', async () => {
    const { system } = world()
    const bad = effect(() => {
      throw value
    })
    const ended = (await bad.unsafeRunPromise({ system })) as { _tag: string; error: unknown }
    expect([ended._tag, ended.error === value]).toEqual(['Err', true])
    const asked = effect(async () => {
      throw value
    })
    expect((await asked.unsafeRunPromise({ system }))._tag).toBe('Err')
    // As an error of run() it is one, with a text.
    const thrown: unknown = await bad.run({ system }).catch((error: unknown) => error)
    expect(thrown === value || typeof (thrown as { message: unknown }).message === 'string').toBe(true)
    expect(await succeed(1).run({ system })).toBe(1)
  })

  it('returned by the function of an effect ends it at once, as a value or as the error of reading it', async () => {
    const { system } = world()
    const result = await effect(() => value).unsafeRunPromise({ system })
    expect(['Ok', 'Err']).toContain(result._tag)
    const inner = await succeed(value)
      .flatMap((given) => effect(() => [given]))
      .unsafeRunPromise({ system })
    expect(inner._tag).toBe('Ok')
  })

  it('thrown by finalisers, emit, when, until, cancel callbacks and timers is told to the owner, and stops nobody', async () => {
    const { system, clock, reported } = world()
    const fails = (): never => {
      throw value
    }
    const done = vi.fn()
    const program = effect(
      (env) => {
        env.scope.push(done)
        env.scope.push(fails)
        env.cancel.onCancel(fails)
        return 1
      },
      { emit: fails },
    )
    expect(await program.run({ system })).toBe(1)
    expect(done).toHaveBeenCalledTimes(1)
    expect(reported.length).toBeGreaterThanOrEqual(3)

    clock.schedule(1, fails)
    clock.schedule(1, async () => fails())
    const interval = clock.interval(1, fails)
    const after = vi.fn()
    clock.schedule(1, after)
    await clock.advance(1)
    interval.cancel()
    expect(after).toHaveBeenCalledTimes(1)
    const failing = effect(() => {
      throw new Error('no')
    })
    expect((await failing.retry({ maxAttempts: 3, when: fails }).unsafeRunPromise({ system }))._tag).toBe('Err')
    expect((await succeed(1).repeat({ times: 3, until: fails }).unsafeRunPromise({ system }))._tag).toBe('Err')
    const policy = retry({ maxAttempts: 2, backoff: 0, when: fails, system })
    expect(await policy.execute(() => 1)).toBe(1)
    await policy.execute(() => Promise.reject(new Error('no'))).catch(() => undefined)
    expect(reported.at(-1) === value).toBe(true)
    await repeat({ every: 0, until: fails, system })
      .execute(() => 1)
      .catch(() => undefined)
  })

  it('thrown by a task is what the caller of a policy gets, after as many tries as there are', async () => {
    const { system } = world()
    let tries = 0
    const policy = retry({ maxAttempts: 3, backoff: schedule.list([0, 0]), system })
    const failed = vi.fn()
    await policy
      .execute(() => {
        tries++
        throw value
      })
      .catch(failed)
    expect(failed).toHaveBeenCalledTimes(1)
    expect([tries, failed.mock.calls[0]?.[0] === value]).toEqual([3, true])
  })

  it('is no effect, and a test that fails with it says so', async () => {
    expect(isEffect(value)).toBe(false)
    const failed = vi.fn()
    await withSystem(() => {
      throw value
    })().catch(failed)
    expect(failed.mock.calls[0]?.[0] === value).toBe(true)
  })
})

describe('thenables', () => {
  const counting = (settle: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void) => {
    const seen = { reads: 0, calls: 0 }
    const value = {
      // oxlint-disable-next-line unicorn/no-thenable -- what another library's promise looks like
      get then() {
        seen.reads++
        return (resolve: (value: unknown) => void, reject: (error: unknown) => void) => {
          seen.calls++
          settle(resolve, reject)
        }
      },
    }
    return { seen, value }
  }
  const twice = (resolve: (value: unknown) => void, reject: (error: unknown) => void): void => {
    resolve('first')
    resolve('second')
    reject(new Error('third'))
    throw new Error('fourth')
  }

  it('are read once and called once, and heard the first time', async () => {
    const { system, clock } = world()
    const body = counting(twice)
    expect(await effect(() => body.value).run({ system })).toBe('first')
    const task = counting(twice)
    expect(await timeout(5, { system }).execute(() => task.value as never)).toBe('first')
    const held = counting(twice)
    const kept = fromPromise(held.value as never)
    expect([await kept.run({ system }), await kept.run({ system })]).toEqual(['first', 'first'])
    const ticked = counting((resolve) => resolve(undefined))
    const interval = clock.interval(1, () => ticked.value)
    await clock.advance(1)
    interval.cancel()
    for (const { seen } of [body, task, held, ticked]) expect(seen).toEqual({ reads: 1, calls: 1 })
  })

  it('that are values of steps are values, and never awaited', async () => {
    const { system } = world()
    const never = { then: vi.fn() }
    const result = await succeed(never)
      .map((value) => value)
      .flatMap((value) => succeed({ value }))
      .unsafeRunPromise({ system })
    expect(result).toEqual({ _tag: 'Ok', value: { value: never } })
    expect(never.then).not.toHaveBeenCalled()
  })
})

it('a rejection of an asynchronous callback that nobody waits for has an owner', async () => {
  const { system, clock, reported } = world()
  const rejects = (): Promise<never> => Promise.reject(new Error('late'))
  const unhandled = vi.fn()
  process.on('unhandledRejection', unhandled)
  onTestFinished(() => void process.off('unhandledRejection', unhandled))
  const warned = vi.spyOn(process, 'emitWarning').mockReturnValue()
  onTestFinished(() => warned.mockRestore())
  clock.schedule(1, rejects)
  await effect(() => 1, { emit: rejects as never }).run({ system })
  await effect(() => Promise.reject(new Error('no')))
    .retry({ maxAttempts: 2, when: rejects as never })
    .unsafeRunPromise({ system })
  await succeed(1)
    .repeat({ times: 2, until: rejects as never })
    .run({ system })
  await retry({ when: rejects as never, maxAttempts: 2, backoff: 0, system })
    .execute(() => Promise.reject(new Error('no')))
    .catch(() => 0)
  const token = createCancelToken()
  token.onCancel(rejects)
  token.cancel()
  const watching = createControlledClock({ emit: rejects as never, onError: (error) => reported.push(error) })
  void watching.sleep(1)
  await clock.advance(1)
  await sleep(0).run({ system })
  expect(unhandled).not.toHaveBeenCalled()
  expect(warned).toHaveBeenCalledTimes(1) // of the token, whose owner is the default system
  expect(reported.length).toBeGreaterThanOrEqual(6)
})
