import {
  admit,
  bulkhead,
  circuitBreaker,
  effect,
  fallback,
  hedge,
  type LatencyStats,
  repeat,
  retry,
  timeout,
  wrap,
} from 'keelson/effect'
import { describe, expect, it } from 'vitest'

import { boom, failing, forever, useWorld } from '../../support/policies.ts'
import { rejection } from '../../support/rejection.ts'

const world = useWorld()

/** Runs a task of each of these durations, one after the other. */
async function runEach(policy: { execute(task: () => Promise<unknown>): Promise<unknown> }, times: readonly number[]) {
  for (const ms of times) {
    const call = policy.execute(() => world.clock.sleep(ms))
    await world.clock.advance(ms)
    await call
  }
}

const hundred = Array.from({ length: 100 }, (_, index) => index + 1)

describe('the stats of a stack', () => {
  it('count calls by their ends', async () => {
    const { system } = world
    const breaker = circuitBreaker({ system })
    const stack = wrap(timeout(50, { system }), breaker)
    const controller = new AbortController()
    const calls = [
      stack.execute(() => 1),
      rejection(stack.execute(failing)),
      rejection(stack.execute(forever)),
      rejection(stack.execute(forever, { signal: controller.signal })),
    ]
    expect(stack.stats).toMatchObject({ calls: 4, active: 3, succeeded: 1 })
    controller.abort(boom)
    await world.clock.advance(50)
    await Promise.all(calls)
    breaker.isolate()
    await rejection(stack.execute(() => 1))
    await rejection(stack.execute(() => 1, { signal: AbortSignal.abort(boom) }))
    expect(stack.stats).toMatchObject({ calls: 6, active: 0, succeeded: 1, failed: 2, rejected: 1, aborted: 2 })
  })

  it('have percentiles of the last minute, and none of rejections and aborts', async () => {
    const stack = wrap(bulkhead({ limit: 1, system: world.system }))
    const none = { count: 0, p50Ms: undefined, p90Ms: undefined, p99Ms: undefined, maxMs: undefined }
    expect(stack.stats.latency).toEqual({ windowMs: 60_000, ...none })
    await runEach(stack, hundred)
    expect(stack.stats.latency).toEqual({ windowMs: 60_000, count: 100, p50Ms: 50, p90Ms: 90, p99Ms: 99, maxMs: 100 })
    const first = stack.execute(() => world.clock.sleep(7))
    await rejection(stack.execute(() => 1))
    await world.clock.advance(7)
    await first
    expect(stack.stats.latency).toMatchObject({ count: 101, p50Ms: 50 })
    await world.clock.advance(60_000)
    expect(stack.stats.latency.count).toBe(0)
  })

  it('hold a bounded number of calls, and then measure one in eight', async () => {
    const stack = wrap(bulkhead({ limit: 1, system: world.system }))
    await runEach(
      stack,
      Array.from({ length: 1024 }, () => 10),
    )
    await runEach(
      stack,
      Array.from({ length: 512 }, () => 20),
    )
    const { count, p50Ms, p90Ms, maxMs } = stack.stats.latency
    expect([count, p50Ms, p90Ms, maxMs]).toEqual([1024, 10, 10, 20])
    // The window covers all of these calls, although it holds an eighth of them.
    await runEach(
      stack,
      Array.from({ length: 1024 * 8 }, () => 1),
    )
    expect(stack.stats.latency).toMatchObject({ count: 1024, maxMs: 1 })
    // Calls that are rare again are all measured.
    await world.clock.advance(60_000)
    await runEach(
      stack,
      Array.from({ length: 20 }, () => 1),
    )
    expect(stack.stats.latency.count).toBeGreaterThanOrEqual(12)
  })

  it('count also where the stack is part of another, or runs an effect', async () => {
    const { system } = world
    const inner = wrap(retry({ system, maxAttempts: 2, backoff: 0 }))
    const outer = wrap(inner, timeout(100, { system }))
    expect(await outer.execute(() => 1)).toBe(1)
    expect(
      await effect(() => 2)
        .withPolicy(inner)
        .run({ system }),
    ).toBe(2)
    expect([outer.stats.succeeded, inner.stats.succeeded, inner.stats.calls]).toEqual([1, 2, 2])
  })
})

describe('the latency of a policy', () => {
  it('is measured with the option latencyWindowMs, on the clock of its system', async () => {
    const options = { system: world.system, latencyWindowMs: 500 }
    const admission = { run: async (_: string, work: (context: never) => unknown) => work({} as never) as never }
    const policies = [
      timeout(1000, options),
      retry(options),
      repeat({ every: 0, times: 1, ...options }),
      circuitBreaker(options),
      bulkhead({ limit: 1, ...options }),
      hedge({ afterMs: 1000, ...options }),
      fallback('else', options),
      admit(admission, 'route', options),
    ]
    for (const policy of policies) {
      await runEach(policy, [10, 20, 30])
      const { latency } = policy.stats as { readonly latency?: LatencyStats }
      expect(latency).toEqual({ windowMs: 500, count: 3, p50Ms: 20, p90Ms: 30, p99Ms: 30, maxMs: 30 })
    }
    await world.clock.advance(500)
    expect(
      wrap(...policies).stats.policies.map(({ stats }) => (stats as { latency: LatencyStats }).latency.count),
    ).toEqual(policies.map(() => 0))
  })

  it('is not there without the option, and a window that is no time is refused', () => {
    expect(Object.keys(retry({ system: world.system }).stats)).not.toContain('latency')
    for (const latencyWindowMs of [0, -1, Number.NaN, Infinity, '5']) {
      expect(() => retry({ system: world.system, latencyWindowMs: latencyWindowMs as never })).toThrow(
        expect.objectContaining({ field: 'options.latencyWindowMs' }),
      )
    }
  })
})
