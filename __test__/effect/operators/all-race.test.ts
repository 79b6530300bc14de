import { all, effect, type EffectEvent, fail, race, retryBudget, schedule, sleep, succeed } from 'keelson/effect'
import { createTestSystem } from 'keelson/testing'
import { describe, expect, it } from 'vitest'

import { err, ok, timedOut, useWorld } from '../../support/effects.ts'

const world = useWorld()

describe('together', () => {
  it('[timeout] is exact and leaves no timer, however it ends', async () => {
    const { system, clock } = world()
    const late = sleep(100).timeout(50).unsafeRunPromise({ system })
    let end: unknown
    void late.then((result) => (end = result))
    await clock.advance(49)
    expect(end).toBeUndefined()
    await clock.advance(1)
    expect(end).toEqual(timedOut)
    for (const effectInTime of [succeed(1), effect(async () => 1), fail('x')]) {
      await effectInTime.timeout(50).unsafeRunPromise({ system })
      expect(clock.getPendingTimerCount()).toBe(0)
    }
  })

  it('[timeout] work that ended in time counts, although its finalisers take longer', async () => {
    const { system, clock } = world()
    const result = effect((env) => {
      env.scope.push(() => sleep(100))
      return 'done'
    })
      .timeout(50)
      .unsafeRunPromise({ system })
    await clock.advance(100)
    expect(await result).toEqual(ok('done'))
  })

  it('[timeout] the outer of two is not taken for the inner', async () => {
    const { system, clock, log } = world()
    const result = sleep(100)
      .timeout(50)
      .catch(() => effect(() => log.push('inner')))
      .timeout(20)
      .unsafeRunPromise({ system })
    await clock.advance(20)
    expect(await result).toEqual(timedOut)
    expect(log).toEqual([])
  })

  it('[all] has the values in order, and none of nothing', async () => {
    const { system, clock } = world()
    const result = all([sleep(20).map(() => 'a'), succeed('b'), sleep(10).map(() => 'c')]).run({ system })
    await clock.advance(20)
    expect(await result).toEqual(['a', 'b', 'c'])
    expect(await all([]).run({ system })).toEqual([])
  })

  it('[all] the first failure interrupts the others, waits for them, and starts no more', async () => {
    const { system, clock, log, note } = world()
    const slow = sleep(1000).onInterrupt(() => sleep(5).flatMap(() => note('stopped')))
    const result = all([slow, sleep(10).flatMap(() => fail('no')), note('third'), note('fourth')], {
      concurrency: 2,
    }).unsafeRunPromise({ system })
    await clock.advance(14)
    expect(log).toEqual([])
    await clock.advance(1)
    expect(await result).toEqual(err('no'))
    expect(log).toEqual(['stopped'])
    expect(await all([fail(1), note('never')]).unsafeRunPromise({ system })).toEqual(err(1))
    expect(log).toEqual(['stopped'])
  })

  it('[all] runs no more than concurrency at a time, and all of them', async () => {
    const { system, clock } = world()
    let running = 0
    let most = 0
    const one = (ms: number) =>
      effect(() => {
        most = Math.max(most, ++running)
      })
        .flatMap(() => sleep(ms))
        .map(() => --running)
    const result = all([5, 1, 9, 0, 3, 0, 2, 7].map(one), { concurrency: 3 }).run({ system })
    await clock.advance(30)
    expect(await result).toHaveLength(8)
    expect([most, running]).toEqual([3, 0])
    expect(
      await all(
        Array.from({ length: 10_000 }, () => succeed(1)),
        { concurrency: 1 },
      ).run({ system }),
    ).toHaveLength(10_000)
  })

  it('[race] the first wins, also with a failure; losers are interrupted and waited for', async () => {
    const { system, clock, log, note } = world()
    const slow = sleep(1000).onInterrupt(() => sleep(5).flatMap(() => note('loser ended')))
    const result = race([slow, sleep(10).map(() => 'won')]).map((value) => {
      log.push(String(value))
      return value
    })
    const end = result.run({ system })
    await clock.advance(15)
    expect(await end).toBe('won')
    expect(log).toEqual(['loser ended', 'won'])
    expect(await race([sleep(10), fail('first')]).unsafeRunPromise({ system })).toEqual(err('first'))
    expect(await race([succeed('in its start'), note('never')]).run({ system })).toBe('in its start')
    expect(log).toHaveLength(2)
  })

  it('[race] at the same instant, the one whose timer was first', async () => {
    const { system, clock } = world()
    const result = race([sleep(10).map(() => 'a'), sleep(10).map(() => 'b')]).run({ system })
    await clock.advance(10)
    expect(await result).toBe('a')
  })
})

