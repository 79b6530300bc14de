import { AsyncLocalStorage } from 'node:async_hooks'

import { Cache, type CacheKey, type CacheOptions } from 'keelson'
import { describe, expect, it, vi } from 'vitest'

import { rejection } from '../support/rejection.ts'
import { useStage } from '../support/system.ts'

const stage = useStage()
const open = <V = unknown>(options: CacheOptions<V> = {}) => Cache.start<V>({ system: stage.system, ...options })

/** A loader whose outcomes are decided by the test, in the order of its calls. */
function manual<T>() {
  const calls: { resolve: (value: T) => void; reject: (error: unknown) => void }[] = []
  const loader = (): Promise<T> =>
    new Promise((resolve, reject) => {
      calls.push({ resolve, reject })
    })
  return { calls, loader }
}

describe('a load', () => {
  it('is one for a thousand who miss', async () => {
    const cache = await open()
    const { calls, loader } = manual<object>()
    const waiting = Array.from({ length: 1000 }, () => Cache.getOrSet(cache, 'a', loader))
    expect(calls).toHaveLength(1)
    const value = {}
    calls[0]!.resolve(value)
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([value]))
    expect(await Cache.getOrSet(cache, 'a', loader)).toBe(value)
    expect(cache.handle.stats()).toMatchObject({ loads: 1, misses: 1000, hits: 1, loading: 0 })
  })

  it('is one for a thousand whose value is over', async () => {
    const cache = await open({ defaultTtlMs: 10 })
    const { calls, loader } = manual<string>()
    await Cache.set(cache, 'a', 'old')
    stage.clock.advanceBy(10)
    const waiting = Array.from({ length: 1000 }, () => Cache.getOrSet(cache, 'a', loader))
    calls[0]!.resolve('new')
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['new']))
    expect(calls).toHaveLength(1)
  })

  it('gets the key, and runs in the context of who asked', async () => {
    const context = new AsyncLocalStorage<string>()
    const cache = await open()
    const seen = await context.run('mine', () => Cache.getOrSet(cache, 7, async ({ key }) => [key, context.getStore()]))
    expect(seen).toEqual([7, 'mine'])
  })

  it('rejects all who wait, is not remembered, and is nobody else’s error', async () => {
    const cache = await open()
    const { calls, loader } = manual<string>()
    const waiting = Array.from({ length: 10 }, () => rejection(Cache.getOrSet(cache, 'a', loader)))
    const error = new Error('down')
    calls[0]!.reject(error)
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([error]))
    const again = Cache.getOrSet(cache, 'a', loader)
    calls[1]!.resolve('up')
    expect(await again).toBe('up')
    expect(stage.reported).toEqual([])
    expect(cache.handle.stats()).toMatchObject({ loads: 2, loadFailures: 1 })
  })

  it('may be synchronous, also in its failure', async () => {
    const cache = await open<number>()
    expect(cache.handle.getOrSet('a', () => 1)).toBe(1)
    const fails = (): never => {
      throw new Error('sync')
    }
    expect(() => cache.handle.getOrSet('b', fails)).toThrow('sync')
    await expect(Cache.getOrSet(cache, 'b', fails)).rejects.toThrow('sync')
    expect(cache.handle.getOrSet('b', () => 2)).toBe(2)
    expect(await Cache.getOrSet(cache, 'a', async () => 3)).toBe(1)
  })

  it('is not cut short by the signal of one who waits', async () => {
    const cache = await open()
    const { calls, loader } = manual<string>()
    const first = new AbortController()
    const impatient = rejection(Cache.getOrSet(cache, 'a', loader, { signal: first.signal }))
    const patient = Cache.getOrSet(cache, 'a', loader)
    const other = Cache.getOrSet(cache, 'a', loader, { signal: new AbortController().signal })
    first.abort('enough')
    expect(await impatient).toBe('enough')
    calls[0]!.resolve('value')
    expect([await patient, await other]).toEqual(['value', 'value'])
    expect(cache.handle.get('a')).toBe('value')
    expect(await rejection(Cache.getOrSet(cache, 'b', loader, { signal: first.signal }))).toBe('enough')
    expect(await Cache.getOrSet(cache, 'a', loader, { signal: first.signal })).toBe('value')
    expect(calls).toHaveLength(1)
  })

  it('has an owner when it fails and nobody waits any more', async () => {
    const cache = await open()
    const { calls, loader } = manual<string>()
    const only = new AbortController()
    const waiting = rejection(Cache.getOrSet(cache, 'a', loader, { signal: only.signal }))
    only.abort('enough')
    await waiting
    const error = new Error('late')
    calls[0]!.reject(error)
    await stage.turn()
    expect(stage.reported).toEqual([[error, `a load of ${cache.id}`]])
  })

  it('is not cancelled by eviction', async () => {
    const cache = await open({ maxSize: 2 })
    const { calls, loader } = manual<string>()
    const waiting = [Cache.getOrSet(cache, 'a', loader), Cache.getOrSet(cache, 'a', loader)]
    for (let key = 0; key < 100; key++) cache.handle.set(key, key)
    calls[0]!.resolve('value')
    expect(await Promise.all(waiting)).toEqual(['value', 'value'])
    expect(cache.handle.get('a')).toBe('value')
  })

  it.each<[string, (cache: Awaited<ReturnType<typeof open>>) => unknown, unknown]>([
    ['set', (cache) => cache.handle.set('a', 'newer'), 'newer'],
    ['delete', (cache) => cache.handle.delete('a'), undefined],
    ['clear', (cache) => cache.handle.clear(), undefined],
    ['invalidateTag', (cache) => cache.handle.invalidateTag('t'), undefined],
  ])('does not overwrite what %s did meanwhile', async (_, act, expected) => {
    const cache = await open()
    const { calls, loader } = manual<string>()
    const before = Cache.getOrSet(cache, 'a', loader, { tags: ['t'] })
    act(cache)
    const after = expected === undefined ? Cache.getOrSet(cache, 'a', loader) : undefined
    calls[0]!.resolve('older')
    expect(await before).toBe('older')
    expect(cache.handle.get('a')).toBe(expected)
    if (after === undefined) return
    // Who asked after the change does not join a load that began before it.
    calls[1]!.resolve('fresh')
    expect(await after).toBe('fresh')
    expect(cache.handle.get('a')).toBe('fresh')
  })

  it('does not overwrite what its own loader stored', async () => {
    const { handle } = await open<string>()
    const made = handle.getOrSet('a', () => {
      handle.set('a', 'inner')
      return 'outer'
    })
    expect([made, handle.get('a')]).toEqual(['outer', 'inner'])
    const later = handle.getOrSet('b', async () => {
      handle.set('b', 'inner')
      return 'outer'
    })
    expect([await later, handle.get('b')]).toEqual(['outer', 'inner'])
  })

  it('may load other keys, and is told when it asks for its own', async () => {
    const cache = await open<number>()
    const { handle } = cache
    expect(handle.getOrSet('a', () => handle.getOrSet('b', () => 1) + 1)).toBe(2)
    const cycle = { code: 'KEELSON_CALL_CYCLE', serverId: cache.id }
    const loop = (): number => handle.getOrSet('c', loop)
    expect(loop).toThrow(expect.objectContaining(cycle))
    const over = (): number => handle.getOrSet('d', () => handle.getOrSet('e', over))
    expect(over).toThrow(expect.objectContaining(cycle))
    expect(await rejection(Cache.getOrSet(cache, 'f', () => Cache.getOrSet(cache, 'f', () => 1)))).toMatchObject(cycle)
    expect(handle.getOrSet('c', () => 5)).toBe(5)
  })

  it('is answered when the cache stops', async () => {
    const cache = await open()
    const { calls, loader } = manual<string>()
    const waiting = rejection(Cache.getOrSet(cache, 'a', loader))
    await Cache.stop(cache)
    expect(await waiting).toMatchObject({ code: 'KEELSON_NOT_RUNNING', serverId: cache.id })
    calls[0]!.resolve('late')
    await stage.turn()
    expect(stage.reported).toEqual([])
    // A loader that stops the cache itself is answered too.
    const own = await open()
    const stopped = Cache.getOrSet(own, 'a', () => Cache.stop(own).then(() => 'stopped'))
    expect(await rejection(stopped)).toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
  })
})

