import * as fc from 'fast-check'
import { bulkhead, circuitBreaker, fallback, hedge, type Policy, repeat, retry, timeout, wrap } from 'keelson/effect'
import { createSystem } from 'keelson/system'
import { describe, expect, it } from 'vitest'

import { abortListeners, boom, useWorld } from '../support/policies.ts'

const world = useWorld()

describe('wrap', () => {
  it('runs the first outermost, flattens stacks, and keeps what it was given', async () => {
    const { system } = world
    const inner = wrap(retry({ system, maxAttempts: 2, backoff: 0 }), timeout(50, { system }))
    const policy = wrap(fallback('else', { system }), inner)
    expect(policy.policies[1]).toBe(inner)
    let runs = 0
    const call = policy.execute(() => {
      runs++
      return world.clock.sleep(100)
    })
    await world.clock.advance(100)
    expect([await call, runs]).toEqual(['else', 2])
    await world.clock.advance(100)
  })

  it('tells listeners in order of registration, and reports what they throw', async () => {
    const policy = timeout(10, { system: world.system })
    const told: string[] = []
    const end = policy.on('success', () => told.push('one'))
    policy.on('success', () => {
      throw boom
    })
    policy.on('success', () => told.push('three'))
    await policy.execute(() => 1)
    end()
    await policy.execute(() => 1)
    expect(told).toEqual(['one', 'three', 'three'])
    expect(world.reported.splice(0).map(([, origin]) => origin)).toEqual(
      Array(2).fill("a listener of 'success' of timeout"),
    )
  })

  it('publishes to the diagnostics channel', async () => {
    const { subscribe, unsubscribe } = await import('node:diagnostics_channel')
    const seen: unknown[] = []
    const onMessage = (message: unknown): number => seen.push(message)
    subscribe('keelson:policy', onMessage)
    await timeout(10, { system: world.system, name: 'db' }).execute(() => 1)
    unsubscribe('keelson:policy', onMessage)
    expect(seen).toEqual([{ policy: 'db', event: 'success', value: 1 }])
  })
})

describe('whatever policies are stacked, whatever the tasks do', () => {
  const ms = fc.integer({ min: 1, max: 60 })
  const layer: fc.Arbitrary<() => Policy> = fc.oneof(
    ms.map((time) => () => timeout(time, { system: world.system })),
    ms.map((time) => () => timeout(time, { system: world.system, strategy: 'cooperative' })),
    fc
      .record({ maxAttempts: fc.integer({ min: 1, max: 3 }), backoff: fc.nat(20) })
      .map((options) => () => retry({ system: world.system, ...options })),
    fc
      .record({ consecutive: fc.integer({ min: 1, max: 3 }), openForMs: ms })
      .map((options) => () => circuitBreaker({ system: world.system, ...options, halfOpen: { timeoutMs: 40 } })),
    fc
      .record({ limit: fc.integer({ min: 1, max: 3 }), queue: fc.nat(3), queueTimeoutMs: ms })
      .map((options) => () => bulkhead({ system: world.system, ...options })),
    fc
      .record({ afterMs: ms, max: fc.integer({ min: 2, max: 3 }) })
      .map((options) => () => hedge({ system: world.system, ...options })),
    fc.constant(() => fallback('else', { system: world.system })),
    ms.map((every) => () => repeat({ system: world.system, every, times: 2 })),
  )
  const call = fc.record({
    takesMs: fc.nat(50),
    ends: fc.constantFrom('value', 'error', 'throw', 'sync'),
    obeys: fc.boolean(),
    abortsAt: fc.option(fc.nat(100), { nil: undefined }),
    gapMs: fc.nat(20),
  })

  it('each call settles exactly once, and no timer or listener is left', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(layer, { minLength: 1, maxLength: 5, size: 'max' }),
        fc.array(call, { minLength: 1, maxLength: 12, size: 'max' }),
        async (layers, calls) => {
          const { clock } = world
          const policy = wrap(...layers.map((make) => make()))
          const shared = new AbortController()
          const settled = calls.map(() => 0)
          const all = calls.map(async ({ takesMs, ends, obeys, abortsAt, gapMs }, index) => {
            await clock.sleep(gapMs * index)
            const own = abortsAt === undefined ? shared : new AbortController()
            if (abortsAt !== undefined) clock.schedule(abortsAt, () => own.abort('enough'))
            const task = (context: { signal: AbortSignal }): unknown => {
              if (ends === 'sync') return 1
              if (ends === 'throw') throw boom
              const wait = clock.sleep(takesMs, obeys ? { signal: context.signal } : undefined)
              return wait.then(() => {
                if (ends === 'error') throw boom
                return 1
              })
            }
            const count = (): void => {
              settled[index] = (settled[index] as number) + 1
            }
            await policy.execute(task, { signal: own.signal }).then(count, count)
            expect(abortsAt === undefined ? 0 : abortListeners(own.signal)).toBe(0)
          })
          await clock.advance(3000)
          await Promise.all(all)
          expect(settled.every((times) => times === 1)).toBe(true)
          expect(abortListeners(shared.signal)).toBe(0)
          expect(clock.getPendingTimerCount()).toBe(0)
        },
      ),
      { numRuns: 150 },
    )
    // Failures after a call was over are reported; nothing else is.
    expect(new Set(world.reported.splice(0).map(([error, origin]) => `${origin}: ${String(error)}`)).size).toBeLessThan(
      2,
    )
  })
})

