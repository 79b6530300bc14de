/** Cancellation, timeouts, resources and finalisers, each as an earlier library of the same names had them wrong. */
import { createControlledClock } from 'keelson/clock'
import {
  acquireUseRelease,
  all,
  type CancelToken,
  type Cause,
  createCancelToken,
  effect,
  type EffectEvent,
  type Fiber,
  type FinalizerScope,
  race,
  sleep,
  succeed,
} from 'keelson/effect'
import { expect, it } from 'vitest'

import { err, interrupted, ok, timedOut, useWorld } from '../support/effects.ts'

const world = useWorld()

it('a fork at a root is not cancelled when that root ends', async () => {
  const { clock } = world()
  const result = await sleep(100)
    .map(() => 'ran')
    .fork()
    .unsafeRunPromise({ clock })
  const fiber = (result as { value: Fiber<never, string> }).value
  expect(await fiber.poll().run({ clock })).toBeUndefined()
  await clock.advance(100)
  expect(await fiber.join().run({ clock })).toBe('ran')
})

it('a fibre can be interrupted after the run that forked it', async () => {
  const { clock } = world()
  const fiber = await sleep(100).fork().run({ clock })
  await fiber.interrupt().run({ clock })
  expect(await fiber.poll().run({ clock })).toEqual(interrupted())
})

it.each([
  ['all', () => all([sleep(1000)])],
  ['race', () => race([sleep(1000)])],
  [
    'acquireUseRelease',
    () =>
      acquireUseRelease(
        succeed(1),
        () => sleep(1000),
        () => {},
      ),
  ],
  ['the pause of retry', () => effect(() => err('x')).retry({ maxAttempts: 2, baseDelayMs: 1000 })],
  [
    'join',
    () =>
      sleep(1000)
        .fork()
        .flatMap((fiber) => fiber.join()),
  ],
] as const)('cancellation and values reach %s', async (_, make) => {
  const { clock } = world()
  const result = (make() as ReturnType<typeof sleep>).timeout(10).unsafeRunPromise({ clock })
  await clock.advance(10)
  expect(await result).toEqual(timedOut)
  expect(clock.getPendingTimerCount()).toBe(0)
  const inner = effect((env) => env.get('key'))
  const parts = [
    all([inner]).map(([value]) => value),
    race([inner]),
    acquireUseRelease(inner, succeed, () => {}),
    inner.retry({ maxAttempts: 1 }),
    inner.fork().flatMap((fiber) => fiber.join()),
  ]
  expect(await all(parts).withContext('key', 'kept').run({ clock })).toEqual(Array(5).fill('kept'))
})

it('release does not run while use is still using the resource, and use sees the cancellation', async () => {
  const { clock, log } = world()
  const use = effect(async (env) => {
    env.cancel.onCancel(() => log.push('use sees cancel'))
    log.push('use starts')
    await clock.sleep(100) // not of this effect, so it is not interrupted
    log.push('use still using')
  })
  const result = acquireUseRelease(
    succeed('conn'),
    () => use,
    (_, cause) => effect(() => log.push(`release: ${cause}`)),
  )
    .timeout(50)
    .unsafeRunPromise({ clock })
  await clock.advance(100)
  expect(await result).toEqual(timedOut)
  expect(log).toEqual(['use starts', 'use sees cancel', 'use still using', 'release: interrupted'])
})

it('a resource whose acquisition ends after the timeout is released', async () => {
  const { clock, log } = world()
  const result = acquireUseRelease(
    sleep(100).map(() => 'conn'),
    () => succeed(1),
    () => effect(() => log.push('released')),
  )
    .timeout(50)
    .unsafeRunPromise({ clock })
  await clock.advance(200)
  expect(await result).toEqual(timedOut)
  expect(log).toEqual(['released'])
})

it('all fails fast and cancels the others', async () => {
  const { clock, log } = world()
  const result = all([
    effect(async () => err('at once')),
    sleep(150).onInterrupt(() => effect(() => log.push('cancelled'))),
  ]).unsafeRunPromise({ clock })
  await clock.flush()
  expect(await result).toEqual(err('at once'))
  expect([log, clock.monoMs(), clock.getPendingTimerCount()]).toEqual([['cancelled'], 0, 0])
})

