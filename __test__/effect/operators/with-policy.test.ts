// Effects under policies: of this package, in stacks, and of others.
import { AsyncLocalStorage } from 'node:async_hooks'
import { Atrion, isShedError, isTimeoutError } from 'keelson'
import {
  admit,
  bulkhead,
  circuitBreaker,
  type Effect,
  effect,
  fail,
  fallback,
  hedge,
  isBulkheadRejectedError,
  isCircuitOpenError,
  type Policy,
  repeat,
  retry,
  sleep,
  succeed,
  timeout,
  wrap,
} from 'keelson/effect'
import { describe, expect, it } from 'vitest'

import { countingControllers } from '../../support/counting-controllers.ts'
import { err, interrupted, ok, timedOut, useWorld } from '../../support/effects.ts'
import { deferred } from '../../support/promises.ts'

const world = useWorld()

/** Takes so long, and so long again to stop. */
const slow = (name: string, ms = 1000, stopMs = 5): Effect<unknown, string> =>
  sleep(ms)
    .map(() => name)
    .onInterrupt(() => sleep(stopMs).flatMap(() => world().note(`${name} stopped at ${world().clock.monoMs()}`)))

describe('[policy] an effect under one', () => {
  it('timeout: fails with its error when the attempt has stopped, and leaves no timer', async () => {
    const { system, clock, log, reported } = world()
    const policy = timeout(50, { system })
    expect(await slow('in time', 0).withPolicy(policy).unsafeRunPromise({ system })).toEqual(ok('in time'))
    const result = slow('late').withPolicy(policy).unsafeRunPromise({ system })
    await clock.advance(55)
    const end = await result
    expect(end._tag === 'Err' && isTimeoutError(end.error)).toBe(true)
    expect([log, clock.getPendingTimerCount(), policy.stats.timedOut]).toEqual([['late stopped at 55'], 0, 1])
    const quick = sleep(1000).withPolicy(policy).unsafeRunPromise({ system })
    await clock.advance(50)
    expect(await quick).toMatchObject({ _tag: 'Err', error: { code: 'KEELSON_TIMEOUT' } })
    expect(reported).toEqual([])
  })

  it('retry: each attempt is a child that is closed before the next, and a pause is a wait like any other', async () => {
    const { system, clock, log } = world()
    let attempt = 0
    const flaky = effect((env) => {
      const name = ++attempt
      env.scope.push((cause) => log.push(`${name} ${cause} at ${clock.monoMs()}`))
      return name < 3 ? err(`failure ${name}`) : ok('value')
    }).withPolicy(retry({ system, backoff: 10 }))
    const result = flaky.unsafeRunPromise({ system })
    await clock.advance(20)
    expect(await result).toEqual(ok('value'))
    expect(log).toEqual(['1 error at 0', '2 error at 10', '3 ok at 20'])
    attempt = 0
    const controller = new AbortController()
    const stopped = flaky.unsafeRunPromise({ system, signal: controller.signal })
    await clock.advance(5)
    controller.abort('stop')
    expect(await stopped).toEqual(interrupted('stop'))
    expect([attempt, clock.getPendingTimerCount()]).toEqual([1, 0])
  })

  it('circuit breaker: a refused run is a failure with the typed error, and the effect is not run', async () => {
    const { system, log, note } = world()
    const breaker = circuitBreaker({ system, consecutive: 1 })
    expect(await fail('down').withPolicy(breaker).unsafeRunPromise({ system })).toEqual(err('down'))
    const refused = note('run').withPolicy(breaker)
    const end = await refused.unsafeRunPromise({ system })
    expect(end._tag === 'Err' && isCircuitOpenError(end.error) && end.error.reason).toBe('open')
    await expect(refused.run({ system })).rejects.toMatchObject({ code: 'KEELSON_CIRCUIT_OPEN', retryAfterMs: 5000 })
    expect(await refused.catch((error) => succeed(isCircuitOpenError(error))).run({ system })).toBe(true)
    expect(log).toEqual([])
  })

  it('circuit breaker: an interrupt says nothing of what is behind it, a timeout around it does', async () => {
    const { system, clock } = world()
    const breaker = circuitBreaker({ system, consecutive: 1 })
    const stopped = slow('a').withPolicy(breaker).timeout(10).unsafeRunPromise({ system })
    await clock.advance(20)
    expect([await stopped, breaker.stats.ignored, breaker.state]).toEqual([timedOut, 1, 'closed'])
    const late = slow('b')
      .withPolicy(wrap(timeout(10, { system }), breaker))
      .unsafeRunPromise({ system })
    await clock.advance(20)
    expect([isTimeoutError(((await late) as { error: unknown }).error), breaker.state]).toEqual([true, 'open'])
  })

  it('bulkhead: a place is free when the finalisers have ended, and an interrupt leaves the queue', async () => {
    const { system, clock, log } = world()
    const policy = bulkhead({ system, limit: 1, queue: 1 })
    const first = slow('first', 1000, 20).withPolicy(policy).timeout(10).unsafeRunPromise({ system })
    const queued = slow('queued', 5).withPolicy(policy).timeout(15).unsafeRunPromise({ system })
    const refused = await slow('refused').withPolicy(policy).unsafeRunPromise({ system })
    expect(refused._tag === 'Err' && isBulkheadRejectedError(refused.error) && refused.error.reason).toBe('full')
    await clock.advance(15)
    expect([await queued, policy.stats.queued, policy.stats.active]).toEqual([timedOut, 0, 1])
    const next = slow('next', 5).withPolicy(policy).unsafeRunPromise({ system })
    await clock.advance(14)
    expect(log).toEqual([])
    await clock.advance(20)
    expect([await first, await next]).toEqual([timedOut, ok('next')])
    expect([log, policy.stats.active]).toEqual([['first stopped at 30'], 0])
  })

  it('bulkhead: cleared and drained work settles, as a failure that says why', async () => {
    const { system, clock } = world()
    const policy = bulkhead({ system, limit: 1, queue: 2 })
    const run = (): Promise<unknown> => slow('a', 10).withPolicy(policy).unsafeRunPromise({ system })
    const [first, cleared] = [run(), run()]
    await clock.flush()
    policy.clear()
    expect(await cleared).toMatchObject({ _tag: 'Err', error: { reason: 'cleared' } })
    const drained = run()
    await clock.flush()
    const idle = policy.drain()
    expect(await drained).toMatchObject({ _tag: 'Err', error: { reason: 'draining' } })
    expect(await run()).toMatchObject({ _tag: 'Err', error: { reason: 'draining' } })
    await clock.advance(10)
    expect(await first).toEqual(ok('a'))
    await idle
  })

  it('hedge: the loser is interrupted, and its finalisers waited for', async () => {
    const { system, clock, log } = world()
    let attempt = 0
    const racing = effect(() => ++attempt).flatMap((n) => slow(`try ${n}`, n === 1 ? 1000 : 5))
    const policy = hedge({ system, afterMs: 10 })
    const result = racing.withPolicy(policy).unsafeRunPromise({ system })
    await clock.advance(20)
    expect(await result).toEqual(ok('try 2'))
    expect([log, policy.stats]).toEqual([['try 1 stopped at 20'], { calls: 1, hedges: 1, won: 1, late: 0 }])
  })

  it('fallback and repeat', async () => {
    const { system, clock } = world()
    expect(await fail('x').withPolicy(fallback('else', { system })).unsafeRunPromise({ system })).toEqual(ok('else'))
    let runs = 0
    const counted = effect(() => ++runs).withPolicy(repeat({ system, every: 10, times: 3 }))
    const result = counted.unsafeRunPromise({ system })
    await clock.advance(20)
    expect(await result).toEqual(ok(3))
  })

  it('admission: atrion.run around an effect, which has its deadline and its refusals', async () => {
    const { system, clock, log } = world()
    const atrion = new Atrion({ system, admission: { limit: 1, tricklePerSecond: 1e-9, trickleShare: 0 } })
    const policy = admit(atrion, 'db', { timeoutMs: 50, system })
    expect(await succeed(1).withPolicy(policy).unsafeRunPromise({ system })).toEqual(ok(1))
    const late = slow('query').withPolicy(policy).unsafeRunPromise({ system })
    await clock.advance(60)
    expect(await late).toMatchObject({ _tag: 'Err', error: { code: 'KEELSON_TIMEOUT' } })
    expect(log).toEqual(['query stopped at 55'])
    while (atrion.tryAdmit('db').allow);
    const tries = Array.from({ length: 200 }, () => world().note('run').withPolicy(policy).unsafeRunPromise({ system }))
    await clock.advance(100)
    const ends = await Promise.all(tries)
    expect(ends.every((end) => end._tag === 'Err' && (isShedError(end.error) || isTimeoutError(end.error)))).toBe(true)
    expect(ends.some((end) => end._tag === 'Err' && isShedError(end.error))).toBe(true)
    expect(log).toHaveLength(1)
    atrion.close()
  })

  it('an attempt that interrupts itself is a failure like any other', async () => {
    const { system } = world()
    let attempt = 0
    const quitting = effect(({ cancel }) => void (++attempt < 2 && cancel.cancel('mine'))).map(() => attempt)
    expect(await quitting.withPolicy(retry({ system, backoff: 0 })).unsafeRunPromise({ system })).toEqual(ok(2))
    attempt = 0
    const once = quitting.withPolicy(timeout(10, { system }))
    expect(await once.unsafeRunPromise({ system })).toEqual(interrupted('mine'))
  })
})

