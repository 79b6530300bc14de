import { Cache, type CacheKey } from 'keelson'
import { expect, it } from 'vitest'

import { useStage } from '../support/system.ts'

const stage = useStage()

it('tells of an entry when it expires, where somebody listens, by one timer', async () => {
  const told: [CacheKey, number, string][] = []
  const onEvict = (...event: [CacheKey, number, string]): void => void told.push(event)
  const cache = await Cache.start<number>({ system: stage.system, defaultTtlMs: 100, onEvict })
  cache.handle.set('late', 1, { ttlMs: 300 })
  cache.handle.set('b', 2)
  cache.handle.set('a', 3, { ttlMs: 50 })
  cache.handle.set('never', 4, { ttlMs: null })
  expect(stage.clock.getPendingTimerCount()).toBe(1)
  stage.clock.advanceBy(49)
  expect(told).toEqual([])
  stage.clock.advanceBy(1)
  expect(told).toEqual([['a', 3, 'expired']])
  cache.handle.set('b', 5, { ttlMs: 200 })
  told.length = 0
  stage.clock.advanceBy(199)
  expect(told).toEqual([])
  stage.clock.advanceBy(1)
  expect(told).toEqual([['b', 5, 'expired']])
  stage.clock.advanceBy(50)
  expect(told.at(-1)).toEqual(['late', 1, 'expired'])
  expect(stage.clock.getPendingTimerCount()).toBe(0)
  await Cache.stop(cache)
  expect(stage.clock.getPendingTimerCount()).toBe(0)
})