describe('a stack', () => {
  it('has a name, tells what its policies tell, and has what they have counted', async () => {
    const system = createSystem()
    const stack = wrap(retry({ system, maxAttempts: 2, backoff: 0 }), circuitBreaker({ system, name: 'db' }))
    const told: unknown[] = []
    const end = stack.on('failure', (_, policy) => told.push(policy))
    let tries = 0
    const flaky = (): number => {
      if (tries++ === 0) throw new Error('no')
      return 1
    }
    expect(await stack.execute(flaky)).toBe(1)
    expect([stack.name, told]).toEqual(['retry > db', ['db', 'retry']])
    expect(stack.stats).toMatchObject({
      calls: 1,
      succeeded: 1,
      policies: [
        { name: 'retry', stats: { retries: 1 } },
        { name: 'db', stats: { succeeded: 1, failed: 1 } },
      ],
    })
    end()
    tries = 0
    await stack.execute(flaky)
    expect(told).toHaveLength(2)
    expect(() => stack.on('nothing', () => undefined)).toThrow(expect.objectContaining({ field: 'event' }))
    expect(() => stack.on('failure', 5 as never)).toThrow(expect.objectContaining({ field: 'listener' }))
    await system.close()
  })

  it('gives a stranger a signal in the form of cockatiel and in the form of this package', async () => {
    const seen: boolean[] = []
    const ofCockatiel = {
      execute: (work: (context: object) => Promise<unknown>, signal?: AbortSignal) => {
        signal?.addEventListener('abort', () => seen.push(signal.aborted))
        return work({ signal })
      },
    }
    const ofThis = {
      execute: (work: (context: object) => Promise<unknown>, options?: { signal?: AbortSignal }) => {
        options?.signal?.addEventListener('abort', () => seen.push(options.signal?.aborted === true))
        return work({ signal: options?.signal })
      },
    }
    const ofNobody = { execute: (work: () => Promise<unknown>) => work() }
    for (const stranger of [ofCockatiel, ofThis, ofNobody]) {
      const controller = new AbortController()
      const call = wrap(stranger as never).execute(
        ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
        { signal: controller.signal },
      )
      controller.abort(new Error('enough'))
      await expect(call).rejects.toThrow('enough')
    }
    expect(seen).toEqual([true, true])
  })
})

it('refusals keep their message when they are cloned, and when nobody handles them', async () => {
  const system = createSystem()
  const full = bulkhead({ limit: 1, system, name: 'workers' })
  void full.execute(() => new Promise(() => undefined))
  const breaker = circuitBreaker({ system, name: 'db' })
  breaker.isolate()
  for (const [policy, message] of [
    [full, 'workers has no free place'],
    [breaker, 'db is isolated'],
  ] as const) {
    const error = (await policy.execute(() => 1).catch((refusal: unknown) => refusal)) as Error
    expect(structuredClone(error)).toMatchObject({ message, name: error.name, code: (error as { code?: string }).code })
    // Node prints an unhandled error by its own stack.
    expect([Object.hasOwn(error, 'stack'), error.stack]).toEqual([true, `${error.name}: ${message}`])
  }
  await system.close()
})
