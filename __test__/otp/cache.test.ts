import {
  AlreadyRegisteredError,
  Cache,
  type CacheKey,
  type CacheOptions,
  GenServer,
  Registry,
  Supervisor,
} from 'keelson'
import { describe, expect, it, vi } from 'vitest'

import { rejection } from '../support/rejection.ts'
import { useStage } from '../support/system.ts'

const stage = useStage()
const open = <V = unknown>(options: CacheOptions<V> = {}) => Cache.start<V>({ system: stage.system, ...options })

/** The arguments of each call of `onEvict`. */
const ledger = () => {
  const told: [CacheKey, unknown, string][] = []
  return { told, onEvict: (key: CacheKey, value: unknown, reason: string) => void told.push([key, value, reason]) }
}

describe('values and keys', () => {
  it('keeps values as they are, under strings and numbers', async () => {
    const cache = await open()
    const value = { a: 1 }
    await Cache.set(cache, 'a', value)
    await Cache.set(cache, 1, 'number')
    await Cache.set(cache, '1', 'string')
    expect(await Cache.get(cache, 'a')).toBe(value)
    expect([cache.handle.get(1), cache.handle.get('1')]).toEqual(['number', 'string'])
    expect(await Cache.get(cache, 'b')).toBeUndefined()
    expect(await Cache.has(cache, 'a')).toBe(true)
    expect(await Cache.keys(cache)).toEqual(['a', 1, '1'])
    await Cache.set(cache, 'a', 2)
    expect(await Cache.entries(cache)).toEqual([
      ['a', 2],
      [1, 'number'],
      ['1', 'string'],
    ])
    expect(await Cache.delete(cache, 'a')).toBe(true)
    expect(await Cache.delete(cache, 'a')).toBe(false)
    expect(await Cache.size(cache)).toBe(2)
  })

  it('takes hostile keys for what they are', async () => {
    const { handle } = await open({ maxSize: 50 })
    const long = 'x'.repeat(2 ** 20)
    const keys = ['__proto__', 'constructor', '', '\0', '\ud800', long, `${long}y`, 0, -1, Infinity, 1e300, 0.1]
    for (const key of keys) expect(handle.get(key)).toBeUndefined()
    for (const [index, key] of keys.entries()) handle.set(key, index)
    expect(keys.map((key) => handle.get(key))).toEqual(keys.map((_, index) => index))
    expect(handle.keys()).toEqual(keys)
    expect(handle.get(-0)).toBe(7)
    expect(({} as Record<string, unknown>)['0']).toBeUndefined()
  })

  it('keeps undefined as a value', async () => {
    const { handle } = await open()
    const loader = vi.fn(() => undefined)
    handle.getOrSet('a', loader)
    handle.getOrSet('a', loader)
    expect(loader).toHaveBeenCalledTimes(1)
    expect([handle.get('a'), handle.has('a'), handle.size]).toEqual([undefined, true, 1])
  })

  it('counts', async () => {
    const cache = await open({ maxSize: 2 })
    await Cache.set(cache, 'a', 1)
    await Cache.get(cache, 'a')
    await Cache.get(cache, 'b')
    await Cache.getOrSet(cache, 'b', () => 2)
    await Cache.getOrSet(cache, 'a', () => 2)
    await Cache.has(cache, 'z')
    cache.handle.peek('a')
    cache.handle.set('c', 3)
    expect(await Cache.stats(cache)).toEqual({
      size: 2,
      maxSize: 2,
      hits: 2,
      misses: 2,
      hitRate: 0.5,
      staleHits: 0,
      bytes: 0,
      maxBytes: Infinity,
      loads: 1,
      loadFailures: 0,
      loading: 0,
      evictions: 1,
      expirations: 0,
    })
    await Cache.clear(cache)
    expect(await Cache.stats(cache)).toMatchObject({ size: 0, hits: 0, misses: 0, hitRate: 0 })
    expect(await Cache.keys(cache)).toEqual([])
  })
})

