import * as fc from 'fast-check'
import { createSystem, isClosedError, isInvalidArgumentError, Limiter, type LimiterOptions } from 'keelson'
import { describe, expect, it, vi } from 'vitest'

import { thrown } from '../support/rejection.ts'
import { useStage } from '../support/system.ts'

const stage = useStage()
const limiter = (options: Partial<LimiterOptions> = {}): Limiter =>
  new Limiter({ maxRequests: 3, windowMs: 1000, system: stage.system, ...options })

describe('a limiter', () => {
  it('answers what was taken, what is left, and when there will be more', () => {
    const one = limiter()
    expect(one.take('a')).toEqual({
      allowed: true,
      current: 0,
      limit: 3,
      remaining: 2,
      resetMs: 1000,
      retryAfterMs: 0,
    })
    stage.clock.advanceBy(400)
    expect(one.take('a', 2)).toMatchObject({ allowed: true, current: 1, remaining: 0, resetMs: 1000 })
    expect(one.take('a')).toEqual({
      allowed: false,
      current: 3,
      limit: 3,
      remaining: 0,
      resetMs: 1000,
      retryAfterMs: 600,
    })
    expect(one.check('a', 3)).toMatchObject({ allowed: false, retryAfterMs: 1000 })
    stage.clock.advanceBy(599)
    expect(one.take('a').allowed).toBe(false)
    stage.clock.advanceBy(1)
    expect(one.take('a').allowed).toBe(true)
    expect(one.take('b').allowed).toBe(true)
    expect(one.keys()).toEqual(['a', 'b'])
  })

  it('refills steadily with gcra', () => {
    const one = limiter({ algorithm: 'gcra' })
    expect(one.take('a')).toMatchObject({ allowed: true, remaining: 2, resetMs: 334 })
    expect(one.take('a', 2)).toMatchObject({ allowed: true, current: 1, remaining: 0, resetMs: 1000 })
    expect(one.take('a')).toMatchObject({ allowed: false, resetMs: 1000, retryAfterMs: 334 })
    stage.clock.advanceBy(333)
    expect(one.take('a').allowed).toBe(false)
    stage.clock.advanceBy(1)
    expect(one.take('a').allowed).toBe(true)
  })

  it('never admits more than the limit in any window, by default', () => {
    const one = limiter({ maxRequests: 10 })
    const admitted: number[] = []
    for (let ms = 0; ms < 5000; ms += 7) {
      if (one.take('a').allowed) admitted.push(ms)
      stage.clock.advanceBy(7)
    }
    for (const at of admitted) expect(admitted.filter((each) => each > at - 1000 && each <= at).length).toBeLessThan(11)
    expect(admitted.length).toBe(50)
  })

  it('counts a busy key in parts of the window, in at most 3 KiB, and never beyond the limit', () => {
    const one = limiter({ maxRequests: 300 })
    const admitted: number[] = []
    one.take('a')
    const table = one.stats().nativeBytes
    one.reset('a')
    let most = 0
    let refusals = 0
    for (let ms = 0; ms < 4000; ms++) {
      const { allowed, retryAfterMs } = one.take('a')
      if (allowed) admitted.push(ms)
      else {
        refusals++
        // An exact log would have refused it 1/64 of the window earlier.
        expect(admitted.filter((at) => at > ms - 1000 - 16).length).toBe(300)
        expect(retryAfterMs).toBeLessThanOrEqual((admitted.at(-300) as number) + 1000 + 16 - ms)
      }
      most = Math.max(most, one.stats().nativeBytes)
      stage.clock.advanceBy(1)
    }
    for (const at of admitted)
      expect(admitted.filter((each) => each > at - 1000 && each <= at).length).toBeLessThan(301)
    expect(refusals).toBeGreaterThan(2000)
    expect(admitted.length).toBeGreaterThan(1150)
    expect(most - table).toBeLessThan(3 * 1024)
  })

  it('does not remember a key that is only looked at', () => {
    const one = limiter()
    expect(one.check('a')).toMatchObject({ allowed: true, current: 0, remaining: 3, resetMs: 0 })
    one.reward('a', 5)
    expect(one.unblock('a')).toBe(false)
    expect(one.reset('a')).toBe(false)
    expect(one.size).toBe(0)
  })

  it('has a burst beside the rate', () => {
    const one = limiter({ maxRequests: 10, burst: 2, algorithm: 'gcra' })
    expect([one.limit, one.maxRequests, one.windowMs]).toEqual([2, 10, 1000])
    expect([one.take('a').allowed, one.take('a').allowed]).toEqual([true, true])
    expect(one.take('a')).toMatchObject({ allowed: false, retryAfterMs: 100 })
  })

  it('has an exact log, and a counter', () => {
    const log = limiter({ algorithm: 'sliding-log' })
    const counter = limiter({ algorithm: 'sliding-counter' })
    for (const one of [log, counter]) expect(one.take('a', 2).allowed).toBe(true)
    stage.clock.advanceBy(500)
    expect(log.take('a', 2)).toMatchObject({ allowed: false, current: 2, remaining: 1, retryAfterMs: 500 })
    expect(counter.take('a', 2)).toMatchObject({ allowed: false, retryAfterMs: 1000 })
    stage.clock.advanceBy(500)
    expect(log.take('a', 3).allowed).toBe(true)
    expect(counter.take('a', 2).allowed).toBe(false)
    expect(counter.take('a', 1).allowed).toBe(true)
  })

  it('takes penalties, gives rewards, blocks and unblocks', () => {
    const one = limiter({ algorithm: 'gcra' })
    expect(one.penalty('a', 6)).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 1334 })
    expect(one.reward('a', 6)).toMatchObject({ allowed: true, remaining: 3 })
    expect(one.block('a', 300_000)).toMatchObject({ allowed: false, remaining: 3, retryAfterMs: 300_000 })
    expect(one.take('a').allowed).toBe(false)
    stage.clock.advanceBy(299_999)
    expect(one.take('a')).toMatchObject({ allowed: false, retryAfterMs: 1 })
    stage.clock.advanceBy(1)
    expect(one.take('a').allowed).toBe(true)
    one.block('a', 5)
    expect([one.unblock('a'), one.unblock('a')]).toEqual([true, false])
    expect(one.take('a').allowed).toBe(true)
    one.block('a', 5)
    expect(one.reset('a')).toBe(true)
    expect(one.take('a')).toMatchObject({ allowed: true, remaining: 2 })
  })

  it('blocks for five minutes whoever asks for more than it has', () => {
    const one = limiter({ blockDurationMs: 300_000, algorithm: 'gcra' })
    one.take('a', 3)
    expect(one.check('a').retryAfterMs).toBe(334)
    expect(one.take('a').retryAfterMs).toBe(300_000)
    stage.clock.advanceBy(299_000)
    expect(one.take('a').retryAfterMs).toBe(1000)
    stage.clock.advanceBy(1000)
    expect(one.take('a').allowed).toBe(true)
  })

  it('forgets what is idle in time, with one timer that holds nothing up', async () => {
    const one = limiter({ algorithm: 'gcra' })
    for (let key = 0; key < 100; key++) one.take(`key:${key}`)
    one.block('bad', 300_000)
    expect(stage.clock.getPendingTimerCount()).toBe(1)
    await stage.clock.advance(1000)
    expect(one.keys()).toEqual(['bad'])
    expect(stage.clock.getPendingTimerCount()).toBe(1)
    await stage.clock.advance(300_000)
    expect(one.stats()).toMatchObject({ keys: 0, displaced: 0 })
    expect(stage.clock.getPendingTimerCount()).toBe(0)
    one.take('again')
    expect(one.cleanup()).toBe(0)
    stage.clock.advanceBy(999)
    expect([one.cleanup(), one.size]).toEqual([1, 0])
  })

  it('remembers as many keys as it may, and forgets the soonest idle first', () => {
    const one = limiter({ maxKeys: 2, algorithm: 'gcra' })
    one.take('a', 3)
    one.take('b', 1)
    one.take('c', 1)
    expect(one.keys()).toEqual(['a', 'c'])
    expect(one.stats()).toMatchObject({ keys: 2, displaced: 1 })
    expect(one.take('a').allowed).toBe(false)
    expect(one.stats().nativeBytes).toBeLessThan(4096)
  })

  it('holds no more than it may for a million keys, with one timer, and nothing once they are idle', async () => {
    const one = limiter({ maxKeys: 50_000, algorithm: 'gcra' })
    for (let key = 0; key < 1_000_000; key++) one.take(`key:${key}`)
    expect(one.stats()).toMatchObject({ keys: 50_000, displaced: 950_000 })
    expect(one.stats().nativeBytes).toBeLessThan(64 * 50_000)
    expect([one.size, one.keys().length, one.keys().at(-1)]).toEqual([50_000, 50_000, 'key:999999'])
    expect(stage.clock.getPendingTimerCount()).toBe(1)
    await stage.clock.advance(2000)
    expect([one.size, stage.clock.getPendingTimerCount()]).toEqual([0, 0])
  })

  it('follows fake timers', () => {
    vi.useFakeTimers()
    try {
      const system = createSystem()
      const one = new Limiter({ maxRequests: 1, windowMs: 1000, system })
      one.take('a')
      vi.advanceTimersByTime(999)
      expect(one.take('a')).toMatchObject({ allowed: false, retryAfterMs: 1 })
      vi.advanceTimersByTime(1)
      expect(one.take('a').allowed).toBe(true)
      one.close()
      expect(system.clock.getPendingTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  it('ends with its system, and refuses then', async () => {
    const one = limiter()
    one.take('a')
    await stage.system.close()
    expect(one.closed).toBe(true)
    for (const use of ['take', 'check', 'penalty', 'reward', 'reset', 'unblock'] as const) {
      expect(isClosedError(thrown(() => one[use]('a')))).toBe(true)
    }
    for (const use of ['cleanup', 'stats'] as const) expect(isClosedError(thrown(() => one[use]()))).toBe(true)
    expect(isClosedError(thrown(() => one.block('a', 1)))).toBe(true)
    expect(isClosedError(thrown(limiter))).toBe(true)
    one.close()
  })
})

describe('bad input', () => {
  const bad: [keyof LimiterOptions, unknown][] = [
    ...[0, -1, NaN, Infinity, 1.5, 1e9 + 1, '5', undefined, null].map((value) => ['maxRequests', value] as never),
    ...[0, -1, NaN, Infinity, '5', undefined, 1e13].map((value) => ['windowMs', value] as never),
    ...[0, -1, NaN, 1.5, 2 ** 24 + 1].map((value) => ['maxKeys', value] as never),
    ...[0, -1, NaN, Infinity].map((value) => ['blockDurationMs', value] as never),
    ...[0, -1, NaN, 1e13].map((value) => ['minTimeMs', value] as never),
    ...[0, -1, NaN, 1.5, 2 ** 24 + 1].map((value) => ['maxWaiters', value] as never),
    ...[null, 5, []].map((value) => ['reservoir', value] as never),
    ['algorithm', 'fixed'],
    ['system', {}],
  ]
  it.each(bad)('is refused by name: %s %s', (field, value) => {
    expect(thrown(() => limiter({ [field]: value }))).toMatchObject({
      code: 'KEELSON_INVALID_ARGUMENT',
      field: `options.${field}`,
    })
  })

  it('knows what a log can hold, what a burst is for, and which options there are', () => {
    const field = (options: object) => (thrown(() => limiter(options)) as { field: string }).field
    expect(field({ algorithm: 'sliding-log', maxRequests: 100_001 })).toBe('options.maxRequests')
    expect(field({ algorithm: 'sliding-log', burst: 3 })).toBe('options.burst')
    expect(field({ burst: 3 })).toBe('options.burst')
    expect(field({ algorithm: 'gcra', maxRequests: 1, burst: 1e9, windowMs: 1e12 })).toBe('options.burst')
    for (const burst of [0, -1, NaN, 1.5, 1e9 + 1, null]) {
      expect(field({ algorithm: 'gcra', burst })).toBe('options.burst')
    }
    for (const [name, value] of [
      ['amount', -1],
      ['amount', 1.5],
      ['refreshAmount', 0],
      ['refreshIntervalMs', 0],
      ['refreshIntervalMs', Infinity],
    ] as const) {
      const reservoir = { amount: 1, refreshAmount: 1, refreshIntervalMs: 1, [name]: value }
      expect(field({ reservoir })).toBe(`options.reservoir.${name}`)
    }
    expect(field({ max: 5 })).toBe('options.max')
  })

  it('of a call changes nothing', () => {
    const one = limiter()
    one.take('a')
    for (const cost of [0, -1, 4, 1.5, NaN, Infinity, '1'] as number[]) {
      for (const use of ['take', 'check'] as const) {
        expect(thrown(() => one[use]('a', cost))).toMatchObject({ field: 'cost' })
        expect(thrown(() => one[use]('new', cost))).toMatchObject({ field: 'cost' })
      }
    }
    for (const points of [0, -1, 1.5, NaN, 1e9 + 1]) {
      expect(thrown(() => one.penalty('a', points))).toMatchObject({ field: 'points' })
      expect(thrown(() => one.reward('a', points))).toMatchObject({ field: 'points' })
    }
    for (const time of [0, -1, NaN, Infinity]) {
      expect(thrown(() => one.block('a', time))).toMatchObject({ field: 'durationMs' })
    }
    for (const key of [undefined, null, 5, {}, Symbol('a'), 'x'.repeat(1025), 'x'.repeat(1 << 20)] as string[]) {
      expect(isInvalidArgumentError(thrown(() => one.take(key)))).toBe(true)
      expect(isInvalidArgumentError(thrown(() => one.block(key, 5)))).toBe(true)
    }
    expect([one.keys(), one.check('a').remaining]).toEqual([['a'], 2])
  })

  it('of keys is only text', () => {
    const one = limiter()
    const keys = ['', '__proto__', 'constructor', 'a\0b', '\ud800', '\udfff', 'ключ', 'x'.repeat(1024), '\u{1f600}']
    for (const key of keys) expect(one.take(key, 3).allowed).toBe(true)
    for (const key of keys) expect(one.take(key).allowed).toBe(false)
    expect(one.keys()).toEqual(keys)
    expect(({} as Record<string, unknown>)['allowed']).toBeUndefined()
  })
})

it('any schedule of any keys is decided as arrays of timestamps decide it', () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', '__proto__'),
    cost: fc.integer({ min: 1, max: 3 }),
    pause: fc.integer({ min: 0, max: 400 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (steps, isDefault) => {
      const one = limiter({ algorithm: isDefault ? 'sliding-window' : 'sliding-log' })
      const taken = new Map<string, number[]>()
      for (const { key, cost, pause } of steps) {
        stage.clock.advanceBy(pause)
        const now = stage.clock.monoMs()
        const recent = (taken.get(key) ?? []).filter((at) => at > now - 1000)
        const fits = recent.length + cost <= 3
        const result = one.take(key, cost)
        expect([result.allowed, result.current]).toEqual([fits, recent.length])
        if (fits) recent.push(...Array.from({ length: cost }, () => now))
        // What has to leave the window is the oldest, as much as is missing.
        else expect(result.retryAfterMs).toBe((recent[recent.length + cost - 4] as number) + 1000 - now)
        taken.set(key, recent)
      }
      one.close()
    }),
  )
})