it('what is thrown does not bypass map, flatMap, catch and retry', async () => {
  const { clock } = world()
  let attempts = 0
  const result = await effect(() => {
    attempts++
    throw new Error('thrown')
  })
    .map(() => 'mapped')
    .flatMap(() => succeed('flat'))
    .retry({ maxAttempts: 3 })
    .catch((error) => succeed((error as Error).message))
    .unsafeRunPromise({ clock })
  expect([result, attempts]).toEqual([ok('thrown'), 3])
})

it('what is thrown does not skip the finalisers of a timeout or a fork', async () => {
  const { clock, log } = world()
  const thrower = (name: string) =>
    effect(async (env) => {
      env.scope.push((cause) => log.push(`${name} ${cause}`))
      throw new Error('thrown')
    })
  await thrower('timeout').timeout(10).unsafeRunPromise({ clock })
  const fiber = await thrower('fork').fork().run({ clock })
  await fiber.join().unsafeRunPromise({ clock })
  expect(log).toEqual(['timeout error', 'fork error'])
})

it('a timeout leaves no timer, and is not triggered after a success', async () => {
  const { clock } = world()
  const events: string[] = []
  const emit = ({ type }: EffectEvent): void => void events.push(type)
  for (let round = 0; round < 100; round++)
    await effect(async () => 1, { emit })
      .timeout(1000)
      .run({ clock })
  expect(clock.getPendingTimerCount()).toBe(0)
  await clock.advance(5000)
  expect(events).not.toContain('effect:timeout:triggered')
})

it('an interrupted sleep does not end well, so that the chain would go on; its timer goes', async () => {
  const { clock, log } = world()
  const result = sleep(100)
    .map(() => log.push('went on'))
    .timeout(10)
    .unsafeRunPromise({ clock })
  await clock.advance(10)
  expect([await result, log, clock.getPendingTimerCount()]).toEqual([timedOut, [], 0])
})

it('withContext does something', async () => {
  const { clock } = world()
  expect(
    await effect((env) => env.get('key'))
      .withContext('key', 'value')
      .run({ clock }),
  ).toBe('value')
})

it('effect:success is not told of an Err, nor of what was cancelled', async () => {
  const { clock } = world()
  const events: string[] = []
  const emit = ({ type }: EffectEvent): void => void events.push(type)
  await effect(() => err('x'), { emit }).unsafeRunPromise({ clock })
  const result = effect(async () => sleep(100).unsafeRunPromise(), { emit }).unsafeRunPromise({
    clock,
    signal: AbortSignal.timeout(1),
  })
  await result
  expect(events).toEqual(['effect:start', 'effect:error', 'effect:start', 'effect:interrupted'])
})

it('the reason of a cancellation is kept', async () => {
  const { clock } = world()
  const token = createCancelToken()
  token.cancel('why')
  expect(token.reason).toBe('why')
  const fiber = await sleep(100).fork().run({ clock })
  await fiber.interrupt('why').run({ clock })
  expect(await fiber.poll().run({ clock })).toEqual(interrupted('why'))
})

it('a parent holds no callbacks of a thousand children that have ended', async () => {
  const { clock } = world()
  const parent = createCancelToken()
  let held = 0
  const counting: CancelToken = {
    id: 'counting',
    reason: undefined,
    isCanceled: () => parent.isCanceled(),
    cancel: (reason) => parent.cancel(reason),
    onCancel: (callback) => {
      held++
      const forget = parent.onCancel(callback)
      return () => {
        held--
        forget()
      }
    },
  }
  const forgets = Array.from({ length: 1000 }, () => createCancelToken(counting).onCancel(() => {}))
  expect(held).toBe(1000)
  for (const forget of forgets) forget()
  for (let child = 0; child < 1000; child++) createCancelToken(counting)
  expect(held).toBe(0)
  await effect(async (env) => {
    for (let child = 0; child < 1000; child++) await succeed(1).timeout(10).run(env)
  }).run({ clock })
})

