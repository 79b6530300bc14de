import { AsyncLocalStorage } from 'node:async_hooks'

import {
  Cache,
  type CacheKey,
  createControlledClock,
  createSystem,
  type ControlledClock,
  GenServer,
  type SharedCacheOptions,
  type System,
} from 'keelson'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { rejection } from '../../support/rejection.ts'
import { native as addon } from '../../support/native.ts'

const { hot } = addon as {
  hot: { sharedCacheCount(): number }
}

/** Two systems that share names are to a shared cache what two threads are, but for the order of things, which is fixed here. */
let systems: [System, System]
let clocks: [ControlledClock, ControlledClock]
let reported: unknown[][]
let rounds = 0

beforeEach(() => {
  reported = []
  const namespace = `shared ${++rounds}`
  clocks = [createControlledClock(), createControlledClock()]
  const onError = (...told: unknown[]): void => void reported.push(told)
  const made = clocks.map((clock) => createSystem({ clock, namespace, onError }))
  systems = made as [System, System]
})

afterEach(async () => {
  for (const system of systems) await system.close()
  expect(hot.sharedCacheCount()).toBe(0)
})

const turn = (): Promise<void> => clocks[0].flush()
const pass = (ms: number): void => clocks.forEach((clock) => clock.advanceBy(ms))

async function both<V = unknown>(options: Partial<SharedCacheOptions<V>> = {}) {
  const open = (system: System) => Cache.start<V>({ name: 'cache', ...options, shared: true, system })
  const refs = [await open(systems[0]), await open(systems[1])] as const
  return { refs, a: refs[0].handle, b: refs[1].handle }
}

function manual<T>() {
  const calls: { resolve: (value: T) => void; reject: (error: unknown) => void }[] = []
  const loader = (): Promise<T> =>
    new Promise((resolve, reject) => {
      calls.push({ resolve, reject })
    })
  return { calls, loader }
}

const ledger = () => {
  const told: [CacheKey, unknown, string][] = []
  return { told, onEvict: (key: CacheKey, value: unknown, reason: string) => void told.push([key, value, reason]) }
}