describe('stale-while-revalidate', () => {
  it('gives the old value, and loads once behind it', async () => {
    const cache = await open({ defaultTtlMs: 100, staleWhileRevalidateMs: 50 })
    const { calls, loader } = manual<string>()
    await Cache.set(cache, 'a', 'old')
    stage.clock.advanceBy(100)
    expect(await Cache.get(cache, 'a')).toBeUndefined()
    const asked = Array.from({ length: 1000 }, () => Cache.getOrSet(cache, 'a', loader))
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['old']))
    expect(calls).toHaveLength(1)
    calls[0]!.resolve('new')
    await stage.turn()
    expect(await Cache.get(cache, 'a')).toBe('new')
    expect(cache.handle.stats()).toMatchObject({ staleHits: 1000, loads: 1, size: 1 })
  })

  it('ends exactly after its time', async () => {
    const cache = await open({ defaultTtlMs: 100, staleWhileRevalidateMs: 50 })
    cache.handle.set('a', 'old')
    stage.clock.advanceBy(149.5)
    expect(cache.handle.size).toBe(1)
    stage.clock.advanceBy(0.5)
    expect(cache.handle.size).toBe(0)
    expect(await Cache.getOrSet(cache, 'a', async () => 'new')).toBe('new')
  })

  it('lets those who come after it wait for the load behind it', async () => {
    const cache = await open({ defaultTtlMs: 100, staleWhileRevalidateMs: 50 })
    const { calls, loader } = manual<string>()
    cache.handle.set('a', 'old')
    stage.clock.advanceBy(120)
    await Cache.getOrSet(cache, 'a', loader)
    stage.clock.advanceBy(30)
    const waiting = Cache.getOrSet(cache, 'a', loader)
    calls[0]!.resolve('new')
    expect(await waiting).toBe('new')
    expect(calls).toHaveLength(1)
  })

  it('hands a failure to its owner, and tries again', async () => {
    const failed: [unknown, CacheKey][] = []
    const onLoadError = (error: unknown, key: CacheKey) => void failed.push([error, key])
    const cache = await open({ defaultTtlMs: 100, staleWhileRevalidateMs: 50, onLoadError })
    cache.handle.set('a', 'old')
    stage.clock.advanceBy(100)
    const down = new Error('down')
    expect(await Cache.getOrSet(cache, 'a', () => Promise.reject(down))).toBe('old')
    expect(
      await Cache.getOrSet(cache, 'a', () => {
        throw down
      }),
    ).toBe('old')
    await stage.turn()
    expect(failed).toEqual([
      [down, 'a'],
      [down, 'a'],
    ])
    expect(stage.reported).toEqual([])
    // A loader that needs no time has the new value at once.
    expect(await Cache.getOrSet(cache, 'a', () => 'new')).toBe('new')
  })
})

