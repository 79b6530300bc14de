import * as fc from 'fast-check'
import { bulkhead, type Bulkhead, type BulkheadOptions } from 'keelson/effect'
import { describe, expect, it } from 'vitest'

import { boom, failing, useWorld } from '../../support/policies.ts'
import { held, watched } from '../../support/promises.ts'
import { rejection } from '../../support/rejection.ts'

const world = useWorld()
const aBulkhead = (options: BulkheadOptions): Bulkhead => bulkhead({ system: world.system, ...options })
const rejected = (reason: string): object => ({ code: 'KEELSON_BULKHEAD_REJECTED', policy: 'bulkhead', reason })

describe('a bulkhead', () => {
  it('runs so many at a time, first come first served, and refuses what finds no room', async () => {
    const policy = aBulkhead({ limit: 2, queue: 2 })
    const work = [held(), held(), held(), held(), held()]
    const calls = work.map(({ task }) => rejection(policy.execute(task)))
    const begun = (): number[] => work.map((one) => one.begun())
    expect(await calls[4]).toMatchObject(rejected('full'))
    expect([begun(), policy.stats]).toEqual([
      [1, 1, 0, 0, 0],
      { active: 2, queued: 2, limit: 2, started: 2, rejected: 1 },
    ])
    work[1]?.resolve(1)
    await calls[1]
    await world.clock.flush()
    expect(begun()).toEqual([1, 1, 1, 0, 0])
    work[0]?.reject(boom)
    work[2]?.resolve(1)
    await world.clock.flush()
    expect(begun()).toEqual([1, 1, 1, 1, 0])
    work[3]?.resolve(1)
    await Promise.all(calls)
    expect(policy.stats).toEqual({ active: 0, queued: 0, limit: 2, started: 4, rejected: 1 })
  })

  it('lets nobody wait longer than told', async () => {
    const policy = aBulkhead({ limit: 1, queue: 5, queueTimeoutMs: 100 })
    const first = held()
    const running = policy.execute(first.task)
    const waiting = watched(rejection(policy.execute(failing)))
    await world.clock.advance(99)
    expect(waiting.state()).toBe('pending')
    await world.clock.advance(1)
    expect(await waiting.promise).toMatchObject(rejected('queue-timeout'))
    const next = policy.execute(() => 2)
    first.resolve(1)
    expect([await running, await next]).toEqual([1, 2])
  })

  it('settles everything that waits when it is cleared, and goes on', async () => {
    const policy = aBulkhead({ limit: 1, queue: 10, queueTimeoutMs: 1000 })
    const first = held()
    const running = policy.execute(first.task)
    const waiting = Array.from({ length: 10 }, () => rejection(policy.execute(failing)))
    policy.clear()
    for (const error of await Promise.all(waiting)) expect(error).toMatchObject(rejected('cleared'))
    const next = policy.execute(() => 2)
    first.resolve(1)
    expect([await running, await next]).toEqual([1, 2])
  })

  it('drains: refuses what waits and what comes, and says when what runs has ended', async () => {
    const policy = aBulkhead({ limit: 1, queue: 10 })
    const first = held()
    const running = policy.execute(first.task)
    const waiting = rejection(policy.execute(failing))
    const drained = watched(policy.drain())
    expect(await waiting).toMatchObject(rejected('draining'))
    expect(await rejection(policy.execute(failing))).toMatchObject(rejected('draining'))
    expect(drained.state()).toBe('pending')
    first.resolve(1)
    await Promise.all([running, drained.promise])
    await policy.drain()
  })

  it('says when it is idle', async () => {
    const policy = aBulkhead({ limit: 1, queue: 1 })
    await policy.whenIdle()
    const order: string[] = []
    const calls = ['a', 'b'].map((name) => policy.execute(() => world.clock.sleep(10)).then(() => order.push(name)))
    const idle = policy.whenIdle().then(() => order.push('idle'))
    await world.clock.advance(20)
    await Promise.all([...calls, idle])
    expect(order.slice(0, 1)).toEqual(['a'])
    expect(order.toSorted()).toEqual(['a', 'b', 'idle'])
  })

  it('keeps the place of a task whose caller waits no more until it ends', async () => {
    const policy = aBulkhead({ limit: 1 })
    const controller = new AbortController()
    const { task, resolve } = held()
    const call = rejection(policy.execute(task, { signal: controller.signal }))
    controller.abort('enough')
    expect([await call, policy.stats.active]).toEqual(['enough', 1])
    expect(await rejection(policy.execute(failing))).toMatchObject(rejected('full'))
    resolve(1)
    await world.clock.flush()
    expect(policy.stats.active).toBe(0)
  })

  it('gives a place on that was given to a call in the moment it was given up', async () => {
    const policy = aBulkhead({ limit: 1, queue: 2 })
    const controller = new AbortController()
    const first = held()
    const running = policy.execute(first.task)
    let runs = 0
    const unlucky = rejection(policy.execute(() => ++runs, { signal: controller.signal }))
    const lucky = policy.execute(() => 'ran')
    // The listener of the first task's end runs between the gift of its place and its use.
    policy.on('success', () => controller.abort('enough'))
    first.resolve(1)
    expect([await running, await unlucky, await lucky, runs]).toEqual([1, 'enough', 'ran', 0])
    expect(policy.stats).toMatchObject({ active: 0, queued: 0 })
  })

  it('does not grow the stack over a long queue of work that ends at once', async () => {
    const policy = aBulkhead({ limit: 1, queue: 100_000 })
    const first = held()
    const calls = [policy.execute(first.task)]
    for (let call = 0; call < 100_000; call++) calls.push(policy.execute(() => 1))
    first.resolve(1)
    const sum = (await Promise.all(calls)).reduce((total, one) => total + one, 0)
    expect(sum).toBe(100_001)
  })
})

