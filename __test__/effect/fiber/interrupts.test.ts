import { getEventListeners } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { all, createCancelToken, effect, type EffectEnv, race, sleep, succeed } from 'keelson/effect'
import { describe, expect, it } from 'vitest'

import { err, interrupted, ok, timedOut, useWorld } from '../../support/effects.ts'
import { deferred } from '../../support/promises.ts'

const world = useWorld()

/** Runs an effect that is interrupted at once; how it ends, and that it has left no timer. */
async function interruptedAtOnce(make: () => ReturnType<typeof sleep>): Promise<unknown> {
  const { system, clock } = world()
  const controller = new AbortController()
  const result = make().unsafeRunPromise({ system, signal: controller.signal })
  await clock.flush()
  controller.abort('stop')
  const end = await result
  expect(clock.getPendingTimerCount()).toBe(0)
  return end
}

describe('interrupts', () => {
  const sleeping = (): ReturnType<typeof sleep> => sleep(1000)
  it.each<[string, () => unknown]>([
    ['sleep', sleeping],
    [
      'join',
      () =>
        sleeping()
          .fork()
          .flatMap((fiber) => fiber.join()),
    ],
    ['race', () => race([sleeping(), sleep(2000)])],
    ['all', () => all([sleeping(), sleep(2000)])],
    ['a pause of retry', () => effect(() => err('x')).retry({ maxAttempts: 2, baseDelayMs: 1000 })],
    ['a pause of repeat', () => succeed(1).repeat({ every: 1000 })],
    ['a cadence', () => succeed(1).schedule({ everyMs: 1000 })],
    ['a timeout', () => sleeping().timeout(5000)],
    ['a run inside', () => effect(async () => sleep(1000).run())],
    ['two runs inside', () => effect(async () => Promise.all([sleep(1000).run(), effect(() => sleep(5).run()).run()]))],
    ['a function that ignores it', () => effect(() => new Promise(() => {}))],
    ['another clock', () => sleeping().withContext('clock', world().clock)],
  ])('[interrupt-reaches] ends %s', async (_, make) => {
    expect(await interruptedAtOnce(make as typeof sleeping)).toEqual(interrupted('stop'))
  })

  it('[interrupt-stops] nothing that follows runs, and catch does not see it', async () => {
    const { log, note } = world()
    const chain = (): unknown =>
      sleep(1000)
        .map(() => log.push('map'))
        .flatMap(() => note('flatMap'))
        .catch(() => note('catch'))
    expect(await interruptedAtOnce(chain as never)).toEqual(interrupted('stop'))
    expect(log).toEqual([])
  })

  it('[interrupt-reason] the first reason is kept everywhere', async () => {
    const { system, clock } = world()
    let env: EffectEnv | undefined
    const fiber = await effect(async (given) => {
      env = given
      expect([given.cancel.reason, given.signal.aborted]).toEqual([undefined, false])
      await sleep(1000).run()
    })
      .fork()
      .run({ system })
    await clock.flush()
    await fiber.interrupt({ why: 'first' }).run({ system })
    await fiber.interrupt('second').run({ system })
    expect(await fiber.poll().run({ system })).toEqual(interrupted({ why: 'first' }))
    expect([env!.cancel.reason, env!.signal.reason]).toEqual([{ why: 'first' }, { why: 'first' }])
    expect(await fiber.join().unsafeRunPromise({ system })).toEqual(interrupted({ why: 'first' }))
    expect(
      await fiber
        .join()
        .catch(() => succeed('caught'))
        .run({ system }),
    ).toBe('caught')
  })

  it('[interrupt-waits] until finalisers have ended', async () => {
    const { system, clock, log, note } = world()
    const fiber = await sleep(1000)
      .onInterrupt(() => sleep(30).flatMap(() => note('cleaned')))
      .fork()
      .run({ system })
    const done = fiber
      .interrupt()
      .map(() => log.push('interrupted'))
      .run({ system })
    await clock.advance(29)
    expect(log).toEqual([])
    await clock.advance(1)
    await done
    expect(log).toEqual(['cleaned', 'interrupted'])
  })

  it('[interrupt-waits] not for itself, nor for one it is part of', async () => {
    const { system, clock } = world()
    const own = deferred<Parameters<typeof all>[0]>()
    const fiber = await effect(async () => {
      const [self] = await own.promise
      await all([self!]).run()
    })
      .fork()
      .run({ system })
    own.resolve([fiber.interrupt('self')])
    await clock.flush()
    expect(await fiber.poll().run({ system })).toEqual(interrupted('self'))
  })

  it('[interrupt-body] goes on without a function, whose later failure is dropped', async () => {
    const { system, clock, reported } = world()
    const late = deferred<void>()
    const result = effect(() => late.promise)
      .timeout(10)
      .unsafeRunPromise({ system })
    await clock.advance(10)
    expect(await result).toEqual(timedOut)
    late.reject(new Error('late'))
    await clock.flush()
    expect(reported).toEqual([])
  })

  it('[interrupt-body] no finaliser runs before it has ended, not even one further up', async () => {
    const { system, clock, log } = world()
    const late = deferred<void>()
    const program = effect((env) => env.scope.push(() => log.push('outer finaliser'))).flatMap(() =>
      effect(async (env) => {
        env.scope.push(() => log.push('inner finaliser'))
        await late.promise
        log.push('function ended')
      })
        .timeout(10)
        .catch(() => effect(() => log.push('timed out'))),
    )
    const result = program.run({ system })
    await clock.advance(20)
    expect(log).toEqual([])
    late.resolve()
    await result
    expect(log).toEqual(['function ended', 'inner finaliser', 'timed out', 'outer finaliser'])
  })

  it('[interrupt-body] a bare function is left at once, and a finaliser further up waits for it', async () => {
    const { system, clock, log } = world()
    const late = deferred<void>()
    const program = effect((env) => env.scope.push(() => log.push('finaliser'))).flatMap(() =>
      effect(async () => {
        await late.promise
        log.push('function ended')
      })
        .timeout(10)
        .catch(() => effect(() => log.push('timed out'))),
    )
    const result = program.run({ system })
    await clock.advance(20)
    expect(log).toEqual(['timed out'])
    late.resolve()
    await result
    expect(log).toEqual(['timed out', 'function ended', 'finaliser'])
  })

  it('[interrupt-body] what it starts later is refused, and a loop that ignores that starves nobody', async () => {
    const { system, clock } = world()
    const results: unknown[] = []
    let over = false
    const result = effect(async () => {
      // oxlint-disable-next-line no-unmodified-loop-condition -- it is set below, while this waits
      while (!over) results.push(await sleep(1000).unsafeRunPromise())
    })
      .timeout(10)
      .unsafeRunPromise({ system })
    await clock.advance(10)
    expect(await result).toEqual(timedOut)
    while (results.length < 3) await clock.flush()
    over = true
    expect(results.slice(0, 3)).toEqual(Array(3).fill(interrupted({ _tag: 'Timeout' })))
    expect(clock.getPendingTimerCount()).toBe(0)
  })

  it('[interrupt-self] by env.cancel', async () => {
    const { system, log } = world()
    const canceling = effect(async ({ cancel }) => {
      const forget = cancel.onCancel(() => log.push('forgotten'))
      cancel.onCancel(() => log.push('told'))
      forget()
      cancel.cancel('enough')
      expect(cancel.isCanceled()).toBe(true)
      cancel.onCancel(() => log.push('told at once'))
      return 1
    }).map(() => log.push('map'))
    expect(await canceling.unsafeRunPromise({ system })).toEqual(interrupted('enough'))
    expect(log).toEqual(['told', 'told at once'])
    expect(
      await effect(({ cancel }) => cancel.cancel('sync'))
        .map(() => 1)
        .unsafeRunPromise({ system }),
    ).toEqual(interrupted('sync'))
  })

  it('[on-interrupt] cleans up at once, in reverse order, and not after an end of its own', async () => {
    const { system, clock, log, note } = world()
    const canceller = deferred<void>()
    const result = effect(() => canceller.promise)
      .onInterrupt(() => {
        log.push('inner')
        canceller.resolve()
      })
      .onInterrupt(() => note('outer'))
      .timeout(10)
      .unsafeRunPromise({ system })
    await clock.advance(10)
    expect(await result).toEqual(timedOut)
    expect(log).toEqual(['inner', 'outer'])
    await succeed(1)
      .onInterrupt(() => note('never'))
      .run({ system })
    await effect(() => err(1))
      .onInterrupt(() => note('never'))
      .unsafeRunPromise({ system })
    expect(log).toEqual(['inner', 'outer'])
  })

  it('[on-interrupt] what it throws is told, and the interrupt goes on', async () => {
    const { system, clock, reported, note, log } = world()
    const result = sleep(1000)
      .onInterrupt(() => {
        throw new Error('cleanup')
      })
      .onInterrupt(() => note('other'))
      .timeout(10)
      .unsafeRunPromise({ system })
    await clock.advance(10)
    expect(await result).toEqual(timedOut)
    expect(reported).toMatchObject([[{ message: 'cleanup' }, expect.stringContaining('a finalizer of fiber-')]])
    expect(log).toEqual(['other'])
  })

  it('[signal-in] interrupts with its reason and keeps no listener; aborted before, nothing starts', async () => {
    const { system, clock, log, note } = world()
    const controller = new AbortController()
    const { signal } = controller
    let listeners = 0
    const [add, remove] = [signal.addEventListener, signal.removeEventListener]
    signal.addEventListener = function (this: AbortSignal, ...args: unknown[]) {
      listeners++
      return add.apply(this, args as never)
    } as never
    signal.removeEventListener = function (this: AbortSignal, ...args: unknown[]) {
      listeners--
      return remove.apply(this, args as never)
    } as never
    for (let round = 0; round < 10; round++) {
      const done = sleep(1).run({ system, signal })
      await clock.advance(1)
      await done
    }
    expect(listeners).toBe(0)
    const result = sleep(1000).unsafeRunPromise({ system, signal })
    controller.abort('enough')
    expect(await result).toEqual(interrupted('enough'))
    expect(await note('started').unsafeRunPromise({ system, signal })).toEqual(interrupted('enough'))
    expect(log).toEqual([])
  })

  it('[signal-in] 100 000 runs on one signal add no listener, and a thousand at once add one', async () => {
    const { system, clock } = world()
    const controller = new AbortController()
    const { signal } = controller
    const listeners = (): number => getEventListeners(signal, 'abort').length
    const warnings: unknown[] = []
    const onWarning = (warning: unknown): number => warnings.push(warning)
    process.on('warning', onWarning)
    let most = 0
    const step = effect(async () => {
      most = Math.max(most, listeners())
    })
    for (let run = 0; run < 100_000; run++) await step.run({ system, signal })
    expect([most, listeners()]).toEqual([1, 0])
    const order: number[] = []
    const runs = Array.from({ length: 1000 }, (_, index) =>
      sleep(1000)
        .onInterrupt(() => void order.push(index))
        .unsafeRunPromise({ system, signal }),
    )
    expect(listeners()).toBe(1)
    controller.abort('all')
    expect(new Set((await Promise.all(runs)).map((end) => JSON.stringify(end)))).toEqual(
      new Set([JSON.stringify(interrupted('all'))]),
    )
    expect(order).toEqual(Array.from({ length: 1000 }, (_, index) => index))
    expect([listeners(), clock.getPendingTimerCount()]).toEqual([0, 0])
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
  })

  it('[signal-out] fetch and timers of Node end with the effect', async () => {
    const { system } = world()
    const hanging = createServer(() => {})
    await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve))
    const { port } = hanging.address() as AddressInfo
    const arrived = new Promise((resolve) => hanging.once('request', resolve))
    const gone = new Promise<void>((resolve) =>
      hanging.once('connection', (socket) => socket.once('close', () => resolve())),
    )
    const controller = new AbortController()
    const fetching = effect(({ signal }) => fetch(`http://127.0.0.1:${port}/`, { signal }))
    const waiting = effect(({ signal }) => setTimeout(1e6, undefined, { signal }))
    const result = all([fetching, waiting]).unsafeRunPromise({ system, signal: controller.signal })
    await arrived
    controller.abort('stop')
    expect(await result).toEqual(interrupted('stop'))
    await gone
    await new Promise((resolve) => hanging.close(resolve))
  })

  it('[signal-out] a signal for what is no effect', async () => {
    const { system, clock } = world()
    let reason: unknown
    const result = effect(
      ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            ;({ reason } = signal)
            reject(signal.reason as Error)
          })
        }),
    )
      .timeout(10)
      .unsafeRunPromise({ system })
    await clock.advance(10)
    expect(await result).toEqual(timedOut)
    expect(reason).toEqual({ _tag: 'Timeout' })
    expect(await effect(({ signal }) => signal.aborted).run({ system })).toBe(false)
  })
})

describe('createCancelToken', () => {
  it('tells its listeners once, and children; the first reason stays', () => {
    const { log } = world()
    const parent = createCancelToken()
    const child = createCancelToken(parent)
    const grandchild = createCancelToken(child)
    grandchild.onCancel(() => log.push(`told ${String(grandchild.reason)}`))
    parent.cancel('first')
    parent.cancel('second')
    expect([parent, child, grandchild].map((token) => [token.isCanceled(), token.reason])).toEqual(
      [parent, child, grandchild].map(() => [true, 'first']),
    )
    expect(log).toEqual(['told first'])
    expect(ok(new Set([parent.id, child.id, grandchild.id]).size)).toEqual(ok(3))
  })

  it('a child alone does not cancel its parent', () => {
    const parent = createCancelToken()
    const child = createCancelToken(parent)
    child.cancel('own')
    parent.cancel('late')
    expect([child.reason, parent.reason]).toEqual(['own', 'late'])
  })
})