describe('stale-if-error', () => {
  it('stands in while loading fails, and until its time', async () => {
    const cache = await open({ defaultTtlMs: 100, staleIfErrorMs: 50, negativeTtlMs: 1000 })
    const { calls, loader } = manual<string>()
    cache.handle.set('a', 'old')
    stage.clock.advanceBy(100)
    const asked = [Cache.getOrSet(cache, 'a', loader), Cache.getOrSet(cache, 'a', loader)]
    expect(calls).toHaveLength(1)
    const down = new Error('down')
    calls[0]!.reject(down)
    expect(await Promise.all(asked)).toEqual(['old', 'old'])
    expect(stage.reported).toEqual([[down, `a load of ${cache.id}`]])
    const throws = (): never => {
      throw down
    }
    expect(cache.handle.getOrSet('a', throws)).toBe('old')
    stage.clock.advanceBy(50)
    expect(await rejection(Cache.getOrSet(cache, 'a', () => Promise.reject(down)))).toBe(down)
  })

  it('is too late when the load took longer than its time', async () => {
    const cache = await open({ defaultTtlMs: 100, staleIfErrorMs: 50 })
    const { calls, loader } = manual<string>()
    cache.handle.set('a', 'old')
    stage.clock.advanceBy(120)
    const asked = rejection(Cache.getOrSet(cache, 'a', loader))
    stage.clock.advanceBy(30)
    const down = new Error('down')
    calls[0]!.reject(down)
    expect(await asked).toBe(down)
  })
})