describe('the queue of a bulkhead', () => {
  /** Starts a call that only notes its name. */
  const noted = (order: string[], name: string) => (): void => void order.push(name)

  it('has no bound when told so', async () => {
    const policy = aBulkhead({ limit: 1, queue: Infinity })
    const calls = Array.from({ length: 10_000 }, (_, index) => policy.execute(async () => index))
    expect(policy.stats).toMatchObject({ active: 1, queued: 9999 })
    expect(await Promise.all(calls)).toHaveLength(10_000)
  })

  it('runs higher priorities first, then older calls, by call or by the option', async () => {
    const policy = aBulkhead({ limit: 1, queue: Infinity, priority: 1 })
    const first = held()
    const running = policy.execute(first.task)
    const order: string[] = []
    const calls = [
      policy.execute(noted(order, 'one, first')),
      policy.execute(noted(order, 'five'), { priority: 5 }),
      policy.execute(noted(order, 'minus'), { priority: -0.5 }),
      policy.execute(noted(order, 'one, second')),
      policy.execute(noted(order, 'two'), { priority: 2 }),
    ]
    first.resolve(1)
    await Promise.all([running, ...calls])
    expect(order).toEqual(['five', 'two', 'one, first', 'one, second', 'minus'])
  })

  it('takes the priority from the arguments of a wrapped function', async () => {
    const order: string[] = []
    const policy = aBulkhead({
      limit: 1,
      queue: Infinity,
      priority: (job: { urgent: boolean }) => (job.urgent ? 1 : 0),
    })
    const run = policy.wrapFunction(async (job: { name: string; urgent: boolean }) => {
      await world.clock.flush()
      order.push(job.name)
    })
    await Promise.all(['a', 'b', 'C'].map((name) => run({ name, urgent: name === 'C' })))
    expect(order).toEqual(['a', 'C', 'b'])
  })

  it('reports a priority function that throws or returns no number, and uses 0', async () => {
    const answers = [
      () => 2,
      () => Number.NaN,
      () => {
        throw boom
      },
      () => 1,
    ]
    const policy = aBulkhead({ limit: 1, queue: Infinity, priority: (index: number) => answers[index]?.() as number })
    const order: number[] = []
    const first = held()
    const running = policy.execute(first.task)
    const run = policy.wrapFunction(async (index: number) => void order.push(index))
    const calls = [1, 2, 3, 0].map((index) => run(index))
    first.resolve(1)
    await Promise.all([running, ...calls])
    expect(order).toEqual([0, 3, 1, 2])
    const reported = world.reported.splice(0)
    expect(reported.map(([, origin]) => origin)).toEqual(['priority of bulkhead', 'priority of bulkhead'])
    expect(reported[0]?.[0]).toMatchObject({ field: 'the result of options.priority' })
  })

  it('refuses a priority that is no finite number', async () => {
    expect(() => aBulkhead({ limit: 1, priority: Number.NaN })).toThrow(
      expect.objectContaining({ field: 'options.priority' }),
    )
    const policy = aBulkhead({ limit: 1 })
    expect(await rejection(policy.execute(() => 1, { priority: '1' as never }))).toMatchObject({
      field: 'options.priority',
    })
  })

  it('lets a call in that its priority function made room for', async () => {
    const first = held()
    const policy = aBulkhead({ limit: 1, queue: 0, priority: () => 0 })
    const other: Bulkhead = aBulkhead({
      limit: 1,
      queue: 1,
      priority: () => {
        other.resize(2)
        return 0
      },
    })
    const running = other.execute(first.task)
    expect(await other.execute(() => 'at once')).toBe('at once')
    first.resolve(1)
    await running
    expect(policy.stats.limit).toBe(1)
  })
})