it('interrupt waits for the end on the clock of the fibre, and join agrees', async () => {
  const { clock, log } = world()
  const slow = sleep(1000).onInterrupt(() => sleep(500).flatMap(() => effect(() => log.push('ended'))))
  const fiber = await slow.fork().run({ clock })
  const done = fiber.interrupt().run({ clock })
  await clock.advance(499)
  expect(log).toEqual([])
  await clock.advance(1)
  await done
  expect([log, await fiber.join().unsafeRunPromise({ clock })]).toEqual([['ended'], interrupted()])
})

it('the cleanup of onInterrupt is waited for', async () => {
  const { clock, log } = world()
  const result = sleep(1000)
    .onInterrupt(() => sleep(20).flatMap(() => effect(() => log.push('cleaned up'))))
    .timeout(10)
    .unsafeRunPromise({ clock })
    .then((end) => [end, ...log])
  await clock.advance(30)
  expect(await result).toEqual([timedOut, 'cleaned up'])
})

it('retry of no attempts is refused, instead of failing with nothing', () => {
  expect(() => succeed(1).retry({ maxAttempts: 0 })).toThrow(expect.objectContaining({ field: 'policy.maxAttempts' }))
})

it('retry has jitter, from the seed of its system', async () => {
  const { clock, system } = world()
  const at: number[] = []
  const result = effect(() => {
    at.push(clock.monoMs())
    return err('x')
  })
    .retry({ maxAttempts: 10, baseDelayMs: 100, backoffFactor: 1, jitter: 50 })
    .unsafeRunPromise({ system })
  await clock.advance(2000)
  await result
  const pauses = at.slice(1).map((time, index) => time - (at[index] as number))
  expect(new Set(pauses).size).toBe(9)
})

it('the scope of the environment has the type that is exported for it', async () => {
  const { clock, log } = world()
  const guard = (scope: FinalizerScope): void => scope.push((cause: Cause) => log.push(cause))
  await effect((env) => guard(env.scope)).run({ clock })
  expect(log).toEqual(['ok'])
})

it('race heeds a cancellation while it waits', async () => {
  const { clock } = world()
  const result = effect(async (env) => {
    const raced = race([sleep(1000), sleep(2000)]).unsafeRunPromise(env)
    env.cancel.cancel('enough')
    expect(await raced).toEqual(interrupted('enough'))
  }).unsafeRunPromise({ clock })
  expect(await result).toEqual(interrupted('enough'))
  expect(clock.getPendingTimerCount()).toBe(0)
})

it('errors of finalisers are not swallowed', async () => {
  const { clock, reported } = world()
  await effect((env) => {
    env.scope.push(() => {
      throw new Error('lost')
    })
  }).run({ clock })
  expect(reported).toMatchObject([[{ message: 'lost' }, /finalizer/]])
})

it('twenty thousand maps do not overflow the stack', async () => {
  const { clock } = world()
  let chain = succeed(0)
  for (let index = 0; index < 20_000; index++) chain = chain.map((n) => n + 1)
  expect(await chain.run({ clock })).toBe(20_000)
})

it('release runs when the use ends, not when what is around ends', async () => {
  const { clock, log } = world()
  const step = (name: string) => effect(() => log.push(name))
  await acquireUseRelease(
    succeed(1),
    () => step('use'),
    () => step('release'),
  )
    .flatMap(() => step('next'))
    .run({ clock })
  expect(log).toEqual(['use', 'release', 'next'])
})

it('a raw value of acquire is the resource', async () => {
  const { clock } = world()
  const server = { close: () => {} }
  const acquire = effect(async () => server)
  expect(
    await acquireUseRelease(
      acquire,
      (given) => succeed(given === server),
      () => {},
    ).run({ clock }),
  ).toBe(true)
})

it('a clock that is closed ends a sleep with an error, not never', async () => {
  const clock = createControlledClock()
  clock.close()
  expect(await sleep(10).unsafeRunPromise({ clock })).toMatchObject({ error: { code: 'KEELSON_CLOSED' } })
})
