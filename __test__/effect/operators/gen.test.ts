import { all, Effect, effect, fail, sleep, succeed } from 'keelson/effect'
import { describe, expect, it } from 'vitest'

import { err, interrupted, ok, timedOut, useWorld } from '../../support/effects.ts'

const world = useWorld()

describe('generators', () => {
  it('[gen] run each yielded effect and go on with its value', async () => {
    const { system, clock } = world()
    const sum = Effect.gen(function* () {
      const one = yield* succeed(1)
      yield* sleep(10)
      const list = yield* all([succeed('a'), effect(async () => 'b')])
      return [one, ...list]
    })
    const first = sum.unsafeRunPromise({ system })
    await clock.advance(10)
    expect(await first).toEqual(ok([1, 'a', 'b']))
    const second = sum.run({ system })
    await clock.advance(10)
    expect(await second).toEqual([1, 'a', 'b'])
  })

  it('[gen] throw a failure at its yield*, and fail with what they do not catch', async () => {
    const { system, log } = world()
    const caught = Effect.gen(function* () {
      try {
        yield* fail('no')
      } catch (error) {
        log.push(`caught ${String(error)}`)
      }
      return yield* fail({ _tag: 'Last' })
    })
    expect(await caught.unsafeRunPromise({ system })).toEqual(err({ _tag: 'Last' }))
    const thrown = Effect.gen(function* () {
      yield* succeed(1)
      throw new Error('thrown')
    })
    await expect(thrown.run({ system })).rejects.toThrow('thrown')
    await expect(
      Effect.gen(() => {
        throw new Error('at once')
      }).run({ system }),
    ).rejects.toThrow('at once')
    expect(log).toEqual(['caught no'])
  })

  it('[gen] are operators like any other: retried, timed, nested', async () => {
    const { system, clock } = world()
    let runs = 0
    const inner = Effect.gen(function* () {
      if (++runs < 3) yield* fail('again')
      return runs
    })
    const outer = Effect.gen(function* () {
      const value = yield* inner.retry({ maxAttempts: 5 })
      const late = yield* sleep(100)
        .timeout(10)
        .catchTag('Timeout', () => succeed('late'))
      return [value, late]
    })
    const result = outer.unsafeRunPromise({ system })
    await clock.advance(10)
    expect(await result).toEqual(ok([3, 'late']))
  })

  it('[gen-finally] an interrupt runs finally blocks, which may wait', async () => {
    const { system, clock, log, note } = world()
    const work = Effect.gen(function* () {
      try {
        try {
          yield* sleep(1000)
        } finally {
          yield* sleep(5)
          yield* note('inner')
        }
      } catch {
        log.push('an interrupt is no failure')
      } finally {
        log.push('outer')
        yield* note('last')
      }
      log.push('never')
    })
    const result = work.timeout(50).unsafeRunPromise({ system })
    await clock.advance(54)
    expect(log).toEqual([])
    await clock.advance(1)
    expect(await result).toEqual(timedOut)
    expect(log).toEqual(['inner', 'outer', 'last'])
  })

  it('[gen-finally] a finally block that fails is reported, and one that never ends is left', async () => {
    const { system, clock, reported } = world()
    const controller = new AbortController()
    const run = (work: Effect<unknown, unknown>) =>
      work.unsafeRunPromise({ system, signal: controller.signal, finalizerTimeoutMs: 100 })
    const results = [
      run(
        Effect.gen(function* () {
          try {
            yield* sleep(1000)
          } finally {
            yield* fail('cleanup')
          }
        }),
      ),
      run(
        Effect.gen(function* () {
          try {
            yield* sleep(1000)
          } finally {
            yield* sleep(1e6)
          }
        }),
      ),
    ]
    await clock.flush()
    controller.abort('stop')
    await clock.advance(100)
    expect(await Promise.all(results)).toEqual([interrupted('stop'), interrupted('stop')])
    expect(reported.map(([error]) => (error as { code?: string }).code ?? error)).toEqual([
      'cleanup',
      'KEELSON_UNFINISHED',
    ])
  })

  it('name what is no generator, and no effect', async () => {
    const { system, log } = world()
    expect(() => Effect.gen(5 as never)).toThrow(expect.objectContaining({ field: 'fn' }))
    expect(await Effect.gen((() => 5) as never).unsafeRunPromise({ system })).toMatchObject({
      error: { field: "what gen's function returns" },
    })
    const wrong = Effect.gen(function* () {
      try {
        yield 5 as never
      } finally {
        log.push('finally')
      }
    })
    expect(await wrong.unsafeRunPromise({ system })).toMatchObject({ error: { field: 'what a generator yields' } })
    expect(log).toEqual(['finally'])
  })

  it('take no stack, and let the event loop turn', async () => {
    const { system } = world()
    const long = Effect.gen(function* () {
      let sum = 0
      for (let index = 0; index < 20_000; index++) sum += yield* succeed(1)
      return sum
    })
    expect(await long.run({ system })).toBe(20_000)
  })
})

