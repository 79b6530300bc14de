import * as fc from 'fast-check'
import { ShedError } from 'keelson'
import { circuitBreaker, repeat, retry, retryBudget, schedule, type RetryOptions } from 'keelson/effect'
import { createSystem } from 'keelson/system'
import { describe, expect, it } from 'vitest'

import { boom, failing, useWorld } from '../../support/policies.ts'
import { watched } from '../../support/promises.ts'
import { rejection } from '../../support/rejection.ts'

const world = useWorld()
const aRetry = (options: RetryOptions = {}): ReturnType<typeof retry> =>
  retry({ system: world.system, backoff: 0, ...options })

/** A task that fails so often before it gives its attempt. */
const failsTimes = (times: number, error: unknown = boom) => {
  let runs = 0
  return ({ attempt }: { attempt: number }): Promise<number> =>
    ++runs <= times ? Promise.reject(error) : Promise.resolve(attempt)
}

describe('retry', () => {
  it('tries again until it succeeds or no try is left, and then rejects with the last error as it is', async () => {
    const policy = aRetry({ maxAttempts: 3 })
    expect(await policy.execute(failsTimes(2))).toBe(3)
    const errors = [new Error('1'), new Error('2'), new Error('3')]
    let index = 0
    expect(await rejection(policy.execute(() => Promise.reject(errors[index++])))).toBe(errors[2])
    expect(policy.stats).toEqual({ calls: 2, retries: 4, succeeded: 1, gaveUp: 1 })
  })

  it('tells what it does, in order', async () => {
    const policy = aRetry({ maxAttempts: 2, backoff: schedule.list([5]) })
    const told: unknown[] = []
    for (const event of ['success', 'failure', 'retry', 'giveUp'] as const) {
      policy.on(event, (what) => told.push([event, what]))
    }
    const good = policy.execute(failsTimes(1))
    await world.clock.advance(5)
    await good
    const bad = rejection(policy.execute(failing))
    await world.clock.advance(5)
    await bad
    const begins = [
      ['failure', { error: boom, attempt: 1 }],
      ['retry', { error: boom, attempt: 1, delayMs: 5 }],
    ]
    expect(told).toEqual([
      ...begins,
      ['success', { value: 2, attempts: 2 }],
      ...begins,
      ['failure', { error: boom, attempt: 2 }],
      ['giveUp', { error: boom, attempts: 2, because: 'attempts' }],
    ])
  })

  it('waits as long as the error asks, and gives up when that is too long', async () => {
    const busy = (retryAfterMs: number): Error => Object.assign(new Error('busy'), { retryAfterMs })
    const policy = aRetry({ maxAttempts: 2, backoff: 10, maxDelayMs: 1000 })
    const call = watched(policy.execute(failsTimes(1, busy(500))))
    await world.clock.advance(499)
    expect(call.state()).toBe('pending')
    await world.clock.advance(1)
    expect(await call.promise).toBe(2)
    const because: string[] = []
    policy.on('giveUp', (event) => because.push(event.because))
    const tooLong = busy(1001)
    expect(await rejection(policy.execute(failsTimes(1, tooLong)))).toBe(tooLong)
    expect(because).toEqual(['delay'])
    for (const nonsense of [NaN, -5, '700' as never]) {
      const short = policy.execute(failsTimes(1, busy(nonsense)))
      await world.clock.advance(10)
      expect(await short).toBe(2)
    }
  })

  it('does not retry refusals and bad arguments, unless told to', async () => {
    const breaker = circuitBreaker({ system: world.system })
    breaker.isolate()
    const policy = aRetry()
    let runs = 0
    const refused = (): Promise<never> => {
      runs++
      return breaker.execute(failing)
    }
    expect(await rejection(policy.execute(refused))).toMatchObject({ code: 'KEELSON_CIRCUIT_OPEN' })
    expect(runs).toBe(1)
    expect(await policy.execute(failsTimes(1, new ShedError('db', 'limit', 5, 10))).catch(() => 'shed')).toBe('shed')
    await rejection(aRetry({ when: () => true }).execute(refused))
    expect(runs).toBe(4)
  })

  it('retries values that are not wanted, and ends with the last', async () => {
    let runs = 0
    const policy = aRetry({ maxAttempts: 3, whenResult: (value) => (value as number) < 5 })
    expect(await policy.execute(() => ++runs)).toBe(3)
    runs = 4
    expect(await policy.execute(() => ++runs)).toBe(5)
  })

  it('reports a predicate that throws, and gives up with the error of the task', async () => {
    const second = new Error('when')
    const policy = aRetry({
      when: () => {
        throw second
      },
    })
    expect(await rejection(policy.execute(failing))).toBe(boom)
    expect(world.reported.splice(0)).toEqual([[second, 'when of retry']])
  })

  it('ends a pause when its caller aborts, with the reason, and leaves no timer', async () => {
    const controller = new AbortController()
    const call = rejection(aRetry({ backoff: 1000 }).execute(failing, { signal: controller.signal }))
    await world.clock.advance(500)
    expect(world.clock.getPendingTimerCount()).toBe(1)
    controller.abort('enough')
    expect(await call).toBe('enough')
    expect(world.clock.getPendingTimerCount()).toBe(0)
  })

  it('does not grow the stack over many immediate tries', async () => {
    const policy = aRetry({ maxAttempts: 50_000 })
    const sync = (): never => {
      throw boom
    }
    expect(await rejection(policy.execute(sync))).toBe(boom)
    expect(policy.stats.retries).toBe(49_999)
  })
})