describe('values', () => {
  it('are seen by all, as frozen copies, the same each time on one side', async () => {
    const { a, b } = await both()
    const value = { name: 'Ada', born: new Date(0), tags: new Set(['x']) }
    a.set('user', value)
    const seen = b.get('user') as typeof value
    expect(seen).toEqual(value)
    expect(seen).not.toBe(value)
    expect(b.get('user')).toBe(seen)
    expect(() => {
      seen.name = 'Eve'
    }).toThrow(TypeError)
    expect(() => seen.tags.add('y')).toThrow(TypeError)
    value.name = 'Eve'
    expect((a.get('user') as typeof value).name).toBe('Ada')
  })

  it('are replaced and removed for all', async () => {
    const { a, b } = await both()
    a.set('k', 1)
    expect(b.get('k')).toBe(1)
    b.set('k', 2)
    expect(a.get('k')).toBe(2)
    expect(a.delete('k')).toBe(true)
    expect([b.get('k'), b.has('k'), b.delete('k')]).toEqual([undefined, false, false])
    a.set('k', 3, { tags: ['t'] })
    a.set('l', 4, { tags: ['t', 'u'] })
    expect(b.invalidateTag('t')).toBe(2)
    expect(a.size).toBe(0)
    a.set('k', 5)
    b.clear()
    expect(a.keys()).toEqual([])
  })

  it.each([undefined, null, 0, -0, Number.NaN, '', 'text', true, 5n, [1, undefined], new Map([[1, { a: 2 }]])])(
    'may be %o',
    async (value) => {
      const { a, b } = await both()
      const loader = vi.fn(() => value)
      a.set('k', value)
      expect([b.get('k'), b.getOrSet('k', loader), b.peek('k')]).toEqual([value, value, value])
      expect(loader).not.toHaveBeenCalled()
    },
  )

  it('lie under strings and numbers, in the order in which they were first stored', async () => {
    const { a, b } = await both()
    const keys = ['1', 1, '__proto__', '', '\0', Infinity, 0.1, -1, 'é', '\u{1f600}', 'x'.repeat(2 ** 20), 1e300]
    for (const [index, key] of keys.entries()) a.set(key, index)
    a.set(1, 'again')
    expect(b.keys()).toEqual(keys)
    expect(keys.map((key) => b.get(key))).toEqual([0, 'again', 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    a.set(0, 'zero')
    expect(b.get(-0)).toBe('zero')
  })

  it('are refused if they are no plain data, and keys and tags if they are not whole; nothing changes', async () => {
    const { refs, a } = await both()
    a.set('k', 1)
    const refused: [() => unknown, string][] = [
      [() => a.set('k', () => 1), 'KEELSON_NOT_PLAIN'],
      [() => a.set('k', { deep: [Symbol.iterator] }), 'KEELSON_NOT_PLAIN'],
      [() => a.getOrSet('m', () => new WeakMap()), 'KEELSON_NOT_PLAIN'],
      [() => a.set('\ud800', 1), 'KEELSON_INVALID_ARGUMENT'],
      [() => a.get('\ud800'), 'KEELSON_INVALID_ARGUMENT'],
      [() => a.get(Number.NaN), 'KEELSON_INVALID_ARGUMENT'],
      [() => a.delete({} as never), 'KEELSON_INVALID_ARGUMENT'],
      [() => a.set('k', 2, { tags: ['\udc00'] }), 'KEELSON_INVALID_ARGUMENT'],
      [() => a.invalidateTag('\udc00'), 'KEELSON_INVALID_ARGUMENT'],
      [() => a.getOrSet('m', 5 as never), 'KEELSON_INVALID_ARGUMENT'],
    ]
    for (const [attempt, code] of refused) expect(attempt).toThrow(expect.objectContaining({ code }))
    expect(await rejection(Cache.getOrSet(refs[0], 'm', async () => () => 1))).toMatchObject({
      code: 'KEELSON_NOT_PLAIN',
    })
    expect(a.entries()).toEqual([['k', 1]])
    expect(a.stats().loading).toBe(0)
  })
})

describe('time and room', () => {
  it('are one for all', async () => {
    const { told, onEvict } = ledger()
    const { a, b } = await both({ defaultTtlMs: 100, maxSize: 2, policy: 'lru', onEvict })
    a.set('k', 1)
    pass(99)
    expect(b.get('k')).toBe(1)
    pass(1)
    expect([b.get('k'), a.get('k')]).toEqual([undefined, undefined])
    a.set('a', 1, { ttlMs: null })
    b.set('b', 2)
    // What is used on one side is used.
    b.get('a')
    a.set('c', 3)
    expect(b.keys()).toEqual(['a', 'c'])
    expect(told).toEqual([
      ['k', 1, 'expired'],
      ['b', 2, 'evicted'],
    ])
    pass(1e9)
    expect(b.entries()).toEqual([['a', 1]])
  })

  it('count bytes by themselves, or by sizeOf', async () => {
    const { a, b } = await both({ maxBytes: 20 })
    a.set('key', 'x'.repeat(5))
    // Three characters of key, and five with quotes.
    expect(b.stats()).toMatchObject({ bytes: 10, maxBytes: 20, size: 1 })
    b.set('key', 'x'.repeat(20))
    expect(a.stats()).toMatchObject({ bytes: 0, size: 0, evictions: 1 })
    const sized = await Cache.start<number>({
      name: 'sized',
      shared: true,
      system: systems[0],
      maxBytes: 10,
      sizeOf: (value) => value,
    })
    sized.handle.set('a', 6)
    sized.handle.set('b', 5)
    expect(sized.handle.stats()).toMatchObject({ bytes: 5, size: 1 })
    expect(() => sized.handle.set('c', -1)).toThrow(expect.objectContaining({ field: 'sizeOf(value)' }))
  })

  it('jitter and sweeping are of each side', async () => {
    const { a } = await both({ defaultTtlMs: 1000, ttlJitter: 0.5, sweepIntervalMs: 250 })
    for (let key = 0; key < 100; key++) a.set(key, key)
    pass(750)
    expect(a.stats().size).toBeGreaterThan(20)
    expect(a.stats().size).toBeLessThan(80)
    pass(250)
    expect(a.stats()).toMatchObject({ size: 0, expirations: 100 })
  })

  it('onEvict is told of what goes by calls of its own side', async () => {
    const { told, onEvict } = ledger()
    const { a } = await both()
    const other = createSystem({ clock: clocks[0], namespace: systems[0].namespace, closeClock: false })
    const { handle } = await Cache.start({ name: 'cache', shared: true, system: other, onEvict })
    a.set('k', 1)
    a.delete('k')
    expect(told).toEqual([])
    a.set('k', { v: 2 }, { tags: ['t'] })
    a.set(7, 3)
    handle.set('k', 4, { tags: ['t'] })
    handle.set('k', 4, { tags: ['t'] })
    handle.invalidateTag('t')
    handle.set('k', 5)
    handle.delete('k')
    handle.clear()
    expect(told).toEqual([
      ['k', { v: 2 }, 'replaced'],
      ['k', 4, 'invalidated'],
      ['k', 5, 'deleted'],
      [7, 3, 'cleared'],
    ])
    await other.close()
  })
})

describe('loads', () => {
  it('are one for all who miss on either side', async () => {
    const { refs, a } = await both<{ n: number }>()
    const { calls, loader } = manual<{ n: number }>()
    const other = vi.fn(async () => ({ n: 2 }))
    const first = Array.from({ length: 500 }, () => Cache.getOrSet(refs[0], 'k', loader))
    const second = Array.from({ length: 500 }, () => Cache.getOrSet(refs[1], 'k', other))
    expect(calls).toHaveLength(1)
    calls[0]!.resolve({ n: 1 })
    for (const value of await Promise.all([...first, ...second])) expect(value).toEqual({ n: 1 })
    expect(other).not.toHaveBeenCalled()
    expect(a.stats()).toMatchObject({ loads: 1, misses: 1000, loading: 0 })
  })

  it('are one for all whose value is over, or past its time', async () => {
    const { refs } = await both<string>({ defaultTtlMs: 100, staleWhileRevalidateMs: 50 })
    await Cache.set(refs[0], 'k', 'old')
    pass(100)
    const { calls, loader } = manual<string>()
    const asked = refs.flatMap((ref) => Array.from({ length: 100 }, () => Cache.getOrSet(ref, 'k', loader)))
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['old']))
    expect(calls).toHaveLength(1)
    calls[0]!.resolve('new')
    await turn()
    expect(refs.map(({ handle }) => handle.get('k'))).toEqual(['new', 'new'])
    pass(150)
    const over = refs.map((ref) => Cache.getOrSet(ref, 'k', loader))
    expect(calls).toHaveLength(2)
    calls[1]!.resolve('newer')
    expect(await Promise.all(over)).toEqual(['newer', 'newer'])
    expect(refs[0].handle.stats()).toMatchObject({ staleHits: 200, loads: 2 })
  })

  it('that need no time are had at once', async () => {
    const { a, b } = await both<number>()
    expect(a.getOrSet('k', () => 1)).toBe(1)
    expect(b.getOrSet('k', () => 2)).toBe(1)
    expect(() =>
      a.getOrSet('m', () => {
        throw new Error('sync')
      }),
    ).toThrow('sync')
    expect(b.getOrSet('m', () => 3)).toBe(3)
  })

  it('that fail are tried by the other side, with its own loader and in its own context', async () => {
    const { refs } = await both<string>()
    const context = new AsyncLocalStorage<string>()
    const { calls, loader } = manual<string>()
    const first = rejection(Cache.getOrSet(refs[0], 'k', loader))
    const seen: unknown[] = []
    const second = context.run('mine', () =>
      Cache.getOrSet(refs[1], 'k', async () => {
        seen.push(context.getStore())
        return 'second'
      }),
    )
    const down = new Error('down')
    calls[0]!.reject(down)
    expect([await first, await second]).toEqual([down, 'second'])
    expect(seen).toEqual(['mine'])
    expect(refs[0].handle.get('k')).toBe('second')
    expect(reported).toEqual([])
  })

  it('that fail on both sides fail for both, each with its own error', async () => {
    const { refs } = await both<string>()
    const errors = [new Error('first'), new Error('second')]
    const asked = [
      Cache.getOrSet(refs[0], 'k', () => Promise.reject(errors[0])),
      Cache.getOrSet(refs[1], 'k', () => {
        throw errors[1]
      }),
    ]
    expect(await Promise.all(asked.map(rejection))).toEqual(errors)
    expect(refs[0].handle.stats()).toMatchObject({ loads: 2, loadFailures: 2, loading: 0 })
  })

  it.each<[string, (cache: Awaited<ReturnType<typeof both>>['b']) => unknown, unknown]>([
    ['set', (cache) => cache.set('k', 'newer'), 'newer'],
    ['delete', (cache) => cache.delete('k'), undefined],
    ['clear', (cache) => cache.clear(), undefined],
    ['invalidateTag', (cache) => cache.invalidateTag('t'), undefined],
  ])('do not overwrite what %s did on the other side', async (_, act, expected) => {
    const { refs, a, b } = await both()
    const { calls, loader } = manual<string>()
    const before = Cache.getOrSet(refs[0], 'k', loader, { tags: ['t'] })
    act(b)
    const after = expected === undefined ? Cache.getOrSet(refs[0], 'k', loader) : undefined
    calls[0]!.resolve('older')
    expect(await before).toBe('older')
    expect(a.get('k')).toBe(expected)
    if (after === undefined) return
    calls[1]!.resolve('fresh')
    expect(await after).toBe('fresh')
    expect(b.get('k')).toBe('fresh')
  })

  it('are taken over when their side ends', async () => {
    const { refs } = await both<string>()
    const { calls, loader } = manual<string>()
    const first = rejection(Cache.getOrSet(refs[0], 'k', loader))
    const second = Cache.getOrSet(refs[1], 'k', async () => 'taken over')
    await Cache.stop(refs[0])
    expect(await first).toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
    expect(await second).toBe('taken over')
    calls[0]!.resolve('late')
    await turn()
    expect(refs[1].handle.get('k')).toBe('taken over')
  })

  it('leave nobody waiting when the side that waits ends', async () => {
    const { refs } = await both<string>()
    const { calls, loader } = manual<string>()
    const first = Cache.getOrSet(refs[0], 'k', loader)
    const second = rejection(Cache.getOrSet(refs[1], 'k', loader))
    await Cache.stop(refs[1])
    expect(await second).toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
    calls[0]!.resolve('value')
    expect(await first).toBe('value')
  })

  it('go on without who has aborted, and are nobody’s if all have', async () => {
    const { refs } = await both<string>()
    const { calls, loader } = manual<string>()
    const first = Cache.getOrSet(refs[0], 'k', loader)
    const controller = new AbortController()
    const never = vi.fn(async () => 'never')
    const second = rejection(Cache.getOrSet(refs[1], 'k', never, { signal: controller.signal }))
    controller.abort('enough')
    expect(await second).toBe('enough')
    calls[0]!.reject(new Error('down'))
    await rejection(first)
    await turn()
    expect(never).not.toHaveBeenCalled()
    expect(await rejection(Cache.getOrSet(refs[1], 'k', never, { signal: controller.signal }))).toBe('enough')
  })

  it('may ask for other keys, and are told when they ask for their own', async () => {
    const { a } = await both<number>()
    const { getOrSet } = a as { getOrSet(key: CacheKey, loader: () => unknown): unknown }
    const ask = getOrSet.bind(a)
    expect(ask('a', () => (ask('b', () => 1) as number) + 1)).toBe(2)
    const loop = (): unknown => ask('c', loop)
    expect(loop).toThrow(expect.objectContaining({ code: 'KEELSON_CALL_CYCLE' }))
    expect(a.stats().loading).toBe(0)
  })

  it('have a value past its time stand in when they fail', async () => {
    const failed: unknown[] = []
    const onLoadError = (error: unknown, key: CacheKey): void => void failed.push([error, key])
    const { refs } = await both<string>({ defaultTtlMs: 100, staleIfErrorMs: 50, onLoadError })
    refs[0].handle.set('k', 'old')
    pass(100)
    const down = new Error('down')
    expect(await Cache.getOrSet(refs[1], 'k', () => Promise.reject(down))).toBe('old')
    expect(failed).toEqual([[down, 'k']])
    pass(50)
    expect(await rejection(Cache.getOrSet(refs[1], 'k', () => Promise.reject(down)))).toBe(down)
  })

  it('are remembered when they fail, by the side that had the error', async () => {
    const { refs, b } = await both<string | null>({ negativeTtlMs: 10 })
    const down = new Error('down')
    const fails = vi.fn(() => Promise.reject(down))
    for (let times = 0; times < 3; times++) expect(await rejection(Cache.getOrSet(refs[0], 'k', fails))).toBe(down)
    expect(fails).toHaveBeenCalledTimes(1)
    expect(await Cache.getOrSet(refs[1], 'k', async () => 'up')).toBe('up')
    expect(await Cache.getOrSet(refs[0], 'k', fails)).toBe('up')
    b.delete('k')
    pass(10)
    await rejection(Cache.getOrSet(refs[0], 'k', fails))
    expect(fails).toHaveBeenCalledTimes(2)
    refs[0].handle.delete('k')
    await rejection(Cache.getOrSet(refs[0], 'k', fails))
    expect(fails).toHaveBeenCalledTimes(3)
    // That there is nothing is plain data.
    const nothing = vi.fn(async () => null)
    for (const ref of [...refs, ...refs]) expect(await Cache.getOrSet(ref, 'none', nothing)).toBeNull()
    expect(nothing).toHaveBeenCalledTimes(1)
  })

  it('that nobody waits for hand their failure to its owner', async () => {
    const { refs } = await both<string>({ defaultTtlMs: 100, staleWhileRevalidateMs: 50 })
    refs[0].handle.set('k', 'old')
    pass(100)
    const down = new Error('down')
    expect(await Cache.getOrSet(refs[1], 'k', () => Promise.reject(down))).toBe('old')
    await turn()
    expect(reported).toEqual([[down, `a load of ${refs[1].id}`]])
  })
})