describe('errors by their tag, and pairs', () => {
  it('catchTag handles errors with its tag alone', async () => {
    const { system } = world()
    const handled = (error: unknown) =>
      fail(error)
        .catchTag('Known', ({ _tag }) => succeed(`handled ${_tag}`))
        .unsafeRunPromise({ system })
    expect(await handled({ _tag: 'Known' })).toEqual(ok('handled Known'))
    const hostile = {
      get _tag() {
        throw new Error('unreadable')
      },
    }
    for (const error of [{ _tag: 'Other' }, 'Known', null, undefined, hostile]) {
      expect(await handled(error)).toMatchObject({ _tag: 'Err' })
    }
    expect(
      await succeed(1)
        .catchTag('x' as never, () => succeed(2))
        .run({ system }),
    ).toBe(1)
    expect(() => succeed(1).catchTag(5 as never, () => succeed(2))).toThrow(expect.objectContaining({ field: 'tag' }))
    expect(() => succeed(1).catchTag('x' as never, 5 as never)).toThrow(expect.objectContaining({ field: 'handler' }))
    const odd = await fail({ _tag: 'A' as const })
      .catchTag('A', () => 5 as never)
      .unsafeRunPromise({ system })
    expect(odd).toMatchObject({ error: { field: "what catchTag's function returns" } })
  })

  it('zip runs one after the other and has both values', async () => {
    const { system, log, note } = world()
    expect(
      await note('one')
        .map(() => 1)
        .zip(note('two').map(() => 'b'))
        .run({ system }),
    ).toEqual([1, 'b'])
    expect(await fail('no').zip(note('never')).unsafeRunPromise({ system })).toEqual(err('no'))
    expect(log).toEqual(['one', 'two'])
    expect(() => succeed(1).zip(5 as never)).toThrow(expect.objectContaining({ field: 'other' }))
  })
})

describe('forEach', () => {
  it('[for-each] runs one after the other by default, and has the values in order', async () => {
    const { system, clock, log } = world()
    const result = Effect.forEach(new Set([30, 10, 20]), (ms, index) => {
      log.push(`start ${index}`)
      return sleep(ms).map(() => log.push(`end ${index}`))
    }).run({ system })
    await clock.advance(60)
    expect(await result).toEqual([2, 4, 6])
    expect(log).toEqual(['start 0', 'end 0', 'start 1', 'end 1', 'start 2', 'end 2'])
    expect(await Effect.forEach([], () => succeed(1)).run({ system })).toEqual([])
  })

  it('[for-each] runs no more than concurrency at a time, and keeps the order', async () => {
    const { system, clock } = world()
    let [running, most] = [0, 0]
    const result = Effect.forEach(
      Array.from({ length: 10 }, (_, index) => index),
      (index) =>
        effect(() => {
          most = Math.max(most, ++running)
        })
          .flatMap(() => sleep(10 - index))
          .map(() => {
            running--
            return index
          }),
      { concurrency: 3 },
    ).run({ system })
    await clock.advance(100)
    expect([await result, most]).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 3])
  })

  it('[for-each] the first failure interrupts the rest, waits for their finalisers, and starts no more', async () => {
    const { system, clock, log, note } = world()
    const slow = sleep(1000).onInterrupt(() => sleep(5).flatMap(() => note('stopped')))
    const effects = [slow, sleep(10).flatMap(() => fail('no')), note('third')]
    const result = Effect.forEach(effects, (each) => each as Effect<unknown, unknown>, { concurrency: 2 })
    const run = result.unsafeRunPromise({ system })
    await clock.advance(14)
    expect(log).toEqual([])
    await clock.advance(1)
    expect(await run).toEqual(err('no'))
    expect(log).toEqual(['stopped'])
    const thrown = Effect.forEach([1], () => {
      throw new Error('in fn')
    })
    await expect(thrown.run({ system })).rejects.toThrow('in fn')
  })

  it('refuses what is no list, function, effect or bound', async () => {
    const { system } = world()
    const refused: [unknown, unknown, unknown, string][] = [
      [5, () => succeed(1), undefined, 'items'],
      [[], 5, undefined, 'fn'],
      [[], () => succeed(1), { concurrency: 0 }, 'options.concurrency'],
      [[], () => succeed(1), { concurency: 1 }, 'options.concurency'],
    ]
    for (const [items, fn, options, field] of refused) {
      expect(() => Effect.forEach(items as never, fn as never, options as never)).toThrow(
        expect.objectContaining({ field }),
      )
    }
    expect(await Effect.forEach([1], () => 5 as never).unsafeRunPromise({ system })).toMatchObject({
      error: { field: "what forEach's function returns" },
    })
  })
})