describe('again', () => {
  const failing = (times: number, at: number[] = []) => {
    const { clock } = world()
    return effect(() => {
      at.push(clock.monoMs())
      return at.length <= times ? err(`failure ${at.length}`) : ok(at)
    })
  }

  it('[retry] pauses grow by the factor up to the maximum', async () => {
    const { system, clock } = world()
    const doubling = failing(4).retry({ maxAttempts: 5, baseDelayMs: 10, maxDelayMs: 30 }).run({ system })
    await clock.advance(100)
    expect(await doubling).toEqual([0, 10, 30, 60, 90])
    const tripling = failing(3).retry({ maxAttempts: 4, baseDelayMs: 1, backoffFactor: 3 }).run({ system })
    await clock.advance(13)
    expect(await tripling).toEqual([100, 101, 104, 113])
  })

  it('[retry] ends with the last failure, or when it is not worth it', async () => {
    const { system } = world()
    expect(await failing(9).retry({ maxAttempts: 3 }).unsafeRunPromise({ system })).toEqual(err('failure 3'))
    const picky = failing(9).retry({
      maxAttempts: 9,
      when: (error, attempt) => error === 'failure 1' && attempt === 1,
    })
    expect(await picky.unsafeRunPromise({ system })).toEqual(err('failure 2'))
    const endless = failing(10_000).retry({ maxAttempts: Infinity }).run({ system })
    expect(await endless).toHaveLength(10_001)
  })

  it('[retry] jitter is drawn from the seed, within its percentage', async () => {
    const pauses = async (): Promise<number[]> => {
      const { clock, system } = createTestSystem({ seed: 42 })
      const at: number[] = []
      const result = effect(() => {
        at.push(clock.monoMs())
        return err('x')
      })
        .retry({ maxAttempts: 50, baseDelayMs: 100, backoffFactor: 1, jitter: 20 })
        .unsafeRunPromise({ system })
      await clock.advance(10_000)
      await result
      await system.close()
      clock.close()
      return at.slice(1).map((time, index) => time - at[index]!)
    }
    const first = await pauses()
    expect(first).toHaveLength(49)
    for (const pause of first) expect(Math.abs(pause - 100)).toBeLessThanOrEqual(20 + 1e-9)
    expect(Math.max(...first) - Math.min(...first)).toBeGreaterThan(20)
    expect(await pauses()).toEqual(first)
  })

  it('[retry] takes a plan of pauses, which may end the attempts, and a budget, which policies may share', async () => {
    const { system, clock } = world()
    const planned = failing(9).retry({ maxAttempts: 9, backoff: schedule.list([5, 20]) })
    const result = planned.unsafeRunPromise({ system })
    await clock.advance(25)
    expect(await result).toEqual(err('failure 3'))
    const at: number[] = []
    const steady = failing(2, at).retry({ maxAttempts: 3, backoff: 7 }).run({ system })
    await clock.advance(14)
    expect(await steady).toEqual([25, 32, 39])
    const budget = retryBudget({ ratio: 0, minPerSecond: 0, burst: 3 })
    const spent = failing(9).retry({ maxAttempts: 9, budget })
    expect(await spent.unsafeRunPromise({ system })).toEqual(err('failure 4'))
    expect([await spent.unsafeRunPromise({ system }), budget.tokens]).toEqual([err('failure 5'), 0])
  })

  it('[retry] closes what an attempt opened before the next', async () => {
    const { system, log } = world()
    let attempt = 0
    await effect((env) => {
      const name = ++attempt
      log.push(`attempt ${name}`)
      env.scope.push((cause) => log.push(`closed ${name} ${cause}`))
      return name < 2 ? err('x') : ok(name)
    })
      .retry({ maxAttempts: 2 })
      .run({ system })
    expect(log).toEqual(['attempt 1', 'closed 1 error', 'attempt 2', 'closed 2 ok'])
  })

  it('[events] of retry', async () => {
    const { system, clock } = world()
    const events: Partial<EffectEvent>[] = []
    const emit = ({ effectId, timestamp, ...event }: EffectEvent): void => {
      if (event.type.startsWith('effect:retry') && effectId !== '' && timestamp >= 0) events.push(event)
    }
    let attempt = 0
    const retried = effect(() => (++attempt < 2 ? err('x') : ok(1)), { emit }).retry({ maxAttempts: 2, baseDelayMs: 5 })
    const result = retried.run({ system })
    await clock.advance(5)
    await result
    await effect(() => err('x'), { emit })
      .retry({ maxAttempts: 1 })
      .unsafeRunPromise({ system })
    expect(events).toEqual([
      { type: 'effect:retry:attempt', attempt: 1, maxAttempts: 2 },
      { type: 'effect:retry:delay', attempt: 1, delayMs: 5 },
      { type: 'effect:retry:attempt', attempt: 2, maxAttempts: 2 },
      { type: 'effect:retry:success', attempt: 2 },
      { type: 'effect:retry:attempt', attempt: 1, maxAttempts: 1 },
      { type: 'effect:retry:exhausted', attempts: 1 },
    ])
  })

  it('[repeat] so many times, with a pause, as long as it is worth it', async () => {
    const { system, clock } = world()
    const times: number[] = []
    const tick = effect(() => times.push(clock.monoMs()))
    expect(await tick.repeat(3).run({ system })).toBe(3)
    const paused = tick.repeat({ every: 10, until: (_, runs) => runs === 3 }).run({ system })
    await clock.advance(20)
    await paused
    expect(times).toEqual([0, 0, 0, 0, 10, 20])
    times.length = 0
    const planned = tick.repeat({ every: schedule.list([1, 2]) }).run({ system })
    await clock.advance(3)
    await planned
    expect(times).toEqual([20, 21, 23])
    let runs = 0
    const failingLater = effect(() => (++runs < 3 ? ok(runs) : err('third'))).repeat({})
    expect(await failingLater.unsafeRunPromise({ system })).toEqual(err('third'))
  })

  it('[schedule] keeps its cadence and skips what it has missed', async () => {
    const { system, clock } = world()
    const starts: number[] = []
    const durations = [30, 0, 250, 0]
    const result = effect(() => starts.push(clock.monoMs()))
      .flatMap((run) => sleep(durations[run - 1] ?? 0))
      .schedule({ everyMs: 100, initialDelayMs: 5, times: 4 })
      .run({ system })
    await clock.advance(1000)
    await result
    expect(starts).toEqual([5, 105, 205, 505])
  })
})
