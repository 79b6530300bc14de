import { hedge, type HedgeOptions, retryBudget, timeout, wrap } from 'keelson/effect'
import { describe, expect, it } from 'vitest'

import { boom, failing, forever, useWorld } from '../../support/policies.ts'
import { held, watched } from '../../support/promises.ts'
import { rejection } from '../../support/rejection.ts'

const world = useWorld()
const aHedge = (options: HedgeOptions): ReturnType<typeof hedge> => hedge({ system: world.system, ...options })

describe('a hedge', () => {
  it('lets another try join a slow one; the first success wins, and the loser is told to give up', async () => {
    const policy = aHedge({ afterMs: 100 })
    const signals: AbortSignal[] = []
    const call = policy.execute(async ({ attempt, signal }) => {
      signals.push(signal)
      await world.clock.sleep(attempt === 1 ? 1000 : 50, { signal })
      return attempt
    })
    await world.clock.advance(99)
    expect(signals).toHaveLength(1)
    await world.clock.advance(51)
    expect(await call).toBe(2)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
    expect(policy.stats).toEqual({ calls: 1, hedges: 1, won: 1, late: 0 })
  })

  it('makes no other try when the first is fast', async () => {
    const policy = aHedge({ afterMs: 100 })
    expect(await policy.execute(() => 1)).toBe(1)
    const call = policy.execute(() => world.clock.sleep(99))
    await world.clock.advance(99)
    await call
    expect(policy.stats).toMatchObject({ calls: 2, hedges: 0 })
  })

  it('tries again at once when a try fails, and fails with the last when all did', async () => {
    const policy = aHedge({ afterMs: 100, max: 3 })
    expect(await policy.execute(({ attempt }) => (attempt < 3 ? failing() : attempt))).toBe(3)
    const errors = [new Error('1'), new Error('2'), new Error('3')]
    expect(await rejection(policy.execute(({ attempt }) => Promise.reject(errors[attempt - 1])))).toBe(errors[2])
  })

  it('is at most so many, and waits for those that run when one fails', async () => {
    const policy = aHedge({ afterMs: 10, max: 2 })
    const second = held()
    const call = watched(policy.execute(({ attempt }) => (attempt === 1 ? forever() : second.task())))
    await world.clock.advance(1000)
    expect(second.begun()).toBe(1)
    second.reject(boom)
    await world.clock.flush()
    expect(call.state()).toBe('pending')
    const ended = held()
    const two = policy.execute(({ attempt }) => (attempt === 1 ? ended.task() : failing()))
    await world.clock.advance(10)
    ended.resolve(7)
    expect(await two).toBe(7)
  })

  it('owns what losers do later: it is an event, and counted until then', async () => {
    const policy = aHedge({ afterMs: 10 })
    const loser = held()
    const late: unknown[] = []
    policy.on('late', (event) => late.push(event))
    const call = policy.execute(({ attempt }) => (attempt === 1 ? loser.task() : 2))
    await world.clock.advance(10)
    expect([await call, policy.stats.late]).toEqual([2, 1])
    loser.reject(boom)
    await world.clock.flush()
    expect([late, policy.stats.late]).toEqual([[{ attempt: 1, error: boom }], 0])
  })

  it('learns from a percentile when to join', async () => {
    const policy = aHedge({ afterMs: 1000, percentile: 0.9 })
    expect(policy.afterMs).toBe(1000)
    for (let ms = 1; ms <= 20; ms++) {
      const call = policy.execute(() => world.clock.sleep(ms))
      await world.clock.advance(ms)
      await call
    }
    expect(policy.afterMs).toBe(18)
  })

  it('takes its tries from a budget', async () => {
    const policy = aHedge({ afterMs: 10, budget: retryBudget({ ratio: 0, minPerSecond: 0, burst: 2 }) })
    let runs = 0
    for (let call = 0; call < 5; call++) {
      await rejection(
        policy.execute(() => {
          runs++
          return failing()
        }),
      )
    }
    expect([runs, policy.stats.hedges]).toEqual([7, 2])
  })

  it('is given up as a whole, by its caller and by a timeout around it', async () => {
    const controller = new AbortController()
    const policy = aHedge({ afterMs: 10, max: 5 })
    const signals: AbortSignal[] = []
    const slow = ({ signal }: { signal: AbortSignal }): Promise<void> => {
      signals.push(signal)
      return world.clock.sleep(1000, { signal })
    }
    const call = rejection(policy.execute(slow, { signal: controller.signal }))
    await world.clock.advance(25)
    controller.abort('enough')
    expect(await call).toBe('enough')
    const timed = rejection(wrap(timeout(25, { system: world.system }), policy).execute(slow))
    await world.clock.advance(25)
    expect(await timed).toMatchObject({ code: 'KEELSON_TIMEOUT' })
    await world.clock.advance(1000)
    expect([signals.length, signals.every(({ aborted }) => aborted)]).toEqual([6, true])
  })
})
