import { AsyncLocalStorage } from 'node:async_hooks'

import { isRateLimitExceededError, Limiter, type LimiterOptions } from 'keelson'
import { circuitBreaker, rateLimitPolicy, type RateLimitPolicyOptions, retry, timeout, wrap } from 'keelson/effect'
import { afterEach, describe, expect, it } from 'vitest'

import { boom, failing, useWorld } from '../support/policies.ts'
import { rejection, thrown } from '../support/rejection.ts'

const stage = useWorld()
const open: Limiter[] = []
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

function limiter(options: Partial<LimiterOptions> = {}): Limiter {
  const one = new Limiter({ maxRequests: 1, windowMs: 100, system: stage.system, ...options })
  open.push(one)
  return one
}

describe('rateLimitPolicy', () => {
  it('rejects a call that finds no quota, and does not run its task', async () => {
    const one = limiter()
    const policy = rateLimitPolicy(one, { key: 'api' })
    let ran = 0
    const task = (): number => (ran += 1)
    expect(await policy.execute(task)).toBe(1)
    const error = await rejection(policy.execute(task))
    expect(isRateLimitExceededError(error)).toBe(true)
    expect(error).toMatchObject({ key: 'api', retryAfterMs: 100 })
    expect(ran).toBe(1)
    stage.clock.advanceBy(100)
    expect(await policy.execute(task)).toBe(2)
    expect(policy.stats).toEqual({ waiting: 0, admitted: 2, rejected: 1 })
    open.splice(0)
    one.close()
  })

  it('lets calls wait in order of arrival, as long as they may', async () => {
    const policy = rateLimitPolicy(limiter(), { maxWaitMs: 150 })
    const ended: unknown[] = []
    const call = (name: string): void => {
      policy
        .execute(() => name)
        .then(
          (value) => ended.push([value, stage.clock.monoMs()]),
          (error: unknown) => ended.push([name, (error as { retryAfterMs: number }).retryAfterMs]),
        )
    }
    for (const name of ['first', 'second', 'third']) call(name)
    await stage.turn()
    expect(policy.stats).toEqual({ waiting: 1, admitted: 1, rejected: 1 })
    await stage.clock.advance(100)
    expect(ended).toEqual([
      ['first', 0],
      ['third', 200],
      ['second', 100],
    ])
    expect(policy.stats).toEqual({ waiting: 0, admitted: 2, rejected: 1 })
    for (const each of open.splice(0)) each.close()
  })

  it('takes a cost of the key that a function returns, in the context of the call', async () => {
    const tenant = new AsyncLocalStorage<string>()
    const one = limiter({ maxRequests: 2 })
    const policy = rateLimitPolicy(one, { key: () => tenant.getStore() ?? 'nobody', cost: 2, maxWaitMs: Infinity })
    const call = (name: string): Promise<string | undefined> =>
      tenant.run(name, () => policy.execute(() => tenant.getStore()))
    expect([await call('a'), await call('b')]).toEqual(['a', 'b'])
    const waiting = call('a')
    await stage.clock.advance(100)
    expect(await waiting).toBe('a')
    expect(one.keys()).toEqual(['a', 'b'])
    const broken = rateLimitPolicy(one, {
      key: () => {
        throw boom
      },
    })
    expect(await rejection(broken.execute(() => 1))).toBe(boom)
    for (const each of open.splice(0)) each.close()
  })

  it('gives its place up when the call is aborted, and takes nothing', async () => {
    const one = limiter()
    const policy = wrap(timeout(50, { system: stage.system }), rateLimitPolicy(one, { key: 'a', maxWaitMs: 1000 }))
    await policy.execute(() => 1)
    const late = rejection(policy.execute(() => 2))
    const behind = one.wait('a')
    await stage.clock.advance(50)
    expect(await late).toMatchObject({ code: 'KEELSON_TIMEOUT' })
    await stage.clock.advance(50)
    expect(await behind).toMatchObject({ allowed: true })
    for (const each of open.splice(0)) each.close()
  })

  it('is a rejection for the policies around it: no retry, and no failure of the service', async () => {
    const one = limiter()
    const { system } = stage
    const breaker = circuitBreaker({ consecutive: 1, openForMs: 1000, system })
    let attempts = 0
    const policy = wrap(retry({ maxAttempts: 3, system }), breaker, rateLimitPolicy(one))
    await policy.execute(() => (attempts += 1))
    expect(isRateLimitExceededError(await rejection(policy.execute(() => (attempts += 1))))).toBe(true)
    expect([attempts, breaker.state]).toEqual([1, 'closed'])
    for (const each of open.splice(0)) each.close()
  })

  it('notifies of waits, rejections and outcomes', async () => {
    const one = limiter()
    const policy = rateLimitPolicy(Limiter.union([one]), { key: 'a', maxWaitMs: 100 })
    const seen: unknown[] = []
    for (const event of ['wait', 'success', 'failure', 'reject'] as const) {
      policy.on(event, (what: object) => seen.push([event, ...Object.values(what)]))
    }
    await policy.execute(() => 'value')
    const failure = rejection(policy.execute(failing))
    const error = await rejection(policy.execute(() => 1))
    await stage.clock.advance(100)
    expect(await failure).toBe(boom)
    expect(seen).toEqual([
      ['success', 'value'],
      ['wait', 'a'],
      ['wait', 'a'],
      ['reject', 'a', error],
      ['failure', boom],
    ])
    for (const each of open.splice(0)) each.close()
  })

  it('refuses bad input by name', () => {
    const field = (target: unknown, options?: unknown): unknown =>
      (thrown(() => rateLimitPolicy(target as Limiter, options as RateLimitPolicyOptions)) as { field?: string }).field
    const one = limiter()
    for (const target of [undefined, {}, 5]) expect(field(target)).toBe('limiter')
    for (const key of [5, null, {}]) expect(field(one, { key })).toBe('options.key')
    for (const cost of [0, 2, 1.5, null]) expect(field(one, { cost })).toBe('options.cost')
    for (const maxWaitMs of [-1, NaN, '5', null]) expect(field(one, { maxWaitMs })).toBe('options.maxWaitMs')
    expect(field(one, { maxWait: 5 })).toBe('options.maxWait')
    expect(field(one, 5)).toBe('options')
  })
})