describe('a retry budget', () => {
  it('lets load grow by its ratio when everything fails, whatever the number of attempts', async () => {
    const budget = retryBudget({ ratio: 0.1, minPerSecond: 0, burst: 10 })
    const policy = aRetry({ maxAttempts: 10, budget })
    let runs = 0
    for (let call = 0; call < 1000; call++) {
      await rejection(
        policy.execute(() => {
          runs++
          return failing()
        }),
      )
    }
    // What was saved up, and a tenth of the calls but the first, whose tenth found the bucket full.
    expect(runs).toBeGreaterThanOrEqual(1000 + 10 + 98)
    expect(runs).toBeLessThanOrEqual(1000 + 10 + 100)
  })

  it('allows so many a second whatever the traffic, and says that it ended the call', async () => {
    const policy = aRetry({ maxAttempts: 100, budget: retryBudget({ ratio: 0, minPerSecond: 2, burst: 1 }) })
    const because: string[] = []
    policy.on('giveUp', (event) => because.push(`${event.because} after ${event.attempts}`))
    for (const wait of [0, 250, 250, 500, 10_000]) {
      await world.clock.advance(wait)
      await rejection(policy.execute(failing))
    }
    expect(because).toEqual([2, 1, 2, 2, 2].map((attempts) => `budget after ${attempts}`))
  })

  it('never allows more than its ratio, its rate and its burst', async () => {
    const ratio = fc.double({ min: 0, max: 1, noNaN: true })
    const perSecond = fc.double({ min: 0, max: 20, noNaN: true })
    const events = fc.array(fc.oneof(fc.constant('call'), fc.constant('retry'), fc.nat(2000)), {
      maxLength: 200,
      size: 'max',
    })
    fc.assert(
      fc.property(ratio, perSecond, fc.integer({ min: 1, max: 20 }), events, (share, rate, burst, all) => {
        const budget = retryBudget({ ratio: share, minPerSecond: rate, burst })
        let [now, calls, retries] = [0, 0, 0]
        for (const event of all) {
          if (event === 'call') {
            calls++
            budget.deposit()
          } else if (event === 'retry') retries += budget.withdraw(now) ? 1 : 0
          else now += event
          expect(retries).toBeLessThanOrEqual(burst + calls * share + (now * rate) / 1000 + 1e-6)
          expect(budget.tokens).toBeGreaterThanOrEqual(0)
          expect(budget.tokens).toBeLessThanOrEqual(burst)
        }
      }),
    )
  })
})

