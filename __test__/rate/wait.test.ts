import { AsyncLocalStorage } from 'node:async_hooks'

import {
  isClosedError,
  isInvalidArgumentError,
  isRateLimitExceededError,
  isRateLimitQueueFullError,
  Limiter,
  type LimiterOptions,
  RateLimiter,
  RateLimitQueueFullError,
  type LimiterWaitOptions,
} from 'keelson'
import { assertNoLeaks } from 'keelson/testing'
import { describe, expect, it } from 'vitest'

import { rejection } from '../support/rejection.ts'
import { useStage } from '../support/system.ts'

const stage = useStage()
const limiter = (options: Partial<LimiterOptions> = {}): Limiter =>
  new Limiter({ maxRequests: 1, windowMs: 100, system: stage.system, ...options })

/** Waits for a key, and writes to a list when that ends. */
function waits(one: Limiter, log: unknown[], name: string, options?: LimiterWaitOptions): Promise<void> {
  return one.wait('a', options).then(
    () => void log.push([name, stage.clock.monoMs()]),
    (error: unknown) => void log.push([name, (error as { code?: string }).code ?? error]),
  )
}

describe('wait', () => {
  it('takes at once what is there', async () => {
    const one = limiter({ maxRequests: 3 })
    expect(await one.wait('a')).toEqual({
      allowed: true,
      current: 0,
      limit: 3,
      remaining: 2,
      resetMs: 100,
      retryAfterMs: 0,
    })
    expect(await one.wait('a', { cost: 2, maxWaitMs: 0 })).toMatchObject({ remaining: 0 })
    expect(one.take('a').allowed).toBe(false)
    expect(stage.clock.getPendingTimerCount()).toBe(1)
  })

  it('serves calls for one key in order of arrival, each as soon as there is room', async () => {
    const one = limiter()
    const log: unknown[] = []
    for (const name of ['first', 'second', 'third']) void waits(one, log, name)
    await stage.clock.advance(50)
    void waits(one, log, 'fourth')
    await stage.clock.advance(1000)
    expect(log).toEqual([
      ['first', 0],
      ['second', 100],
      ['third', 200],
      ['fourth', 300],
    ])
    one.close()
    assertNoLeaks(stage.system)
  })

  it('is not overtaken: neither by a smaller cost, nor by take', async () => {
    const one = limiter({ maxRequests: 2 })
    const log: unknown[] = []
    one.take('a')
    await stage.clock.advance(60)
    void waits(one, log, 'both', { cost: 2 })
    expect(one.take('a')).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 140 })
    void waits(one, log, 'one')
    await stage.clock.advance(39)
    expect(log).toEqual([])
    await stage.clock.advance(1)
    expect(log).toEqual([['both', 100]])
    await stage.clock.advance(100)
    expect(log).toEqual([
      ['both', 100],
      ['one', 200],
    ])
  })

  it('resolves with the quota as it stands after the admission', async () => {
    const one = limiter({ maxRequests: 3 })
    one.take('a', 3)
    const waiting = one.wait('a', { cost: 2 })
    await stage.clock.advance(100)
    expect(await waiting).toMatchObject({ allowed: true, current: 0, remaining: 1, resetMs: 100, retryAfterMs: 0 })
  })

  it('rejects at once what could not be served in time, and takes nothing', async () => {
    const one = limiter()
    one.take('a')
    const log: unknown[] = []
    void waits(one, log, 'in time', { maxWaitMs: 100 })
    const error = await rejection(one.wait('a', { maxWaitMs: 199 }))
    expect(isRateLimitExceededError(error)).toBe(true)
    expect(error).toMatchObject({ key: 'a', retryAfterMs: 200 })
    void waits(one, log, 'just in time', { maxWaitMs: 200 })
    await stage.clock.advance(200)
    expect(log).toEqual([
      ['in time', 100],
      ['just in time', 200],
    ])
    expect(await rejection(one.wait('a', { maxWaitMs: 0 }))).toMatchObject({ retryAfterMs: 100 })
  })

  it('ends with its signal: rejects with the reason, and those behind it move up', async () => {
    const one = limiter()
    const log: unknown[] = []
    one.take('a')
    const controller = new AbortController()
    const { signal } = controller
    void waits(one, log, 'second', { signal })
    void waits(one, log, 'third', { signal })
    void waits(one, log, 'fourth')
    await stage.clock.advance(50)
    controller.abort('enough')
    await stage.clock.advance(50)
    expect(log).toEqual([
      ['second', 'enough'],
      ['third', 'enough'],
      ['fourth', 100],
    ])
    expect(await rejection(one.wait('a', { signal }))).toBe('enough')
    expect(await rejection(one.wait('new', { signal }))).toBe('enough')
    expect(one.knows('new')).toBe(false)
    one.close()
    assertNoLeaks(stage.system)
  })

  it('bounds how many wait for a key', async () => {
    const one = limiter({ maxWaiters: 2 })
    const log: unknown[] = []
    one.take('a')
    for (const name of ['first', 'second']) void waits(one, log, name)
    const error = await rejection(one.wait('a'))
    expect(error).toBeInstanceOf(RateLimitQueueFullError)
    expect(isRateLimitQueueFullError(error)).toBe(true)
    expect(error).toMatchObject({ code: 'KEELSON_RATE_LIMIT_QUEUE_FULL', key: 'a' })
    expect(await one.wait('b')).toMatchObject({ allowed: true })
    await stage.clock.advance(100)
    void waits(one, log, 'third')
    await stage.clock.advance(200)
    expect(log.map((entry) => (entry as string[])[0])).toEqual(['first', 'second', 'third'])
  })

  it('rejects later when a penalty or a block makes the wait too long, and goes on when a reward shortens it', async () => {
    const one = limiter({ maxRequests: 2 })
    const log: unknown[] = []
    one.take('a', 2)
    void waits(one, log, 'patient')
    void waits(one, log, 'impatient', { maxWaitMs: 120 })
    await stage.clock.advance(50)
    one.block('a', 1000)
    await stage.turn()
    expect(log).toEqual([['impatient', 'KEELSON_RATE_LIMITED']])
    expect(one.unblock('a')).toBe(true)
    one.reward('a')
    await stage.turn()
    expect(log.at(-1)).toEqual(['patient', 50])
    void waits(one, log, 'reset')
    expect(one.reset('a')).toBe(true)
    await stage.turn()
    expect(log.at(-1)).toEqual(['reset', 50])
    one.penalty('a', 5)
    void waits(one, log, 'punished', { maxWaitMs: 100 })
    await stage.clock.advance(1000)
    expect(log.at(-1)).toEqual(['punished', 150])
  })

  it('rejects those who wait when it is closed, or its system', async () => {
    const one = limiter()
    const two = limiter()
    one.take('a')
    two.take('a')
    const waiting = [one.wait('a'), Limiter.union([one, two]).wait('a')].map(rejection)
    one.close()
    for (const error of await Promise.all(waiting)) expect(isClosedError(error)).toBe(true)
    const other = rejection(two.wait('a'))
    await stage.system.close()
    expect(isClosedError(await other)).toBe(true)
    expect(isClosedError(await rejection(two.wait('a')))).toBe(true)
  })

  it('keeps the keys that are waited for, whoever else comes', async () => {
    const one = limiter({ maxKeys: 1 })
    const log: unknown[] = []
    one.take('a')
    void waits(one, log, 'waiting')
    for (let key = 0; key < 50; key++) one.take(`other:${key}`)
    expect(one.knows('a')).toBe(true)
    expect(one.size).toBe(2)
    await stage.clock.advance(100)
    expect(log).toEqual([['waiting', 100]])
    await stage.clock.advance(3000)
    expect(one.size).toBe(0)
  })

  it('keeps the asynchronous context of its caller', async () => {
    const context = new AsyncLocalStorage<string>()
    const one = limiter()
    one.take('a')
    const seen = context.run('mine', async () => {
      await one.wait('a')
      return context.getStore()
    })
    await stage.clock.advance(100)
    expect(await seen).toBe('mine')
  })

  it('refuses bad input by name, and changes nothing', async () => {
    const one = limiter({ maxRequests: 2 })
    const field = async (options: unknown, key: unknown = 'a'): Promise<string> => {
      const error = await rejection(one.wait(key as string, options as LimiterWaitOptions))
      expect(isInvalidArgumentError(error)).toBe(true)
      return (error as { field: string }).field
    }
    for (const cost of [0, 3, 1.5, NaN, '1']) expect(await field({ cost })).toBe('options.cost')
    for (const maxWaitMs of [-1, NaN, '5', null]) expect(await field({ maxWaitMs })).toBe('options.maxWaitMs')
    for (const signal of [{}, 'abort']) expect(await field({ signal })).toBe('options.signal')
    for (const options of [null, 5, []]) expect(await field(options)).toBe('options')
    expect(await field({ maxWait: 5 })).toBe('options.maxWait')
    for (const key of [null, 5, 'x'.repeat(1025)]) expect(await field({}, key)).toBe('key')
    expect(one.size).toBe(0)
  })

  it('is a call of RateLimiter too', async () => {
    const ref = await RateLimiter.start({ maxRequests: 1, windowMs: 100, system: stage.system })
    expect(await RateLimiter.wait(ref, 'a')).toMatchObject({ allowed: true })
    const second = RateLimiter.wait(ref, 'a')
    await stage.clock.advance(100)
    expect(await second).toMatchObject({ allowed: true })
    const third = rejection(RateLimiter.wait(ref, 'a'))
    await RateLimiter.stop(ref)
    expect(isClosedError(await third)).toBe(true)
    expect(await rejection(RateLimiter.wait(ref, 'a'))).toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
  })
})