describe('time', () => {
  it('is over exactly when its time has come', async () => {
    const cache = await open({ defaultTtlMs: 100 })
    const { handle } = cache
    handle.set('default', 1)
    handle.set('long', 1, { ttlMs: 200.5 })
    handle.set('ever', 1, { ttlMs: null })
    stage.clock.advanceBy(99.5)
    expect(handle.keys()).toEqual(['default', 'long', 'ever'])
    stage.clock.advanceBy(0.5)
    expect(handle.get('default')).toBeUndefined()
    expect(handle.size).toBe(2)
    stage.clock.advanceBy(100)
    expect(handle.has('long')).toBe(true)
    stage.clock.advanceBy(0.5)
    expect(handle.has('long')).toBe(false)
    stage.clock.advanceBy(1e12)
    expect(handle.get('ever')).toBe(1)
    expect(stage.clock.getPendingTimerCount()).toBe(0)
  })

  it('does not run with the wall clock, and starts anew with a value', async () => {
    const { handle } = await open({ defaultTtlMs: 100 })
    handle.set('a', 1)
    stage.clock.jumpWallTime(1e9)
    expect(handle.get('a')).toBe(1)
    stage.clock.advanceBy(99)
    handle.set('a', 2)
    stage.clock.advanceBy(99)
    expect(handle.get('a')).toBe(2)
    handle.set('a', 3, { ttlMs: null })
    stage.clock.advanceBy(1000)
    expect(handle.get('a')).toBe(3)
    handle.set('a', 4, { ttlMs: 1 })
    stage.clock.advanceBy(1)
    expect(handle.get('a')).toBeUndefined()
  })

  it('follows fake timers', async () => {
    vi.useFakeTimers()
    try {
      const { handle } = await Cache.start({ defaultTtlMs: 1000 })
      handle.set('a', 1)
      vi.advanceTimersByTime(999)
      expect(handle.get('a')).toBe(1)
      vi.advanceTimersByTime(1)
      expect(handle.get('a')).toBeUndefined()
    } finally {
      vi.useRealTimers()
    }
  })

  it('jitters by the seed of the system, downwards only', async () => {
    const { handle } = await open({ defaultTtlMs: 1000, ttlJitter: 0.5 })
    for (let key = 0; key < 1000; key++) handle.set(key, key)
    stage.clock.advanceBy(499)
    expect(handle.size).toBe(1000)
    stage.clock.advanceBy(251)
    expect(handle.size).toBeGreaterThan(400)
    expect(handle.size).toBeLessThan(600)
    stage.clock.advanceBy(250)
    expect(handle.size).toBe(0)
  })

  it('sweeps if asked to, with one timer that holds no event loop', async () => {
    const cache = await open({ defaultTtlMs: 100, sweepIntervalMs: 250 })
    cache.handle.set('a', 1, { tags: ['t'] })
    cache.handle.set('b', 2, { ttlMs: 300, tags: ['t'] })
    expect(stage.clock.getPendingTimerCount()).toBe(1)
    stage.clock.advanceBy(250)
    expect(cache.handle.invalidateTag('t')).toBe(1)
    await Cache.stop(cache)
    expect(stage.clock.getPendingTimerCount()).toBe(0)
  })
})