describe('a name', () => {
  it('is one cache while anybody holds it, and then free', async () => {
    const { refs, a } = await both({ maxSize: 10 })
    a.set('k', 1)
    await Cache.stop(refs[0])
    expect(() => a.get('k')).toThrow(expect.objectContaining({ code: 'KEELSON_NOT_RUNNING' }))
    expect(refs[1].handle.get('k')).toBe(1)
    await GenServer.stop(refs[1])
    const again = await Cache.start({ name: 'cache', shared: true, maxSize: 5, system: systems[0] })
    expect(again.handle.get('k')).toBeUndefined()
  })

  it('is refused with other limits, and the process is gone', async () => {
    const options = { name: 'cache', shared: true, maxSize: 10, maxBytes: 100, policy: 'lru' } as const
    await Cache.start({ ...options, system: systems[0] })
    const others: [object, string][] = [
      [{ maxSize: 11 }, 'options.maxSize'],
      [{ maxBytes: 99 }, 'options.maxBytes'],
      [{ policy: 's3-fifo' }, 'options.policy'],
    ]
    for (const [other, field] of others) {
      const refused = rejection(Cache.start({ ...options, ...other, system: systems[1] } as never))
      expect(await refused).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field })
    }
    const second = await Cache.start({ ...options, system: systems[1] })
    expect(Cache.isRunning(second)).toBe(true)
  })

  it('belongs to its namespace', async () => {
    const open = (system: System, namespace?: string) =>
      Cache.start({ name: `in ${namespace}`, shared: true, system, ...(namespace === undefined ? {} : { namespace }) })
    const [first, second] = [await open(systems[0], 'apart'), await open(systems[1], 'apart')]
    const third = await open(createSystem({ clock: clocks[0], closeClock: false }))
    first.handle.set('k', 1)
    expect([second.handle.get('k'), third.handle.get('k')]).toEqual([1, undefined])
    await Cache.stop(third)
  })

  it.each([
    [{ shared: true }, 'options.name'],
    [{ shared: 'yes', name: 'x' }, 'options.shared'],
    [{ namespace: 'x', name: 'x' }, 'options.namespace'],
    [{ shared: true, name: 'x', namespace: '' }, 'options.namespace'],
    [{ shared: true, name: 'x', maxSize: 0 }, 'options.maxSize'],
  ])('is refused as %o', async (options, field) => {
    const refused = rejection(Cache.start({ ...options, system: systems[0] } as never))
    expect(await refused).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field })
  })
})