describe('a pace', () => {
  it('keeps the least time between two admissions, whatever they cost', async () => {
    const one = limiter({ maxRequests: 10, minTimeMs: 40 })
    expect(one.take('a', 3)).toMatchObject({ allowed: true, remaining: 7 })
    expect(one.take('a')).toMatchObject({ allowed: false, remaining: 7, retryAfterMs: 40 })
    const log: unknown[] = []
    for (const name of ['first', 'second']) void waits(one, log, name)
    await stage.clock.advance(200)
    expect(log).toEqual([
      ['first', 40],
      ['second', 80],
    ])
  })

  it('holds as much as the reservoir, which refills set anew', async () => {
    const reservoir = { amount: 5, refreshAmount: 2, refreshIntervalMs: 1000 }
    const one = limiter({ maxRequests: 10, windowMs: 10, reservoir })
    expect(one.limit).toBe(2)
    for (let taken = 0; taken < 5; taken++) {
      expect(one.take('a').allowed).toBe(true)
      stage.clock.advanceBy(50)
    }
    expect(one.take('a')).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 750 })
    const log: unknown[] = []
    for (const name of ['first', 'second', 'third']) void waits(one, log, name)
    await stage.clock.advance(2000)
    expect(log).toEqual([
      ['first', 1000],
      ['second', 1000],
      ['third', 2000],
    ])
    // A key that comes later is as one that was there and took nothing.
    expect(one.take('late', 2)).toMatchObject({ allowed: true, remaining: 0 })
    expect(one.take('late').allowed).toBe(false)
  })

  it('may begin empty', async () => {
    const one = limiter({ reservoir: { amount: 0, refreshAmount: 1, refreshIntervalMs: 500 } })
    expect(one.take('a')).toMatchObject({ allowed: false, retryAfterMs: 500 })
    await stage.clock.advance(500)
    expect(one.take('a').allowed).toBe(true)
  })
})
