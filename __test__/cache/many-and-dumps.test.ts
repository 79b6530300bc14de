import { Cache, type CacheDump } from 'keelson/otp'
import { describe, expect, it } from 'vitest'

import { rejection, thrown } from '../support/rejection.ts'
import { useStage } from '../support/system.ts'

const stage = useStage()
let names = 0

/** Starts a cache of one thread, and one that threads share, with the same options. */
const both = async (options: object = {}) => [
  await Cache.start<unknown>({ system: stage.system, ...options }),
  await Cache.start<unknown>({ system: stage.system, shared: true, name: `many ${++names}`, ...options }),
]

describe('sliding expiry', () => {
  it('keeps a value for its time from each hit on, and from no look', async () => {
    for (const cache of await both({ defaultTtlMs: 10, sliding: true })) {
      const { handle } = cache
      handle.set('a', 1)
      for (const use of [
        () => handle.get('a'),
        () => handle.getOrSet('a', () => 2),
        () => handle.getMany(['a']).get('a'),
      ]) {
        await stage.clock.advance(9)
        expect([handle.ttl('a'), use(), handle.ttl('a')]).toEqual([1, 1, 10])
      }
      await stage.clock.advance(9)
      expect([handle.has('a'), handle.peek('a'), handle.ttl('a')]).toEqual([true, 1, 1])
      await stage.clock.advance(1)
      expect([handle.get('a'), handle.size]).toEqual([undefined, 0])
      await Cache.stop(cache)
    }
  })

  it('may be said for one value, and of a value that never expires it means nothing', async () => {
    for (const cache of await both({ defaultTtlMs: 10 })) {
      const { handle } = cache
      handle.set('slides', 1, { sliding: true })
      handle.set('does not', 1)
      handle.set('for ever', 1, { ttlMs: null, sliding: true })
      await handle.getOrSet('loaded', async () => 1, { sliding: true })
      await stage.clock.advance(9)
      handle.getMany(['slides', 'does not', 'for ever', 'loaded'])
      expect(['slides', 'does not', 'for ever', 'loaded', 'none'].map((key) => handle.ttl(key))).toEqual([
        10,
        1,
        Infinity,
        10,
        undefined,
      ])
      expect(thrown(() => handle.set('a', 1, { sliding: 1 as never }))).toMatchObject({ field: 'options.sliding' })
      await Cache.stop(cache)
    }
    expect(await rejection(Cache.start({ sliding: 'yes' as never }))).toMatchObject({ field: 'options.sliding' })
  })

  it('moves the stale window along, and onEvict hears of the expiry at the moved end', async () => {
    const told: unknown[] = []
    const onEvict = (...event: unknown[]): void => void told.push([...event, stage.clock.monoMs()])
    for (const cache of await both({ defaultTtlMs: 10, sliding: true, staleIfErrorMs: 5, onEvict })) {
      const { handle } = cache
      const start = stage.clock.monoMs()
      handle.set('a', 1)
      await stage.clock.advance(8)
      handle.get('a')
      await stage.clock.advance(14)
      expect([told, handle.get('a')]).toEqual([[], undefined])
      await stage.clock.advance(1)
      expect(told.splice(0)).toEqual([['a', 1, 'expired', start + 23]])
      await Cache.stop(cache)
    }
  })

  it('slides a full log of uses without losing one, by s3-fifo and by lru', async () => {
    for (const policy of ['s3-fifo', 'lru'] as const) {
      const { handle } = await Cache.start<number>({ system: stage.system, defaultTtlMs: 100, sliding: true, policy })
      for (let key = 0; key < 700; key++) handle.set(key, key)
      await stage.clock.advance(50)
      for (let key = 0; key < 700; key += 2) handle.get(key)
      await stage.clock.advance(50)
      expect(handle.keys()).toEqual(Array.from({ length: 350 }, (_, index) => index * 2))
    }
  })
})

