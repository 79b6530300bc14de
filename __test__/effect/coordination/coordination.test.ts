import {
  all,
  Deferred,
  Effect,
  effect,
  fail,
  isQueueShutdownError,
  Queue,
  Semaphore,
  sleep,
  succeed,
} from 'keelson/effect'
import { describe, expect, it } from 'vitest'

import { err, interrupted, ok, timedOut, useWorld } from '../../support/effects.ts'
import { watched } from '../../support/promises.ts'

const world = useWorld()

describe('a deferred value', () => {
  it('[deferred] ends all waits as its first completion says, and later ones at once', async () => {
    const { system } = world()
    const value = Deferred.make<string, number>()
    const waits = [value.await(), value.await()].map((wait) => wait.unsafeRunPromise({ system }))
    expect(await value.poll().run({ system })).toBeUndefined()
    expect(await value.succeed(7).run({ system })).toBe(true)
    expect(await Promise.all(waits)).toEqual([ok(7), ok(7)])
    expect(await value.await().run({ system })).toBe(7)
    expect(await all([value.succeed(8), value.fail('late'), value.poll()]).run({ system })).toEqual([
      false,
      false,
      ok(7),
    ])
  })

  it('[deferred] may fail', async () => {
    const { system } = world()
    const value = Deferred.make<string, number>()
    const wait = value.await().unsafeRunPromise({ system })
    expect(await value.fail('no').run({ system })).toBe(true)
    expect([await wait, await value.await().unsafeRunPromise({ system })]).toEqual([err('no'), err('no')])
  })

  it('[deferred] an interrupt ends one wait and no other', async () => {
    const { system, clock } = world()
    const value = Deferred.make<never, number>()
    const gone = value.await().timeout(10).unsafeRunPromise({ system })
    const stays = value.await().unsafeRunPromise({ system })
    await clock.advance(10)
    expect(await gone).toEqual(timedOut)
    await value.succeed(1).run({ system })
    expect(await stays).toEqual(ok(1))
  })
})

describe('a queue', () => {
  it('[queue] hands items on in order, and makes offers wait while it is full', async () => {
    const { system, clock } = world()
    const queue = Queue.bounded<number>(2)
    const offers = [1, 2, 3, 4].map((item) => watched(queue.offer(item).run({ system })))
    await clock.flush()
    expect([offers.map(({ state }) => state()), queue.size, queue.capacity]).toEqual([
      ['resolved', 'resolved', 'pending', 'pending'],
      2,
      2,
    ])
    const take = (): Promise<number> => queue.take().run({ system })
    expect([await take(), queue.size]).toEqual([1, 2])
    await clock.flush()
    expect(offers.map(({ state }) => state())).toEqual(['resolved', 'resolved', 'resolved', 'pending'])
    expect([await take(), await take(), await take()]).toEqual([2, 3, 4])
    const takes = [take(), take()]
    await all([queue.offer(5), queue.offer(6)]).run({ system })
    expect([await Promise.all(takes), queue.size]).toEqual([[5, 6], 0])
  })

  it('[queue] an interrupted offer withdraws its item, and an interrupted take takes none', async () => {
    const { system, clock } = world()
    const queue = Queue.bounded<string>(1)
    const take = (): Effect<unknown, string> => queue.take()
    const gone = take().timeout(10).unsafeRunPromise({ system })
    await clock.advance(10)
    expect(await gone).toEqual(timedOut)
    await queue.offer('a').run({ system })
    const withdrawn = queue.offer('b').timeout(10).unsafeRunPromise({ system })
    const kept = queue.offer('c').run({ system })
    await clock.advance(10)
    expect(await withdrawn).toEqual(timedOut)
    expect([await take().run({ system }), await take().run({ system })]).toEqual(['a', 'c'])
    await kept
  })

  it('[queue] an item whose taker is interrupted before its next step goes back to the front', async () => {
    const { system, clock } = world()
    const queue = Queue.bounded<number>(1)
    await queue.offer(1).run({ system })
    const controller = new AbortController()
    // The offer that the take lets in runs on its stack, and interrupts it.
    const second = queue
      .offer(2)
      .map(() => controller.abort('stop'))
      .run({ system })
    const taken: number[] = []
    const take = sleep(1)
      .flatMap(() => queue.take())
      .map((item) => taken.push(item))
      .unsafeRunPromise({ system, signal: controller.signal })
    await clock.advance(1)
    await second
    expect(await take).toEqual(interrupted('stop'))
    expect([taken, queue.size]).toEqual([[], 2])
    expect([await queue.take().run({ system }), await queue.take().run({ system })]).toEqual([1, 2])
  })

  it('[queue] a shutdown fails what waits, refuses offers, and leaves what is there', async () => {
    const { system } = world()
    const queue = Queue.bounded<number>(1)
    await queue.offer(1).run({ system })
    const offer = queue.offer(2).unsafeRunPromise({ system })
    await queue.shutdown().run({ system })
    await queue.shutdown().run({ system })
    expect([(await offer)._tag, queue.isShutdown]).toEqual(['Err', true])
    expect(await queue.take().run({ system })).toBe(1)
    for (const late of [queue.take(), queue.offer(3)] as Effect<unknown, unknown>[]) {
      const result = await late.unsafeRunPromise({ system })
      expect(result).toMatchObject({ error: { code: 'KEELSON_QUEUE_SHUTDOWN', _tag: 'QueueShutdown' } })
      expect(isQueueShutdownError(result._tag === 'Err' && result.error)).toBe(true)
    }
    const other = Queue.bounded<number>(1)
    const take = other
      .take()
      .catchTag('QueueShutdown', () => succeed('ended'))
      .run({ system })
    await other.shutdown().run({ system })
    expect(await take).toBe('ended')
  })

  it('keeps order over many items', async () => {
    const { system } = world()
    const queue = Queue.bounded<number>(7)
    const items = Array.from({ length: 3000 }, (_, index) => index)
    const taken: number[] = []
    const taker = queue
      .take()
      .map((item) => taken.push(item))
      .repeat(3000)
    await all([taker, Effect.forEach(items, (item) => queue.offer(item))]).run({ system })
    expect(taken).toEqual(items)
  })

  it('refuses a capacity that is no integer from 1', () => {
    for (const capacity of [0, 1.5, Infinity, '5', undefined]) {
      expect(() => Queue.bounded(capacity as never)).toThrow(expect.objectContaining({ field: 'capacity' }))
    }
  })
})