describe('negative caching', () => {
  it('remembers failures and what was not there, for its own time', async () => {
    const cache = await open({ negativeTtlMs: 10 })
    const down = new Error('down')
    const fails = vi.fn(() => Promise.reject(down))
    const nothing = vi.fn(async () => null)
    for (let times = 0; times < 3; times++) {
      expect(await rejection(Cache.getOrSet(cache, 'a', fails))).toBe(down)
      expect(await Cache.getOrSet(cache, 'b', nothing)).toBeNull()
    }
    expect([fails.mock.calls.length, nothing.mock.calls.length]).toEqual([1, 1])
    // A failure is no value.
    const { handle } = cache
    expect([handle.has('a'), handle.get('a'), handle.keys(), handle.size]).toEqual([false, undefined, ['b'], 1])
    stage.clock.advanceBy(10)
    await rejection(Cache.getOrSet(cache, 'a', fails))
    await Cache.getOrSet(cache, 'b', nothing)
    expect([fails.mock.calls.length, nothing.mock.calls.length]).toEqual([2, 2])
    handle.set('a', 'value')
    expect([handle.get('a'), handle.size]).toEqual(['value', 2])
    expect(handle.delete('a')).toBe(true)
    await rejection(Cache.getOrSet(cache, 'a', fails))
    expect(handle.delete('a')).toBe(false)
    await rejection(Cache.getOrSet(cache, 'a', fails))
    handle.clear()
    expect(handle.size).toBe(0)
  })

  it('throws again what a loader threw', async () => {
    const { handle } = await open({ negativeTtlMs: 10 })
    const throws = vi.fn((): never => {
      throw new Error('sync')
    })
    expect(() => handle.getOrSet('a', throws)).toThrow('sync')
    expect(() => handle.getOrSet('a', throws)).toThrow('sync')
    expect(throws).toHaveBeenCalledTimes(1)
  })

  it('is bounded as all else', async () => {
    const { handle } = await open({ negativeTtlMs: 10, maxSize: 10, onEvict: () => expect.unreachable() })
    for (let key = 0; key < 1000; key++) {
      expect(() =>
        handle.getOrSet(key, () => {
          throw new Error('no')
        }),
      ).toThrow('no')
    }
    expect(handle.stats()).toMatchObject({ size: 0, evictions: 990 })
  })
})

describe("a loader's signal", () => {
  /** Starts a cache of one thread, and one that threads share. */
  const both = async () => [
    await Cache.start<unknown>({ system: stage.system }),
    await Cache.start<unknown>({ system: stage.system, shared: true, name: `signals ${++signals}` }),
  ]
  let signals = 0

  it('aborts when the cache stops', async () => {
    for (const cache of await both()) {
      let signal: AbortSignal | undefined
      const load = rejection(
        Cache.getOrSet(cache as never, 'a', (context) => {
          signal = context.signal
          return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal?.reason)))
        }),
      )
      expect([signal?.aborted, signal?.reason]).toEqual([false, undefined])
      await Cache.stop(cache as never)
      expect(await load).toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
      expect([signal?.aborted, signal?.reason]).toMatchObject([true, { code: 'KEELSON_NOT_RUNNING' }])
    }
    expect(stage.reported).toEqual([])
  })

  it('aborts when the load stores nothing any more and no caller waits, and not before', async () => {
    for (const cache of await both()) {
      const { handle } = cache
      for (const change of [
        () => handle.set('a', 1),
        () => handle.delete('a'),
        () => handle.clear(),
        () => handle.invalidateTag('t'),
      ]) {
        handle.delete('a')
        let signal: AbortSignal | undefined
        const [first, second] = [new AbortController(), new AbortController()]
        const loader = ({ signal: own, key }: { signal: AbortSignal; key: unknown }): Promise<unknown> => {
          signal = own
          expect(key).toBe('a')
          return new Promise((_, reject) => own.addEventListener('abort', () => reject(own.reason)))
        }
        const loads = [first, second].map(({ signal: caller }) =>
          rejection(Cache.getOrSet(cache as never, 'a', loader, { signal: caller, tags: ['t'] })),
        )
        first.abort('gone')
        expect(await loads[0]).toBe('gone')
        change()
        expect(signal?.aborted).toBe(false)
        second.abort('gone too')
        expect(await loads[1]).toBe('gone too')
        expect([signal?.aborted, (signal?.reason as Error | undefined)?.name]).toEqual([true, 'AbortError'])
        await stage.clock.flush()
      }
      await Cache.stop(cache as never)
    }
    // That the loader obeys is no failure that must be reported.
    expect(stage.reported).toEqual([])
  })

  it('does not abort while the value will be stored, although no caller waits', async () => {
    for (const cache of await both()) {
      let signal: AbortSignal | undefined
      let end: (value: number) => void = () => undefined
      const caller = new AbortController()
      const load = rejection(
        Cache.getOrSet(
          cache as never,
          'a',
          (context) => {
            signal = context.signal
            return new Promise<number>((resolve) => (end = resolve))
          },
          { signal: caller.signal },
        ),
      )
      caller.abort('gone')
      await load
      end(7)
      await stage.clock.flush()
      expect([signal?.aborted, cache.handle.get('a')]).toEqual([false, 7])
      await Cache.stop(cache as never)
      expect(signal?.aborted).toBe(false)
    }
  })
})