describe('many at once', () => {
  it('getMany has what is there, undefined too, and counts each key', async () => {
    const [cache] = await both()
    await Cache.setMany(
      cache as never,
      new Map<string, unknown>([
        ['a', 1],
        ['b', undefined],
      ]),
    )
    const found = await Cache.getMany(cache as never, ['b', 'x', 'a', 'a'])
    expect([...found]).toEqual([
      ['b', undefined],
      ['a', 1],
    ])
    expect(await Cache.stats(cache as never)).toMatchObject({ hits: 3, misses: 1 })
  })

  it('setMany stores all or nothing', async () => {
    const hostile = {
      [Symbol.iterator]: () => {
        throw new Error('no list')
      },
    }
    for (const cache of await both({ sizeOf: (value: unknown) => (value === 'huge' ? -1 : 1), maxBytes: 10 })) {
      const refused: [unknown, unknown, string][] = [
        [5, undefined, 'entries'],
        [[['a', 1], 'b'], undefined, 'entries[1]'],
        [
          [
            ['a', 1],
            [Number.NaN, 1],
          ],
          undefined,
          'entries[1][0]',
        ],
        [[['a', 1]], { ttlMs: 0 }, 'options.ttlMs'],
        [
          [
            ['a', 1],
            ['b', 'huge'],
          ],
          undefined,
          'sizeOf(value)',
        ],
      ]
      for (const [entries, options, field] of refused) {
        expect(await rejection(Cache.setMany(cache as never, entries as never, options as never))).toMatchObject({
          field,
        })
      }
      expect(await rejection(Cache.setMany(cache as never, hostile as never))).toMatchObject({ message: 'no list' })
      expect(await rejection(Cache.getMany(cache as never, ['a', null] as never))).toMatchObject({ field: 'keys[1]' })
      expect(await rejection(Cache.getMany(cache as never, 'ab' as never))).toMatchObject({ field: 'keys' })
      expect(cache?.handle.size).toBe(0)
      await Cache.stop(cache as never)
    }
    const [, shared] = await both()
    const lone = 'lone \ud800'
    expect(
      await rejection(
        Cache.setMany(shared as never, [
          ['a', 1],
          [lone, 1],
        ]),
      ),
    ).toMatchObject({ field: 'entries[1][0]' })
    expect(
      await rejection(
        Cache.setMany<unknown>(shared as never, [
          ['a', 1],
          ['b', () => 1],
        ]),
      ),
    ).toMatchObject({
      code: 'KEELSON_NOT_PLAIN',
    })
    expect(await rejection(Cache.getMany(shared as never, [lone]))).toMatchObject({ field: 'keys[0]' })
    expect(shared?.handle.size).toBe(0)
  })
})

describe('a dump', () => {
  it('has the valid entries, and load keeps the rest of their times, their tags and their sliding', async () => {
    for (const cache of await both({ staleIfErrorMs: 100 })) {
      const { handle } = cache
      handle.set('for ever', { n: 1 })
      handle.set(7, 'seven', { ttlMs: 50, tags: ['t'] })
      handle.set('slides', 1, { ttlMs: 40, sliding: true })
      handle.set('stale', 1, { ttlMs: 5 })
      await stage.clock.advance(10)
      const dump = await Cache.dump(cache as never)
      expect(dump).toEqual({
        version: 1,
        savedAtMs: stage.clock.now().wallMs,
        entries: [
          { key: 'for ever', value: { n: 1 }, ttlMs: null },
          { key: 7, value: 'seven', ttlMs: 40, tags: ['t'] },
          { key: 'slides', value: 1, ttlMs: 30, slidingMs: 40 },
        ],
      })
      await stage.clock.advance(35)
      for (const other of await both({ ttlJitter: 1 })) {
        expect(await Cache.load(other as never, JSON.parse(JSON.stringify(dump)) as CacheDump)).toBe(2)
        expect([other.handle.keys(), other.handle.ttl(7), other.handle.ttl('for ever')]).toEqual([
          ['for ever', 7],
          5,
          Infinity,
        ])
        expect(other.handle.invalidateTag('t')).toBe(1)
        // A wall clock that was set back prolongs nothing.
        expect(other.handle.load({ ...dump, savedAtMs: dump.savedAtMs + 1e6 })).toBe(3)
        expect([other.handle.ttl('slides'), other.handle.get('slides'), other.handle.ttl('slides')]).toEqual([
          30, 1, 40,
        ])
      }
    }
  })

  it('is refused by the field that is damaged, and changes nothing', async () => {
    const entry = { key: 'a', value: 1, ttlMs: 5 }
    const damaged: [unknown, string][] = [
      [5, 'dump'],
      [{ version: 2, savedAtMs: 0, entries: [] }, 'dump.version'],
      [{ version: 1, savedAtMs: '0', entries: [] }, 'dump.savedAtMs'],
      [{ version: 1, savedAtMs: 0, entries: {} }, 'dump.entries'],
      [{ version: 1, savedAtMs: 0, entries: [], more: 1 }, 'dump.more'],
    ]
    const entries: [unknown, string][] = [
      [null, ''],
      [{ ...entry, key: null }, '.key'],
      [{ ...entry, ttlMs: 0 }, '.ttlMs'],
      [{ key: 'a', value: 1 }, '.ttlMs'],
      [{ ...entry, slidingMs: -1 }, '.slidingMs'],
      [{ ...entry, ttlMs: null, slidingMs: 1 }, '.slidingMs'],
      [{ ...entry, tags: 'x' }, '.tags'],
      [{ ...entry, tags: ['x', 1] }, '.tags[1]'],
      [{ ...entry, tag: 'x' }, '.tag'],
    ]
    for (const [one, field] of entries) {
      damaged.push([{ version: 1, savedAtMs: 0, entries: [entry, one] }, `dump.entries[1]${field}`])
    }
    for (const cache of await both()) {
      for (const [dump, field] of damaged) {
        expect(await rejection(Cache.load(cache as never, dump as never))).toMatchObject({ field })
      }
      expect(cache.handle.size).toBe(0)
    }
  })
})