describe('schedules', () => {
  it('stay within their bounds for every jitter, and repeat with the seed', () => {
    const jitter = fc.constantFrom('full' as const, 'equal' as const, 'decorrelated' as const, 'none' as const)
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 1e4, noNaN: true }),
        fc.double({ min: 1, max: 10, noNaN: true }),
        fc.double({ min: 1, max: 1e6, noNaN: true }),
        jitter,
        fc.nat(),
        (initialMs, factor, more, kind, seed) => {
          const maxMs = initialMs + more
          const plan = schedule.exponential({ initialMs, factor, maxMs, jitter: kind, times: 20 })
          const draw = (): number[] => {
            const system = createSystem({ seed })
            const pauses = plan.begin(system.random)
            const drawn = Array.from({ length: 20 }, () => pauses.next() as number)
            void system.close()
            return drawn
          }
          const first = draw()
          let previous = initialMs
          for (const [index, pause] of first.entries()) {
            const whole = Math.min(initialMs * factor ** index, maxMs)
            const [low, high] = {
              none: [whole, whole],
              full: [0, whole],
              equal: [whole / 2, whole],
              decorrelated: [initialMs, Math.min(previous * 3, maxMs)],
            }[kind] as [number, number]
            expect(pause).toBeGreaterThanOrEqual(low * (1 - 1e-9))
            expect(pause).toBeLessThanOrEqual(high * (1 + 1e-9))
            previous = pause
          }
          expect(draw()).toEqual(first)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('end after so many pauses, and with that the tries', async () => {
    const counts: number[] = []
    for (const backoff of [schedule.constant(0, { times: 1 }), schedule.list([0, 0]), schedule.list([])]) {
      let runs = 0
      const policy = aRetry({ maxAttempts: 10, backoff })
      await rejection(
        policy.execute(() => {
          runs++
          return failing()
        }),
      )
      counts.push(runs)
    }
    expect(counts).toEqual([2, 3, 1])
  })

  it('may be of a user, whose nonsense is reported and ends the tries', async () => {
    const policy = aRetry({ backoff: { begin: () => ({ next: () => NaN }) } })
    expect(await rejection(policy.execute(failing))).toBe(boom)
    expect(world.reported.splice(0)).toMatchObject([
      [{ code: 'KEELSON_INVALID_ARGUMENT', field: 'the pause of a schedule' }, 'the pause of retry'],
    ])
  })
})

describe('repeat', () => {
  it('runs so many times, or until a value, with pauses, and gives the last value', async () => {
    const at: number[] = []
    const task = ({ attempt }: { attempt: number }): number => {
      at.push(world.clock.monoMs())
      return attempt
    }
    const { system } = world
    const times = repeat({ system, every: 100, times: 3 }).execute(task)
    await world.clock.advance(300)
    expect([await times, at.splice(0)]).toEqual([3, [0, 100, 200]])
    const until = repeat({ system, every: 10, until: (value) => value === 2 }).execute(task)
    await world.clock.advance(100)
    expect([await until, at.splice(0)]).toEqual([2, [300, 310]])
    const planned = repeat({ system, every: schedule.list([1, 2]) }).execute(task)
    await world.clock.advance(100)
    expect(await planned).toBe(3)
  })

  it('ends with a failure, of the task or of `until`, and with its caller', async () => {
    const { system } = world
    expect(await rejection(repeat({ system, every: 1 }).execute(failing))).toBe(boom)
    const until = (): never => {
      throw boom
    }
    expect(await rejection(repeat({ system, every: 1, until }).execute(() => 1))).toBe(boom)
    const controller = new AbortController()
    const call = rejection(repeat({ system, every: 1000 }).execute(() => 1, { signal: controller.signal }))
    await world.clock.advance(1500)
    controller.abort('enough')
    expect(await call).toBe('enough')
  })
})