describe('[policy] an effect under a stack', () => {
  const stack = (): Policy => {
    const { system } = world()
    return wrap(
      timeout(2000, { system }),
      retry({ system, maxAttempts: 3, backoff: 10 }),
      circuitBreaker({ system, consecutive: 10 }),
      bulkhead({ system, limit: 1, queue: 1 }),
      timeout(100, { system, strategy: 'cooperative' }),
    )
  }

  it('ends as the stack says, one attempt after the other', async () => {
    const { system, clock, log } = world()
    const result = slow('attempt').withPolicy(stack()).unsafeRunPromise({ system })
    await clock.advance(1000)
    expect(await result).toMatchObject({ _tag: 'Err', error: { code: 'KEELSON_TIMEOUT', timeoutMs: 100 } })
    expect(log).toEqual([105, 220, 335].map((at) => `attempt stopped at ${at}`))
  })

  it('is given up wherever it waits: in an attempt, a pause, a queue; nothing is left', async () => {
    const { system, clock, log } = world()
    const policy = stack()
    for (const at of [50, 110]) {
      const begun = clock.monoMs()
      const stopped = slow('attempt').withPolicy(policy).timeout(at).unsafeRunPromise({ system })
      await clock.advance(at + 5)
      expect([await stopped, clock.getPendingTimerCount()]).toEqual([timedOut, 0])
      expect(log.splice(0)).toEqual([`attempt stopped at ${begun + (at === 50 ? 55 : 105)}`])
    }
    const first = slow('first', 40).withPolicy(policy).unsafeRunPromise({ system })
    const queued = slow('queued').withPolicy(policy).timeout(20).unsafeRunPromise({ system })
    await clock.advance(40)
    expect([await first, await queued, log]).toEqual([ok('first'), timedOut, []])
  })

  it('has values and the AsyncLocalStorage context in each attempt, whoever resumes it', async () => {
    const { system, clock } = world()
    const als = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const failing = effect((env) => {
      seen.push(`${als.getStore()} ${env.get('user')}`)
      return sleep(1)
        .flatMap(() => fail('x'))
        .unsafeRunPromise() as never
    })
    const program = failing.withPolicy(stack()).withContext('user', 'alice')
    const result = als.run('caller', () => program.unsafeRunPromise({ system }))
    await als.run('advances', () => clock.advance(100))
    expect(await result).toEqual(err('x'))
    expect(seen).toEqual(Array(3).fill('caller alice'))
  })

  it('makes no AbortController, neither to interrupt an attempt nor to be interrupted', async () => {
    const { system, clock } = world()
    await countingControllers(async (made) => {
      const result = slow('attempt').withPolicy(stack()).timeout(150).unsafeRunPromise({ system })
      await clock.advance(200)
      expect([await result, made()]).toEqual([timedOut, 0])
    })
  })

  it('does not grow the stack over many attempts that fail at once', async () => {
    const { system } = world()
    let attempts = 0
    const failing = effect(() => {
      attempts++
      return err('x')
    })
    const policy = retry({ system, maxAttempts: 20_000, backoff: 0 })
    expect(await failing.withPolicy(policy).unsafeRunPromise({ system })).toEqual(err('x'))
    expect(attempts).toBe(20_000)
  })
})