describe('memoize', () => {
  it('calls the function once per key, with its own this, and again after its time', async () => {
    let calls = 0
    const owner = {
      factor: 2,
      double: Cache.memoize(
        async function (this: { factor: number }, n: number) {
          calls++
          return n * this.factor
        },
        { system: stage.system, defaultTtlMs: 10 },
      ),
    }
    expect(await Promise.all([owner.double(1), owner.double(1), owner.double(2)])).toEqual([2, 2, 4])
    expect([calls, await owner.double(1), calls]).toEqual([2, 2, 2])
    await stage.clock.advance(10)
    expect([await owner.double(1), calls]).toEqual([2, 3])
  })

  it('keeps to its size, remembers no failure, and takes the cache and the key that it is given', async () => {
    let calls = 0
    const small = Cache.memoize((n: number) => n + ++calls, { system: stage.system, maxSize: 1, policy: 'lru' })
    expect([await small(0), await small(0), await small(10), await small(0)]).toEqual([1, 1, 12, 3])
    const failing = Cache.memoize(
      () => {
        throw new Error(`call ${++calls}`)
      },
      { system: stage.system, key: () => 'k' },
    )
    expect([(await rejection(failing())).message, (await rejection(failing())).message]).toEqual(['call 4', 'call 5'])
    for (const cache of await both()) {
      const joined = Cache.memoize((a: string, b: string) => `${a}${b}`, {
        cache: cache as never,
        key: (a, b) => `${a}|${b}`,
        ttlMs: 10,
        tags: ['t'],
      })
      expect([await joined('x', 'y'), cache.handle.ttl('x|y'), cache.handle.invalidateTag('t')]).toEqual(['xy', 10, 1])
      await Cache.stop(cache as never)
      expect(await rejection(joined('x', 'y'))).toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
    }
  })

  it('refuses wrong options at once, and arguments that are no key', async () => {
    const { system } = stage
    const [cache] = await both()
    const refused: [unknown, unknown, string][] = [
      [5, {}, 'fn'],
      [() => 1, { key: 5 }, 'options.key'],
      [() => 1, { ttlMs: 5 }, 'options.ttlMs'],
      [() => 1, { maxSize: 0 }, 'options.maxSize'],
      [() => 1, { cache: 5 }, 'ref'],
      [() => 1, { cache, maxSize: 5 }, 'options.maxSize'],
      [() => 1, { cache, ttlMs: 0 }, 'options.ttlMs'],
    ]
    for (const [fn, options, field] of refused) {
      expect(thrown(() => Cache.memoize(fn as never, options as never))).toMatchObject({ field })
    }
    const plain = Cache.memoize((...args: unknown[]) => args.length, { system })
    for (const args of [[], [1, 2], [{}], [null]]) {
      expect(await rejection(plain(...args))).toMatchObject({ field: 'options.key' })
    }
    expect(await rejection(plain(Number.NaN))).toMatchObject({ field: 'key' })
  })
})