describe('a semaphore', () => {
  it('[semaphore] bounds what runs, in order of request, and none overtakes a request for many', async () => {
    const { system, clock, log, note } = world()
    const semaphore = Semaphore.make(3)
    const work = (name: string, permits: number, ms: number): Promise<unknown> =>
      semaphore
        .withPermits(permits)(note(name).flatMap(() => sleep(ms)))
        .run({ system })
    const runs = [work('a', 2, 10), work('b', 3, 10), work('c', 1, 10)]
    await clock.flush()
    expect([log, semaphore.available, semaphore.permits]).toEqual([['a'], 1, 3])
    await clock.advance(10)
    expect(log).toEqual(['a', 'b'])
    await clock.advance(20)
    await Promise.all(runs)
    expect([log, semaphore.available]).toEqual([['a', 'b', 'c'], 3])
  })

  it('[semaphore] releases when the effect has ended, with its forks and finalisers, however it ends', async () => {
    const { system, clock } = world()
    const semaphore = Semaphore.make(1)
    const run = (work: Effect<unknown, unknown>): Promise<unknown> =>
      semaphore.withPermits(1)(work).timeout(50).unsafeRunPromise({ system })
    for (const work of [
      succeed(1),
      fail('no'),
      effect(() => {
        throw new Error('thrown')
      }),
    ]) {
      await run(work)
      expect(semaphore.available).toBe(1)
    }
    const cleans = sleep(1000).onInterrupt(() => sleep(5))
    const result = run(
      effect((env) => env.scope.push(() => sleep(20))).flatMap(() => cleans.fork().flatMap(() => cleans)),
    )
    await clock.advance(79)
    expect(semaphore.available).toBe(0)
    await clock.advance(1)
    expect([await result, semaphore.available]).toEqual([timedOut, 1])
  })

  it('[semaphore] an interrupt ends a wait, costs no permit, and lets the next go on', async () => {
    const { system, clock, log, note } = world()
    const semaphore = Semaphore.make(2)
    const one = semaphore.withPermits(1)(sleep(100)).run({ system })
    const many = semaphore.withPermits(2)(note('many')).timeout(10).unsafeRunPromise({ system })
    const few = semaphore.withPermits(1)(note('few')).run({ system })
    await clock.advance(9)
    expect(log).toEqual([])
    await clock.advance(1)
    await few
    expect([await many, log, semaphore.available]).toEqual([timedOut, ['few'], 1])
    await clock.advance(90)
    await one
    expect(semaphore.available).toBe(2)
  })

  it('refuses numbers of permits that it cannot grant, and what is no effect', () => {
    for (const permits of [0, 1.5, Infinity, '5', undefined]) {
      expect(() => Semaphore.make(permits as never)).toThrow(expect.objectContaining({ field: 'permits' }))
    }
    const semaphore = Semaphore.make(2)
    for (const count of [0, 3, 1.5, '1']) {
      expect(() => semaphore.withPermits(count as never)).toThrow(expect.objectContaining({ field: 'count' }))
    }
    expect(() => semaphore.withPermits(1)(5 as never)).toThrow(expect.objectContaining({ field: 'effect' }))
  })
})
