/** Policies of cockatiel inside `wrap`, by the real library. */
import {
  BrokenCircuitError,
  bulkhead as bulkheadOf,
  BulkheadRejectedError,
  circuitBreaker as breakerOf,
  ConsecutiveBreaker,
  ConstantBackoff,
  handleAll,
  retry as retryOf,
  timeout as timeoutOf,
  TimeoutStrategy,
} from 'cockatiel'
import { bulkhead, retry, timeout, wrap } from 'keelson/effect'
import { describe, expect, it } from 'vitest'

import { held } from '../support/promises.ts'
import { rejection } from '../support/rejection.ts'
import { useStage } from '../support/system.ts'

const stage = useStage()
const boom = new Error('boom')
const HOUR = 3_600_000

describe('a policy of cockatiel inside wrap', () => {
  it('counts the attempts of a retry around it, and refuses them once its circuit is open', async () => {
    const breaker = breakerOf(handleAll, { halfOpenAfter: HOUR, breaker: new ConsecutiveBreaker(2) })
    const stack = wrap(retry({ system: stage.system, maxAttempts: 4, backoff: 0 }), breaker)
    let runs = 0
    const failing = (): never => {
      runs++
      throw boom
    }
    const failed = rejection(stack.execute(failing))
    await stage.clock.advance(1)
    expect(await failed).toBeInstanceOf(BrokenCircuitError)
    expect(runs).toBe(2)
  })

  it('retries what the policies inside it do, with its own waits', async () => {
    const { system } = stage
    const places = bulkhead({ system, limit: 1 })
    const stack = wrap(retryOf(handleAll, { maxAttempts: 2, backoff: new ConstantBackoff(1) }), places)
    let runs = 0
    const flaky = async (): Promise<string> => {
      if (++runs < 3) throw boom
      return 'done'
    }
    expect(await stack.execute(flaky)).toBe('done')
    expect([runs, places.stats]).toMatchObject([3, { started: 3 }])
    runs = -5
    expect(await rejection(stack.execute(flaky))).toBe(boom)
    expect(runs).toBe(-2)
  })

  it('hears that its caller gives up, and hands that on to the work', async () => {
    const seen: unknown[] = []
    const policy = retryOf(handleAll, { maxAttempts: 0 })
    const controller = new AbortController()
    const call = rejection(
      wrap(policy, timeout(1000, { system: stage.system })).execute(
        ({ signal }) =>
          new Promise((_, reject) =>
            signal.addEventListener('abort', () => {
              seen.push(signal.reason)
              reject(signal.reason)
            }),
          ),
        { signal: controller.signal },
      ),
    )
    await stage.turn()
    controller.abort(boom)
    expect([await call, seen]).toEqual([boom, [boom]])
    expect(stage.clock.getPendingTimerCount()).toBe(0)
  })

  it('aborts the work inside it when its own time is over', async () => {
    const policy = timeoutOf(1, TimeoutStrategy.Cooperative)
    const stack = wrap(policy, bulkhead({ system: stage.system, limit: 1 }))
    const work = ({ signal }: { readonly signal: AbortSignal }): Promise<string> =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve('aborted')))
    expect(await stack.execute(work)).toBe('aborted')
  })

  it('frees its place when the time of a policy around it is over', async () => {
    const places = bulkheadOf(1, 0)
    const stack = wrap(timeout(50, { system: stage.system }), places)
    const gate = held()
    const late = rejection(stack.execute(gate.task))
    await stage.turn()
    expect(await rejection(stack.execute(() => 1))).toBeInstanceOf(BulkheadRejectedError)
    await stage.clock.advance(50)
    expect(await late).toMatchObject({ code: 'KEELSON_TIMEOUT' })
    // Its place is free once the work has ended.
    expect(places.executionSlots).toBe(0)
    gate.resolve(1)
    await stage.turn()
    expect([places.executionSlots, await stack.execute(() => 'next')]).toEqual([1, 'next'])
  })
})