describe('room', () => {
  it('is never exceeded, and what is over goes first', async () => {
    const { told, onEvict } = ledger()
    const { handle } = await open({ maxSize: 3, onEvict })
    handle.set('a', 1)
    handle.set('short', 2, { ttlMs: 10 })
    handle.set('c', 3)
    stage.clock.advanceBy(10)
    handle.set('d', 4)
    expect(told).toEqual([['short', 2, 'expired']])
    handle.set('e', 5)
    expect(told.at(-1)).toEqual(['a', 1, 'evicted'])
    expect(handle.keys()).toEqual(['c', 'd', 'e'])
  })

  it('evicts by lru exactly', async () => {
    const { told, onEvict } = ledger()
    const { handle } = await open({ maxSize: 3, policy: 'lru', onEvict })
    for (const key of ['a', 'b', 'c']) handle.set(key, key)
    handle.get('a')
    handle.peek('b')
    handle.has('b')
    handle.set('d', 'd')
    handle.getOrSet('c', () => 'never')
    handle.set('e', 'e')
    expect(told.map(([key]) => key)).toEqual(['b', 'a'])
  })

  it('keeps what is used, by s3-fifo', async () => {
    const { handle } = await open({ maxSize: 10 })
    handle.set('hot', 1)
    handle.get('hot')
    for (let key = 0; key < 1000; key++) handle.set(key, key)
    expect(handle.get('hot')).toBe(1)
    expect(handle.size).toBe(10)
  })

  it('counts bytes', async () => {
    const { told, onEvict } = ledger()
    const cache = await open<string>({ maxBytes: 10, sizeOf: (value) => value.length, policy: 'lru', onEvict })
    const { handle } = cache
    handle.set('a', 'aaaa')
    handle.set('b', 'bbbb')
    handle.set('c', 'cc')
    expect(handle.stats()).toMatchObject({ size: 3, bytes: 10, maxBytes: 10 })
    handle.set('d', 'ddddd')
    expect(told).toEqual([
      ['a', 'aaaa', 'evicted'],
      ['b', 'bbbb', 'evicted'],
    ])
    handle.set('c', 'cccccccc')
    expect(handle.keys()).toEqual(['c'])
    expect(handle.stats().bytes).toBe(8)
    told.length = 0
    // What would not fit alone goes at once, and takes nothing else along but what it was to replace.
    handle.set('x', 'x'.repeat(11))
    expect(told).toEqual([['x', 'x'.repeat(11), 'evicted']])
    handle.set('c', 'y'.repeat(11))
    expect(told.slice(1)).toEqual([
      ['c', 'cccccccc', 'replaced'],
      ['c', 'y'.repeat(11), 'evicted'],
    ])
    expect(handle.stats()).toMatchObject({ size: 0, bytes: 0 })
  })

  it('tells of many that go at once', async () => {
    const { told, onEvict } = ledger()
    const { handle } = await open<number>({ maxBytes: 1000, sizeOf: (value) => value, policy: 'lru', onEvict })
    for (let key = 0; key < 1000; key++) handle.set(key, 1)
    handle.set('large', 1000)
    expect(told.map(([key]) => key)).toEqual(Array.from({ length: 1000 }, (_, key) => key))
    expect(handle.keys()).toEqual(['large'])
  })

  it('grows without a limit', async () => {
    const { handle } = await open({ policy: 'lru' })
    for (let key = 0; key < 20_000; key++) {
      handle.set(key, key)
      handle.get(key >> 1)
    }
    expect(handle.size).toBe(20_000)
    expect(handle.get(0)).toBe(0)
    expect(handle.stats().maxSize).toBe(2 ** 23)
  })
})

describe('tags', () => {
  it('invalidates what has one', async () => {
    const { told, onEvict } = ledger()
    const cache = await open({ onEvict, maxSize: 4, policy: 'lru' })
    await Cache.set(cache, 'a', 1, { tags: ['x', 'y', 'x'] })
    await Cache.set(cache, 'b', 2, { tags: ['y'] })
    await Cache.set(cache, 'c', 3, { tags: ['__proto__'] })
    await Cache.getOrSet(cache, 'd', () => 4, { tags: ['y'] })
    await Cache.set(cache, 'b', 5)
    expect(await Cache.invalidateTag(cache, 'y')).toBe(2)
    expect(told.slice(1)).toEqual([
      ['a', 1, 'invalidated'],
      ['d', 4, 'invalidated'],
    ])
    expect(await Cache.invalidateTag(cache, 'x')).toBe(0)
    expect(await Cache.invalidateTag(cache, '__proto__')).toBe(1)
    expect(cache.handle.keys()).toEqual(['b'])
  })

  it('forgets the tags of what has gone', async () => {
    const { handle } = await open({ maxSize: 1 })
    handle.set('a', 1, { tags: ['t'] })
    handle.set('b', 2)
    expect(handle.invalidateTag('t')).toBe(0)
    expect(handle.get('b')).toBe(2)
  })
})

