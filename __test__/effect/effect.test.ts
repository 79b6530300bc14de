import {
  currentContext,
  effect,
  fail,
  fromPromise,
  isEffectFailedError,
  isInterruptedError,
  sleep,
  succeed,
  type Effect,
} from 'keelson/effect'
import { isTimeoutError } from 'keelson'
import { describe, expect, it } from 'vitest'

import { err, ok, timedOut, useWorld } from '../support/effects.ts'
import { rejection } from '../support/rejection.ts'
import { deferred } from '../support/promises.ts'

const world = useWorld()

describe('steps', () => {
  it('[lazy] does nothing until it is run, and each run is new', async () => {
    const { system, log, note } = world()
    const twice = note('a').flatMap(() => note('b'))
    expect(log).toEqual([])
    await twice.run({ system })
    await twice.run({ system })
    expect(log).toEqual(['a', 'b', 'a', 'b'])
  })

  it('[lift] takes raw values, results, and what is thrown', async () => {
    const { system } = world()
    const of = (fn: () => unknown): Promise<unknown> => effect(fn).unsafeRunPromise({ system })
    const boom = new Error('boom')
    const thrower = (): never => {
      throw boom
    }
    expect(await of(() => 1)).toEqual(ok(1))
    expect(await of(async () => ({ _tag: 'Ok', value: 2 }))).toEqual(ok(2))
    expect(await of(() => ({ _tag: 'Ok', value: undefined }))).toEqual(ok(undefined))
    expect(await of(() => ({ _tag: 'Err', error: 'no' }))).toEqual(err('no'))
    expect(await of(() => ({ _tag: 'Ok' }))).toEqual(ok({ _tag: 'Ok' }))
    expect(await of(thrower)).toEqual(err(boom))
    expect(await of(async () => thrower())).toEqual(err(boom))
    expect(await of(() => Promise.reject(boom))).toEqual(err(boom))
    for (const failing of [
      succeed(1).map(thrower),
      succeed(1).flatMap(thrower),
      fail(1).catch(thrower),
      effect(thrower).map(() => 1),
    ]) {
      expect(await failing.unsafeRunPromise({ system })).toEqual(err(boom))
      expect(await failing.catch((error) => succeed(error)).run({ system })).toBe(boom)
    }
  })

  it('[lift] awaits a thenable of another library, and survives one that misbehaves', async () => {
    const { system } = world()
    // oxlint-disable-next-line unicorn/no-thenable -- what is tested
    const twice = { then: (yes: (value: number) => void, no: (error: unknown) => void) => [yes(1), yes(2), no(3)] }
    const thrower = {
      // oxlint-disable-next-line unicorn/no-thenable -- what is tested
      then: () => {
        throw new Error('then')
      },
    }
    expect(await effect(() => twice as never).unsafeRunPromise({ system })).toEqual(ok(1))
    expect(await effect(() => thrower as never).unsafeRunPromise({ system })).toMatchObject({
      error: { message: 'then' },
    })
  })

  it('[lazy] fromPromise waits for a promise, or makes one for each run; its value is raw', async () => {
    const { system } = world()
    const late = deferred<number>()
    const result = fromPromise(late.promise).unsafeRunPromise({ system })
    late.resolve(5)
    expect(await result).toEqual(ok(5))
    let runs = 0
    const each = fromPromise(async (env) => [++runs, env.signal.aborted])
    expect([await each.run({ system }), await each.run({ system })]).toEqual([
      [1, false],
      [2, false],
    ])
    expect(await fromPromise(Promise.resolve(err('x'))).unsafeRunPromise({ system })).toEqual(ok(err('x')))
    // Rejected before anybody runs it, it ends no process, and whoever runs it is told.
    const rejected = fromPromise(Promise.reject(new Error('early')))
    await new Promise(setImmediate)
    expect(await rejected.unsafeRunPromise({ system })).toMatchObject({ error: { message: 'early' } })
  })

  it('[result] run throws what the error stands for', async () => {
    const { system, clock } = world()
    const boom = new RangeError('boom')
    expect(await rejection(fail(boom).run({ system }))).toBe(boom)
    const text = await rejection(fail('text').run({ system }))
    expect(isEffectFailedError(text) && [text.message, text.failure]).toEqual(['text', 'text'])
    const late = rejection(sleep(20).timeout(10).run({ system }))
    await clock.advance(10)
    const timeout = await late
    expect(isTimeoutError(timeout) && [timeout.message, timeout.timeoutMs]).toEqual(['Effect timed out after 10ms', 10])
    const stopped = await rejection(sleep(20).run({ system, signal: AbortSignal.abort('enough') }))
    expect(isInterruptedError(stopped) && [stopped.message, stopped.reason]).toEqual([
      'Effect was interrupted',
      'enough',
    ])
    expect(timedOut).toEqual(err({ _tag: 'Timeout' }))
  })

  it('[stack] a chain of 100 000 steps, and one of maps, and a recursion', async () => {
    const { system } = world()
    const length = 100_000
    let left: Effect<never, number> = succeed(0)
    let maps: Effect<never, number> = succeed(0)
    let caught: Effect<unknown, unknown> = fail('x')
    for (let index = 0; index < length; index++) {
      left = left.flatMap((n) => succeed(n + 1))
      maps = maps.map((n) => n + 1)
      caught = caught.catch((error) => fail(error))
    }
    expect(await left.run({ system })).toBe(length)
    expect(await maps.run({ system })).toBe(length)
    expect(await caught.unsafeRunPromise({ system })).toEqual(err('x'))
    const down = (n: number): Effect<never, string> => (n === 0 ? succeed('end') : succeed(n - 1).flatMap(down))
    expect(await down(length).run({ system })).toBe('end')
  })

  it('[stack] ten thousand fibres within one another', async () => {
    const { system } = world()
    let nested: Effect<unknown, unknown> = sleep(1).map(() => 'end')
    for (let index = 0; index < 10_000; index++) nested = nested.timeout(10)
    const controller = new AbortController()
    const result = nested.unsafeRunPromise({ system, signal: controller.signal })
    await new Promise(setImmediate)
    await world().clock.advance(1)
    expect(await result).toEqual(ok('end'))
    const stopped = nested.unsafeRunPromise({ system, signal: controller.signal })
    await new Promise(setImmediate)
    controller.abort('all')
    expect(await stopped).toEqual(err({ _tag: 'Interrupted', reason: 'all' }))
  })

  it('[fair] an endless synchronous effect lets the event loop turn, and can be interrupted', async () => {
    const { system } = world()
    let rounds = 0
    const endless = (): Effect<never, never> =>
      succeed(1).flatMap(() => {
        rounds++
        return endless()
      })
    const controller = new AbortController()
    const result = endless().unsafeRunPromise({ system, signal: controller.signal })
    await new Promise(setImmediate)
    const then = rounds
    await new Promise(setImmediate)
    expect(rounds).toBeGreaterThan(then)
    controller.abort()
    expect(await result).toMatchObject({ error: { _tag: 'Interrupted' } })
    const endlessly = succeed(1)
      .repeat(Infinity)
      .unsafeRunPromise({ system, signal: AbortSignal.timeout(5) })
    expect(await endlessly).toMatchObject({ error: { _tag: 'Interrupted' } })
  })

  it('is known by currentContext only inside', () => {
    expect(currentContext()).toBeUndefined()
  })
})