describe('[policy] of another library', () => {
  const twice: Policy = {
    async execute(task, options) {
      try {
        return await task({ signal: options!.signal!, attempt: 1 })
      } catch {
        return await task({ signal: options!.signal!, attempt: 2 })
      }
    },
  }

  it('runs the effect as its task, each attempt a child', async () => {
    const { system, log } = world()
    let attempt = 0
    const flaky = effect((env) => {
      env.scope.push((cause) => log.push(`closed ${cause}`))
      return ++attempt < 2 ? err({ _tag: 'Flaky' }) : ok('value')
    })
    expect(await flaky.withPolicy(twice).unsafeRunPromise({ system })).toEqual(ok('value'))
    expect(log).toEqual(['closed error', 'closed ok'])
  })

  it('failures pass as they are, and so do results as values', async () => {
    const { system } = world()
    const failure = { _tag: 'Typed' }
    const result = await fail(failure).withPolicy(twice).unsafeRunPromise({ system })
    expect(result._tag === 'Err' && result.error).toBe(failure)
    expect(await succeed(err(1)).withPolicy(twice).unsafeRunPromise({ system })).toEqual(ok(err(1)))
  })

  it('its signal interrupts the attempt, and an interrupt reaches the policy', async () => {
    const { system, clock, log, note } = world()
    const controller = new AbortController()
    let outer: AbortSignal | undefined
    const policy: Policy = {
      execute: async (task, options) => {
        outer = options?.signal
        return task({ signal: controller.signal, attempt: 1 })
      },
    }
    const stopping = sleep(1000).onInterrupt(() => sleep(5).flatMap(() => note('stopped')))
    const result = stopping.withPolicy(policy).unsafeRunPromise({ system })
    await clock.flush()
    const reason = new Error('given up')
    controller.abort(reason)
    await clock.advance(5)
    expect(await result).toEqual(err(reason))
    const never: Policy = {
      execute: (task, options) => {
        outer = options?.signal
        return task({ signal: new AbortController().signal, attempt: 1 }) as never
      },
    }
    const stopped = stopping.withPolicy(never).timeout(10).unsafeRunPromise({ system })
    await clock.advance(15)
    expect(await stopped).toEqual(timedOut)
    expect([outer?.aborted, log]).toEqual([true, ['stopped', 'stopped']])
  })

  it('an attempt that it abandons ends before the effect does; a late one is refused', async () => {
    const { system, clock, log, note } = world()
    const late = deferred<unknown>()
    const policy: Policy = {
      execute: async (task) => {
        void Promise.resolve(task({ signal: new AbortController().signal, attempt: 1 })).catch(() => {})
        setImmediate(() =>
          late.resolve(
            Promise.resolve(task({ signal: new AbortController().signal, attempt: 2 })).catch(
              (error: unknown) => error,
            ),
          ),
        )
        return 'mine' as never
      },
    }
    const result = await sleep(1000)
      .onInterrupt(() => note('stopped'))
      .withPolicy(policy)
      .run({ system })
    expect([result, log]).toEqual(['mine', ['stopped']])
    await clock.flush()
    expect(await late.promise).toMatchObject({ code: 'KEELSON_INTERRUPTED' })
    expect(interrupted()).toEqual(err({ _tag: 'Interrupted' }))
  })
})
