/** Requests of users of cockatiel, opossum, p-limit and p-timeout, each under its issue there. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { bulkhead, circuitBreaker, fallback, hedge, retry, type Stack, timeout, wrap } from 'keelson/effect'
import { createControlledClock } from 'keelson/clock'
import { createSystem } from 'keelson/system'
import { describe, expect, it } from 'vitest'

import { countingControllers } from '../support/counting-controllers.ts'
import { abortListeners, boom, failing, forever, useWorld } from '../support/policies.ts'
import { held } from '../support/promises.ts'
import { rejection } from '../support/rejection.ts'

const world = useWorld()
const aStack = (): Stack => {
  const { system } = world
  return wrap(
    timeout(1000, { system }),
    retry({ system, backoff: 1 }),
    circuitBreaker({ system, consecutive: 1000 }),
    bulkhead({ system, limit: 20_000, queue: 10 }),
  )
}

describe('cockatiel #81, #82, #69 and p-timeout #42: abort listeners grow', () => {
  it('adds none over 100 000 calls on one signal, and warns of nothing', async () => {
    const warnings: unknown[] = []
    const onWarning = (warning: unknown): number => warnings.push(warning)
    process.on('warning', onWarning)
    const { signal } = new AbortController()
    const policy = aStack()
    let most = 0
    for (let call = 0; call < 100_000; call++) {
      await policy.execute(
        async () => {
          most = Math.max(most, abortListeners(signal))
        },
        { signal },
      )
    }
    expect([most, abortListeners(signal)]).toEqual([1, 0])
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
  })

  it('has one listener for 10 000 calls at once, of several policies, and tells them in order', async () => {
    const controller = new AbortController()
    const policies = [aStack(), aStack()]
    const order: number[] = []
    const calls = Array.from({ length: 10_000 }, (_, index) =>
      policies[index % 2]!.execute(forever, { signal: controller.signal }).catch(() => order.push(index)),
    )
    expect(abortListeners(controller.signal)).toBe(1)
    controller.abort('enough')
    await Promise.all(calls)
    expect(order).toEqual(Array.from({ length: 10_000 }, (_, index) => index))
    expect([abortListeners(controller.signal), world.clock.getPendingTimerCount()]).toEqual([0, 0])
  })

  it('makes no signal of its own for a task that does not ask for one', async () => {
    await countingControllers(async (made) => {
      await aStack().execute(() => 1)
      expect(made()).toBe(0)
      await aStack().execute(({ signal }) => signal.aborted)
      expect(made()).toBe(1)
    })
  })
})

describe('cockatiel #46: a signal reaches every wait', () => {
  const waits: [string, () => [Promise<unknown>, () => void]][] = [
    ['the task', () => begin(aStack(), forever)],
    [
      'the queue',
      () => {
        const policy = bulkhead({ system: world.system, limit: 1, queue: 1 })
        const first = held()
        void policy.execute(first.task)
        return begin(policy, failing, () => first.resolve(1))
      },
    ],
    ['the pause', () => begin(retry({ system: world.system, backoff: 1000 }), failing)],
    ['the hedge', () => begin(hedge({ system: world.system, afterMs: 1000 }), forever)],
    [
      'the probe',
      () => {
        const breaker = circuitBreaker({ system: world.system, consecutive: 1, openForMs: 1 })
        void breaker.execute(failing).catch(() => undefined)
        return begin(
          {
            execute: async (...args) => {
              await world.clock.sleep(5)
              return breaker.execute(...args)
            },
          },
          forever,
        )
      },
    ],
  ]
  let controller: AbortController
  function begin(
    policy: Pick<Stack, 'execute'>,
    task: () => Promise<unknown>,
    end = (): void => undefined,
  ): [Promise<unknown>, () => void] {
    controller = new AbortController()
    return [rejection(policy.execute(task, { signal: controller.signal })), end]
  }
  it.each(waits)('%s', async (_name, start) => {
    const [call, end] = start()
    await world.clock.advance(10)
    const reason = { any: 'reason' }
    controller.abort(reason)
    expect(await call).toBe(reason)
    expect([abortListeners(controller.signal), world.clock.getPendingTimerCount()]).toEqual([0, 0])
    end()
  })

  it('runs nothing with a signal that has been aborted', async () => {
    let runs = 0
    expect(await rejection(aStack().execute(() => ++runs, { signal: AbortSignal.abort('before') }))).toBe('before')
    expect(runs).toBe(0)
  })
})

describe('cockatiel #73: a success threshold', () => {
  it('closes only after so many probes, and opens again at the first failure', async () => {
    const { system } = world
    const breaker = circuitBreaker({ system, consecutive: 1, openForMs: 10, halfOpen: { successes: 2 } })
    await rejection(breaker.execute(failing))
    await world.clock.advance(10)
    await breaker.execute(() => 1)
    expect(breaker.state).toBe('halfOpen')
    await rejection(breaker.execute(failing))
    expect(breaker.state).toBe('open')
  })
})

describe('cockatiel #91 and opossum #719: made anew for each request', () => {
  it('opens, stays open and closes although each call has a breaker of its own, restored from text', async () => {
    const clock = createControlledClock()
    let saved: string | undefined
    const request = async (task: () => Promise<unknown>): Promise<string> => {
      const system = createSystem({ clock })
      const breaker = circuitBreaker({
        system,
        consecutive: 2,
        openForMs: 1000,
        ...(saved !== undefined && { state: JSON.parse(saved) }),
      })
      const error = await rejection(breaker.execute(task))
      saved = JSON.stringify(breaker)
      await system.close()
      return (error as { code?: string }).code === 'KEELSON_CIRCUIT_OPEN' ? 'refused' : breaker.state
    }
    const good = async (): Promise<number> => 1
    expect([await request(failing), await request(failing), await request(good)]).toEqual(['closed', 'open', 'refused'])
    await clock.advance(999)
    expect(await request(good)).toBe('refused')
    await clock.advance(1)
    expect(clock.getPendingTimerCount()).toBe(0)
    expect([await request(good), await request(failing)]).toEqual(['closed', 'closed'])
  })
})

describe('opossum #57, #59, #119, #276, #277, #385, #484: stuck half open, or open for ever', () => {
  it('half opens after concurrent failures, however many, and whatever the minimum', async () => {
    const { system } = world
    const breaker = circuitBreaker({ system, failureRatio: 0.5, windowMs: 1000, minimumCalls: 50, openForMs: 100 })
    const late = held()
    const calls = Array.from({ length: 100 }, () => rejection(breaker.execute(late.task)))
    late.reject(boom)
    await Promise.all(calls)
    expect(breaker.state).toBe('open')
    await world.clock.advance(100)
    // One probe decides, although the minimum is fifty.
    await breaker.execute(() => 1)
    expect(breaker.state).toBe('closed')
  })
})

describe('opossum #819 and safe-client-gateway #3442: probes pile up', () => {
  it('lets one probe in at a time, and none for the 30 s that it hangs', async () => {
    const { system } = world
    const breaker = circuitBreaker({ system, consecutive: 1, openForMs: 10 })
    await rejection(breaker.execute(failing))
    await world.clock.advance(10)
    let runs = 0
    const hang = (): Promise<never> => {
      runs++
      return forever()
    }
    for (let second = 0; second < 30; second++) {
      for (let call = 0; call < 100; call++) void breaker.execute(hang).catch(() => undefined)
      await world.clock.advance(999)
    }
    expect(runs).toBe(1)
  })
})

describe('p-limit #25 and #26: cleared work never settles', () => {
  it('rejects cleared work, and says when it is idle', async () => {
    const policy = bulkhead({ system: world.system, limit: 1, queue: 1000 })
    const first = held()
    const running = policy.execute(first.task)
    const cleared = Array.from({ length: 1000 }, () => rejection(policy.execute(failing)))
    policy.clear()
    for (const error of await Promise.all(cleared)) expect(error).toMatchObject({ reason: 'cleared' })
    first.resolve(1)
    await Promise.all([running, policy.whenIdle()])
  })
})

describe('p-queue #200 and p-limit #83: the asynchronous context', () => {
  it('is the caller’s in everything a user wrote', async () => {
    const { system, clock } = world
    const store = new AsyncLocalStorage<string>()
    const seen: Record<string, (string | undefined)[]> = {}
    const see = (what: string): void => {
      ;(seen[what] ??= []).push(store.getStore())
    }
    const policy = wrap(
      fallback(() => see('fallback'), { system }),
      retry({
        system,
        maxAttempts: 3,
        backoff: 10,
        when: () => {
          see('when')
          return true
        },
      }),
      circuitBreaker({
        system,
        consecutive: 1000,
        isFailure: () => {
          see('isFailure')
          return true
        },
      }),
      bulkhead({ system, limit: 1, queue: 10 }),
      hedge({ system, afterMs: 20 }),
      timeout(30, { system }),
    )
    const call = (name: string): Promise<unknown> =>
      store.run(name, () =>
        policy.execute(async ({ signal }) => {
          see(`task of ${name}`)
          await clock.sleep(1e6, { signal })
        }),
      )
    const calls = [call('a'), call('b')]
    await store.run('clock', () => clock.advance(1000))
    await Promise.all(calls)
    expect(seen['task of a']).toEqual(Array(6).fill('a'))
    expect(seen['task of b']).toEqual(Array(6).fill('b'))
    expect(seen['fallback']?.toSorted()).toEqual(['a', 'b'])
    expect(seen['when']?.toSorted()).toEqual(['a', 'a', 'b', 'b'])
    expect(seen['isFailure']?.toSorted()).toEqual(['a', 'a', 'a', 'b', 'b', 'b'])
  })
})

describe('opossum: a function, wrapped', () => {
  it('keeps `this` and its arguments', async () => {
    const account = {
      balance: 5,
      add: aStack().wrapFunction(function add(this: { balance: number }, one: number, two: string) {
        return `${this.balance + one}${two}`
      }),
    }
    expect(await account.add(2, '!')).toBe('7!')
    const single = timeout(10, { system: world.system }).wrapFunction((a: number, b: number) => a + b)
    expect(await single(1, 2)).toBe(3)
  })
})

describe('rejections that cost ten microseconds', () => {
  it('are errors in every way that a program looks at them, without a trace', async () => {
    const breaker = circuitBreaker({ system: world.system, name: 'db' })
    breaker.isolate()
    const { CircuitOpenError, isCircuitOpenError, isKeelsonError } = await import('keelson')
    const error = (await rejection(breaker.execute(failing))) as Error
    expect([error instanceof Error, error instanceof CircuitOpenError]).toEqual([true, true])
    expect([isKeelsonError(error), isCircuitOpenError(error), error.constructor]).toEqual([
      true,
      true,
      CircuitOpenError,
    ])
    expect([error.name, error.message, String(error), error.stack]).toEqual([
      'CircuitOpenError',
      'db is isolated',
      'CircuitOpenError: db is isolated',
      'CircuitOpenError: db is isolated',
    ])
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      code: 'KEELSON_CIRCUIT_OPEN',
      policy: 'db',
      reason: 'isolated',
    })
    error.stack = 'mine'
    const other = (await rejection(breaker.execute(failing))) as Error
    expect([error.stack, other.stack, other === error]).toEqual(['mine', 'CircuitOpenError: db is isolated', false])
    const made = new CircuitOpenError('db', 'open', 5)
    expect([made.message, made.stack?.includes('issues-of-peers.test')]).toEqual([
      'db is open, ask again in 5 ms',
      true,
    ])
  })
})