describe('events', () => {
  it('[events] of a run that ends well, fails, is interrupted; what is made of it inherits emit', async () => {
    const { system, clock } = world()
    const events: unknown[] = []
    const emit = ({ effectId, ...event }: { effectId: string }): void => {
      expect(effectId).toMatch(/^effect-\d+$/)
      events.push(event)
    }
    await effect(() => 1, { emit })
      .map(String)
      .run({ system })
    await effect(() => err('no'), { emit }).unsafeRunPromise({ system })
    const late = effect(() => new Promise(() => {}), { emit })
      .timeout(10)
      .unsafeRunPromise({ system })
    await clock.advance(10)
    await late
    expect(events).toEqual([
      { type: 'effect:start', timestamp: 0 },
      { type: 'effect:success', timestamp: 0 },
      { type: 'effect:start', timestamp: 0 },
      { type: 'effect:error', error: 'no', timestamp: 0 },
      { type: 'effect:timeout:start', timeoutMs: 10, timestamp: 0 },
      { type: 'effect:start', timestamp: 0 },
      { type: 'effect:timeout:triggered', timeoutMs: 10, timestamp: 10 },
      { type: 'effect:interrupted', reason: { _tag: 'Timeout' }, timestamp: 10 },
    ])
  })

  it('[events] what emit throws is told to onError', async () => {
    const { system, reported } = world()
    const emit = (): never => {
      throw new Error('emit')
    }
    expect(await effect(() => 1, { emit }).run({ system })).toBe(1)
    expect(reported.map(([error, origin]) => [(error as Error).message, origin])).toEqual([
      ['emit', "an effect's emit function"],
      ['emit', "an effect's emit function"],
    ])
  })
})