describe('onEvict', () => {
  it('says why, and may use the cache', async () => {
    const { told, onEvict } = ledger()
    const cache = await open({
      maxSize: 2,
      policy: 'lru',
      onEvict: (key, value, reason) => {
        onEvict(key, value, reason)
        if (key === 'a' && reason === 'evicted') cache.handle.set('back', value)
      },
    })
    const { handle } = cache
    handle.set('a', 1)
    handle.set('b', 2)
    handle.set('b', 2)
    handle.set('b', 3)
    handle.set('c', 4)
    handle.delete('c')
    handle.clear()
    handle.set('d', 5)
    await Cache.stop(cache)
    expect(told).toEqual([
      ['b', 2, 'replaced'],
      ['a', 1, 'evicted'],
      ['b', 3, 'evicted'],
      ['c', 4, 'deleted'],
      ['back', 1, 'cleared'],
      ['d', 5, 'stopped'],
    ])
  })

  it('fails alone', async () => {
    const fails = vi.fn((key: CacheKey) => {
      if (key === 'a') throw new Error('sync')
      return Promise.reject(new Error('async'))
    })
    const cache = await open({ onEvict: fails })
    cache.handle.set('a', 1)
    cache.handle.set('b', 1)
    cache.handle.clear()
    await stage.turn()
    expect(fails).toHaveBeenCalledTimes(2)
    expect(stage.reported.map(([error]) => (error as Error).message)).toEqual(['sync', 'async'])
    expect(cache.handle.size).toBe(0)
  })
})

describe('a cache as a process', () => {
  it('can be named, looked up and stopped', async () => {
    const cache = await open({ name: 'users' })
    expect(Registry.lookup('users', stage.system)).toBe(cache)
    expect(await rejection(open({ name: 'users' }))).toBeInstanceOf(AlreadyRegisteredError)
    Cache.handle(Registry.lookup('users', stage.system)).set('a', 1)
    expect(await Cache.get(cache, 'a')).toBe(1)
    expect(Cache.isRunning(cache)).toBe(true)
    await Cache.stop(cache)
    await Cache.stop(cache)
    expect(Cache.isRunning(cache)).toBe(false)
    expect(Registry.whereis('users', stage.system)).toBeUndefined()
    const refused = { code: 'KEELSON_NOT_RUNNING', serverId: cache.id }
    for (const attempt of [
      () => Cache.get(cache, 'a'),
      () => Cache.set(cache, 'a', 1),
      () => Cache.getOrSet(cache, 'a', () => 1),
      () => Cache.stats(cache),
      async () => Cache.prune(cache),
      async () => cache.handle.get('a'),
      async () => cache.handle.set('a', 1),
      async () => cache.handle.size,
      async () => cache.handle.clear(),
    ]) {
      expect(await rejection(attempt())).toMatchObject(refused)
    }
  })

  it('is supervised, and starts over empty', async () => {
    const supervisor = await Supervisor.start({
      system: stage.system,
      children: [{ id: 'cache', start: () => open({ name: 'supervised' }) }],
    })
    const first = Registry.lookup('supervised', stage.system)
    Cache.handle(first).set('a', 1)
    await GenServer.stop(first, { error: new Error('gone') })
    await stage.turn()
    const second = Registry.lookup('supervised', stage.system)
    expect(second.id).not.toBe(first.id)
    expect(Cache.handle(second).get('a')).toBeUndefined()
    await Supervisor.stop(supervisor)
    expect(Cache.isRunning(second)).toBe(false)
  })

  it('ends with its system', async () => {
    const { told, onEvict } = ledger()
    const cache = await open({ onEvict })
    cache.handle.set('a', 1)
    await stage.system.close()
    expect(Cache.isRunning(cache)).toBe(false)
    expect(() => cache.handle.get('a')).toThrow(expect.objectContaining({ code: 'KEELSON_NOT_RUNNING' }))
    expect(told).toEqual([['a', 1, 'stopped']])
  })

  it('takes no messages', async () => {
    const cache = await open()
    const ref = cache as unknown as Parameters<typeof GenServer.call>[0]
    expect(await rejection(GenServer.call(ref, 'get'))).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT' })
    GenServer.cast(ref, 'set')
    await stage.turn()
    expect(Cache.isRunning(cache)).toBe(true)
    expect(stage.reported).toMatchObject([[{ code: 'KEELSON_INVALID_ARGUMENT' }, 'a message to a cache']])
  })
})