describe('a bulkhead that is resized or paused', () => {
  it('starts waiting calls when it grows, and lets running ones end when it shrinks', async () => {
    const policy = aBulkhead({ limit: 1, queue: Infinity })
    const work = Array.from({ length: 5 }, () => held())
    const calls = work.map(({ task }) => policy.execute(task))
    const begun = (): number => work.reduce((sum, one) => sum + one.begun(), 0)
    policy.resize(3)
    await world.clock.flush()
    expect([begun(), policy.stats.limit, policy.stats.active]).toEqual([3, 3, 3])
    policy.resize(1)
    work[0]?.resolve(1)
    work[1]?.resolve(1)
    await world.clock.flush()
    expect([begun(), policy.stats.active]).toEqual([3, 1])
    work[2]?.resolve(1)
    await world.clock.flush()
    expect([begun(), policy.stats.active]).toEqual([4, 1])
    for (const one of work) one.resolve(1)
    await Promise.all(calls)
    for (const wrong of [0, 1.5, '2', undefined, Infinity]) {
      expect(() => policy.resize(wrong as never)).toThrow(expect.objectContaining({ field: 'limit' }))
    }
    expect(policy.stats.limit).toBe(1)
  })

  it('starts nothing while it is paused, and goes on in order', async () => {
    const policy = aBulkhead({ limit: 2, queue: 3, queueTimeoutMs: 50 })
    policy.pause()
    expect(policy.isPaused).toBe(true)
    const order: number[] = []
    const calls = [0, 1, 2].map((index) => policy.execute(() => void order.push(index)))
    expect(await rejection(policy.execute(() => 1))).toMatchObject(rejected('full'))
    policy.resize(4)
    await world.clock.advance(49)
    expect([order, policy.stats.queued, policy.isPaused]).toEqual([[], 3, true])
    policy.resume()
    await Promise.all(calls)
    expect([order, policy.isPaused, policy.stats.limit]).toEqual([[0, 1, 2], false, 4])
    policy.pause()
    const late = rejection(policy.execute(() => 1))
    await world.clock.advance(50)
    expect(await late).toMatchObject(rejected('queue-timeout'))
  })

  it('is not idle while calls wait, and is when the last of them is gone', async () => {
    const policy = aBulkhead({ limit: 1, queue: 2, queueTimeoutMs: 50 })
    for (const end of ['clear', 'abort', 'timeout', 'resume'] as const) {
      policy.pause()
      const controller = new AbortController()
      const call = rejection(policy.execute(() => 1, { signal: controller.signal }))
      const idle = watched(policy.whenIdle())
      await world.clock.flush()
      expect(idle.state()).toBe('pending')
      if (end === 'clear') policy.clear()
      else if (end === 'abort') controller.abort()
      else if (end === 'timeout') await world.clock.advance(50)
      else policy.resume()
      await Promise.all([call, idle.promise])
    }
  })
})

describe('whatever happens to a bulkhead', () => {
  type Step =
    | { readonly do: 'call'; readonly takesMs: number; readonly fails: boolean }
    | { readonly do: 'abort'; readonly which: number }
    | { readonly do: 'advance'; readonly ms: number }
    | { readonly do: 'clear' }
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('call'), takesMs: fc.nat(30), fails: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('abort'), which: fc.nat(40) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('advance'), ms: fc.nat(25) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('clear') }) },
  ) as fc.Arbitrary<Step>

  it('never runs more than its limit, keeps the order, and settles every call once', async () => {
    const limits = fc.integer({ min: 1, max: 4 })
    const options = fc.record({ limit: limits, queue: fc.nat(5), queueTimeoutMs: fc.integer({ min: 1, max: 40 }) })
    await fc.assert(
      fc.asyncProperty(options, fc.array(step, { maxLength: 40, size: 'max' }), async (given, steps) => {
        const policy = aBulkhead(given)
        const controllers: AbortController[] = []
        const settled: number[] = []
        const begun: number[] = []
        const calls: Promise<unknown>[] = []
        let running = 0
        for (const one of steps) {
          if (one.do === 'call') {
            const id = calls.length
            const controller = new AbortController()
            controllers.push(controller)
            settled.push(0)
            const task = async (): Promise<void> => {
              begun.push(id)
              expect(++running).toBeLessThanOrEqual(given.limit)
              await world.clock.sleep(one.takesMs)
              running--
              if (one.fails && !controller.signal.aborted) throw boom
            }
            const count = (): void => {
              settled[id] = (settled[id] as number) + 1
            }
            calls.push(policy.execute(task, { signal: controller.signal }).then(count, count))
          } else if (one.do === 'abort') controllers[one.which % (controllers.length || 1)]?.abort('enough')
          else if (one.do === 'advance') await world.clock.advance(one.ms)
          else policy.clear()
          expect(policy.stats.active).toBeLessThanOrEqual(given.limit)
          expect(policy.stats.queued).toBeLessThanOrEqual(given.queue)
        }
        await world.clock.advance(1000)
        await Promise.all(calls)
        expect(settled.every((times) => times === 1)).toBe(true)
        expect(begun).toEqual(begun.toSorted((a, b) => a - b))
        expect(policy.stats).toMatchObject({ active: 0, queued: 0, started: begun.length })
        expect(world.clock.getPendingTimerCount()).toBe(0)
      }),
      { numRuns: 150 },
    )
    world.reported.length = 0
  })
})
