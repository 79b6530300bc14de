/** Values, limits and times of a cache, each as an earlier cache of the same interface had them wrong. */
import { Cache } from 'keelson'
import { createTestSystem } from 'keelson/testing'
import { describe, expect, it, vi } from 'vitest'

import { rejection } from '../support/rejection.ts'
import { useStage } from '../support/system.ts'

const stage = useStage()

describe('faults that this cache does not have', () => {
  it('a get-or-set that was not atomic: ten who ask at once ran the loader ten times', async () => {
    const cache = await Cache.start({ system: stage.system })
    const loader = vi.fn(async () => ({ name: 'Ada' }))
    const values = await Promise.all(Array.from({ length: 10 }, () => Cache.getOrSet(cache, 'user', loader)))
    expect(loader).toHaveBeenCalledTimes(1)
    expect(new Set(values).size).toBe(1)
  })

  it('a new key that looked at all others for their time: what a sweep costs is what it removes', async () => {
    const evicted = vi.fn()
    const bounded = await Cache.start({ system: stage.system, defaultTtlMs: 1000, maxSize: 100, onEvict: evicted })
    for (let key = 0; key < 100; key++) bounded.handle.set(key, key)
    stage.clock.advanceBy(999)
    // Nothing is over: the first that goes does so for want of room, not by a search.
    bounded.handle.set('new', 1)
    expect(evicted.mock.calls.map(([, , reason]) => reason)).toEqual(['evicted'])
    // Time is not even read for a key that is stored where nothing has a time.
    const { clock, system } = createTestSystem()
    const timeless = await Cache.start({ system, maxSize: 10 })
    const read = vi.spyOn(clock as unknown as { recent(): unknown }, 'recent')
    for (let key = 0; key < 100; key++) timeless.handle.set(key, key)
    expect(read).not.toHaveBeenCalled()
    timeless.handle.set('timed', 1, { ttlMs: 5 })
    expect(read).toHaveBeenCalled()
    await system.close()
  })

  it('a maxSize of 0 that kept one entry, and options that nobody checked', async () => {
    for (const bad of [{ maxSize: 0 }, { maxSize: -1 }, { maxSize: Number.NaN }, { defaultTtlMs: 0 }]) {
      const refused = rejection(Cache.start({ system: stage.system, ...bad }))
      expect(await refused).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field: `options.${Object.keys(bad)[0]}` })
    }
    const { handle } = await Cache.start({ system: stage.system, maxSize: 1 })
    handle.set('a', 1)
    handle.set('b', 2)
    expect(handle.size).toBe(1)
  })

  it('an undefined value that was stored and computed again each time', async () => {
    const cache = await Cache.start({ system: stage.system })
    const loader = vi.fn(async () => undefined)
    for (let times = 0; times < 3; times++) expect(await Cache.getOrSet(cache, 'a', loader)).toBeUndefined()
    expect(loader).toHaveBeenCalledTimes(1)
  })

  it('an update that was let in over the limit, and a delete that found what was over', async () => {
    const sizeOf = (value: string): number => value.length
    const { handle } = await Cache.start<string>({ system: stage.system, maxBytes: 10, sizeOf })
    handle.set('a', 'aaaaa')
    handle.set('b', 'bbbbb')
    handle.set('a', 'aaaaaaa')
    expect(handle.stats().bytes).toBeLessThanOrEqual(10)
    handle.set('c', 'c', { ttlMs: 10 })
    stage.clock.advanceBy(10)
    expect(handle.delete('c')).toBe(false)
  })

  it('times by the wall clock: a jump neither ends nor prolongs anything', async () => {
    const { handle } = await Cache.start({ system: stage.system, defaultTtlMs: 1000 })
    handle.set('a', 1)
    stage.clock.jumpWallTime(10_000_000)
    expect(handle.get('a')).toBe(1)
    stage.clock.jumpWallTime(-20_000_000)
    stage.clock.advanceBy(1000)
    expect(handle.get('a')).toBeUndefined()
  })

  it('a name that belonged to the whole process: two systems have two caches', async () => {
    const other = createTestSystem()
    const [mine, theirs] = [
      await Cache.start({ system: stage.system, name: 'users' }),
      await Cache.start({ system: other, name: 'users' }),
    ]
    mine.handle.set('a', 1)
    expect(theirs.handle.get('a')).toBeUndefined()
    await other.close()
    expect(Cache.isRunning(mine)).toBe(true)
  })
})

it('the example of the README runs as it is written', async () => {
  const fetchUserFromDatabase = vi.fn(async (id: string) => ({ id, name: 'Ada' }))
  const lines: string[] = []

  const cache = await Cache.start({
    maxSize: 1000,
    defaultTtlMs: 60000, // 1 minute
  })

  await Cache.set(cache, 'session:abc', { userId: '123' })
  await Cache.set(cache, 'temp', { data: 'expires soon' }, { ttlMs: 5000 })

  const session = await Cache.get(cache, 'session:abc')

  // Get or compute
  const user = await Cache.getOrSet(cache, 'user:123', async () => {
    return await fetchUserFromDatabase('123')
  })

  const stats = await Cache.stats(cache)
  lines.push(`Hit rate: ${(stats.hitRate * 100).toFixed(1)}%`)

  await Cache.stop(cache)

  expect(session).toEqual({ userId: '123' })
  expect(user).toEqual({ id: '123', name: 'Ada' })
  expect(lines).toEqual(['Hit rate: 50.0%'])
  expect(Cache.isRunning(cache)).toBe(false)
})
