import { createSystem, isClosedError, isInvalidArgumentError, isRateLimitExceededError, Limiter } from 'keelson'
import { assertNoLeaks } from 'keelson/testing'
import { describe, expect, it } from 'vitest'

import { rejection, thrown } from '../support/rejection.ts'
import { useStage } from '../support/system.ts'

const stage = useStage()
const limiter = (maxRequests: number, windowMs: number, blockDurationMs?: number): Limiter =>
  new Limiter({ maxRequests, windowMs, blockDurationMs, system: stage.system })

describe('a union', () => {
  it('takes from all of its limiters, or from none', () => {
    const [quick, slow] = [limiter(2, 100), limiter(3, 1000)]
    const both = Limiter.union([quick, slow])
    expect(both.limit).toBe(2)
    expect(both.take('a', 2)).toMatchObject({
      allowed: true,
      limit: 2,
      remaining: 0,
      resetMs: 1000,
      retryAfterMs: 0,
      refusedBy: [],
      results: [
        { limit: 2, remaining: 0 },
        { limit: 3, remaining: 1 },
      ],
    })
    expect(both.take('a')).toMatchObject({ allowed: false, refusedBy: [0], retryAfterMs: 100 })
    stage.clock.advanceBy(100)
    expect(both.take('a', 2)).toMatchObject({ allowed: false, refusedBy: [1], remaining: 1, retryAfterMs: 900 })
    expect([quick.check('a').remaining, slow.check('a').remaining]).toEqual([2, 1])
    expect(both.take('a').allowed).toBe(true)
    expect(both.take('a')).toMatchObject({ allowed: false, refusedBy: [1] })
    expect([quick.check('a').remaining, slow.check('a').remaining]).toEqual([1, 0])
  })

  it('checks without taking, gives back and forgets in every limiter', () => {
    const [quick, slow] = [limiter(2, 100), limiter(3, 1000)]
    const both = Limiter.union([quick, slow])
    expect(both.check('a')).toMatchObject({ allowed: true, remaining: 2 })
    expect(both.knows('a')).toBe(false)
    both.take('a', 2)
    expect(both.reward('a')).toMatchObject({ remaining: 1 })
    expect([both.knows('a'), both.reset('a'), both.reset('a')]).toEqual([true, true, false])
    expect(both.check('a')).toMatchObject({ remaining: 2 })
  })

  it('lets the limiters that refuse block the key', () => {
    const [quick, slow] = [limiter(1, 100, 5000), limiter(3, 1000, 7000)]
    const both = Limiter.union([quick, slow])
    both.take('a')
    expect(both.take('a')).toMatchObject({ allowed: false, refusedBy: [0], retryAfterMs: 5000 })
    expect(slow.check('a')).toMatchObject({ allowed: true, remaining: 2 })
  })

  it('waits until all of them admit, in order of arrival with those who wait for one of them', async () => {
    const [quick, slow] = [limiter(1, 100), limiter(1, 250)]
    const both = Limiter.union([quick, slow])
    const log: unknown[] = []
    const logs = (name: string, wait: Promise<unknown>): void => {
      void wait.then(() => log.push([name, stage.clock.monoMs()]))
    }
    logs('both', both.wait('a'))
    logs('quick', quick.wait('a'))
    logs('both again', both.wait('a'))
    logs('quick again', quick.wait('a'))
    logs('slow', slow.wait('a'))
    await stage.clock.advance(2000)
    expect(log).toEqual([
      ['both', 0],
      ['quick', 100],
      ['both again', 250],
      ['quick again', 350],
      ['slow', 500],
    ])
    expect(await both.wait('b')).toMatchObject({ allowed: true, results: [{ limit: 1 }, { limit: 1 }] })
    const error = await rejection(both.wait('b', { maxWaitMs: 249 }))
    expect(isRateLimitExceededError(error)).toBe(true)
    expect(error).toMatchObject({ key: 'b', retryAfterMs: 250 })
    quick.close()
    slow.close()
    assertNoLeaks(stage.system)
  })

  it('frees its place everywhere when its signal aborts', async () => {
    const [quick, slow] = [limiter(1, 100), limiter(1, 10_000)]
    quick.take('a')
    slow.take('a')
    const controller = new AbortController()
    const waiting = rejection(Limiter.union([quick, slow]).wait('a', { signal: controller.signal }))
    const behind = quick.wait('a')
    controller.abort('enough')
    expect(await waiting).toBe('enough')
    await stage.clock.advance(100)
    expect(await behind).toMatchObject({ allowed: true })
  })

  it('gives back and forgets everywhere before those who wait are served', async () => {
    const [quick, slow] = [limiter(2, 100), limiter(5, 1000)]
    const both = Limiter.union([quick, slow])
    quick.take('a')
    const waiting = both.wait('a', { cost: 2 })
    both.reward('a')
    expect(await waiting).toMatchObject({ allowed: true })
    expect(slow.check('a').remaining).toBe(3)
    const again = both.wait('a', { cost: 2 })
    both.reset('a')
    expect(await again).toMatchObject({ allowed: true })
    expect(slow.check('a').remaining).toBe(3)
  })

  it('is closed with one of its limiters', async () => {
    const [quick, slow] = [limiter(1, 100), limiter(1, 250)]
    const both = Limiter.union([quick, slow])
    expect(both.closed).toBe(false)
    slow.close()
    expect(both.closed).toBe(true)
    for (const use of ['take', 'check'] as const) expect(isClosedError(thrown(() => both[use]('a')))).toBe(true)
    expect(isClosedError(await rejection(both.wait('a')))).toBe(true)
    expect(quick.check('a').allowed).toBe(true)
  })

  it('refuses what is no list of different limiters of one system', async () => {
    const one = limiter(1, 100)
    const other = createSystem()
    const foreign = new Limiter({ maxRequests: 1, windowMs: 1, system: other })
    const many = Array.from({ length: 17 }, () => limiter(1, 100))
    const field = (limiters: unknown): unknown =>
      (thrown(() => Limiter.union(limiters as never)) as { field?: string }).field
    for (const limiters of [undefined, null, [], one, many]) expect(field(limiters)).toBe('limiters')
    expect(field([one, one])).toBe('limiters[1]')
    expect(field([one, {}])).toBe('limiters[1]')
    expect(field([one, foreign])).toBe('limiters[1]')
    const both = Limiter.union([one])
    for (const cost of [0, 2, NaN]) expect(isInvalidArgumentError(thrown(() => both.take('a', cost)))).toBe(true)
    expect(isInvalidArgumentError(thrown(() => both.take(5 as never)))).toBe(true)
    expect(one.size).toBe(0)
    await other.close()
  })
})