describe('bad input', () => {
  it.each([
    [{ maxSize: 0 }, 'options.maxSize'],
    [{ maxSize: -1 }, 'options.maxSize'],
    [{ maxSize: Number.NaN }, 'options.maxSize'],
    [{ maxSize: 1.5 }, 'options.maxSize'],
    [{ maxSize: 2 ** 24 }, 'options.maxSize'],
    [{ maxSize: '10' }, 'options.maxSize'],
    [{ maxBytes: 0, sizeOf: () => 1 }, 'options.maxBytes'],
    [{ maxBytes: 10 }, 'options.sizeOf'],
    [{ sizeOf: 1 }, 'options.sizeOf'],
    [{ defaultTtlMs: 0 }, 'options.defaultTtlMs'],
    [{ defaultTtlMs: -5 }, 'options.defaultTtlMs'],
    [{ defaultTtlMs: Number.NaN }, 'options.defaultTtlMs'],
    [{ defaultTtlMs: Infinity }, 'options.defaultTtlMs'],
    [{ ttlJitter: 1.1 }, 'options.ttlJitter'],
    [{ ttlJitter: Number.NaN }, 'options.ttlJitter'],
    [{ staleWhileRevalidateMs: -1 }, 'options.staleWhileRevalidateMs'],
    [{ staleIfErrorMs: Number.NaN }, 'options.staleIfErrorMs'],
    [{ negativeTtlMs: 0 }, 'options.negativeTtlMs'],
    [{ sweepIntervalMs: 0 }, 'options.sweepIntervalMs'],
    [{ policy: 'random' }, 'options.policy'],
    [{ onEvict: 1 }, 'options.onEvict'],
    [{ onLoadError: 1 }, 'options.onLoadError'],
    [{ name: '' }, 'options.name'],
    [{ system: {} }, 'options.system'],
    [{ ttl: 5 }, 'options.ttl'],
    [5, 'options'],
  ])('refuses %o', async (options, field) => {
    expect(await rejection(Cache.start(options as never))).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field })
  })

  it('refuses what is no key, time, tag, loader or size, and nothing changes', async () => {
    let size: unknown = 1
    const cache = await open({ maxBytes: 100, sizeOf: () => size as number })
    const { handle } = cache
    handle.set('a', 1)
    const refused: [() => unknown, string][] = [
      [() => handle.set({} as never, 1), 'key'],
      [() => handle.set(Number.NaN, 1), 'key'],
      [() => handle.get(undefined as never), 'key'],
      [() => handle.has(null as never), 'key'],
      [() => handle.peek(Symbol.iterator as never), 'key'],
      [() => handle.delete(1n as never), 'key'],
      [() => handle.getOrSet(Number.NaN, () => 1), 'key'],
      [() => handle.getOrSet('b', 5 as never), 'loader'],
      [() => handle.set('a', 2, { ttlMs: 0 }), 'options.ttlMs'],
      [() => handle.set('a', 2, { ttlMs: Number.NaN }), 'options.ttlMs'],
      [() => handle.set('a', 2, { tags: 'x' as never }), 'options.tags'],
      [() => handle.set('a', 2, { tags: [1 as never] }), 'options.tags[0]'],
      [() => handle.set('a', 2, { ttl: 5 } as never), 'options.ttl'],
      [() => handle.getOrSet('b', () => 1, { signal: 5 as never }), 'options.signal'],
      [() => handle.invalidateTag(5 as never), 'tag'],
    ]
    for (const [attempt, field] of refused) {
      expect(attempt, field).toThrow(expect.objectContaining({ code: 'KEELSON_INVALID_ARGUMENT', field }))
    }
    for (const bad of [-1, Number.NaN, 0.5, Infinity, '1', undefined]) {
      size = bad
      expect(() => handle.set('a', 2)).toThrow(expect.objectContaining({ field: 'sizeOf(value)' }))
      expect(() => handle.getOrSet('b', () => 2)).toThrow(expect.objectContaining({ field: 'sizeOf(value)' }))
      expect(await rejection(Cache.getOrSet(cache, 'c', async () => 2))).toMatchObject({ field: 'sizeOf(value)' })
    }
    expect(handle.entries()).toEqual([['a', 1]])
    expect(handle.stats()).toMatchObject({ bytes: 1, loading: 0 })
  })

  it('refuses refs of others', async () => {
    const other = await GenServer.start(
      { init: () => 0, handleCall: () => [0, 0] as const, handleCast: () => 0 },
      { system: stage.system },
    )
    for (const ref of [other, { id: 'genserver_1' }, undefined]) {
      expect(await rejection(Cache.get(ref as never, 'a'))).toMatchObject({ field: 'ref' })
    }
    expect(Cache.isRunning(other)).toBe(false)
  })
})
