/** Caches whose keys are loaded, set, deleted and expire at once. */
import { Cache } from 'keelson/otp'
import type { Simulation } from 'keelson/simulation'
import { describe } from 'vitest'

import { ask, expectEqual, startClient, startServer } from '../races/tools.ts'
import { part } from './part.ts'

describe('a cache', () => {
  part('loads a key once at a time, and gives nobody an older value than was set', async (sim) => {
    const system = sim.system('a')
    const cache = await Cache.start({ system })
    let [loading, version, least] = [0, 0, 0]
    const load = async (): Promise<number> => {
      expectEqual('the loads at once', ++loading, 1)
      const value = version
      await system.clock.sleep(system.random.int(20))
      loading--
      return value
    }
    const readers = await Promise.all(
      ['r', 's', 't'].map((name) =>
        startServer(
          sim.system(name),
          () => ({}),
          async () => {
            const before = least
            const value = await Cache.getOrSet(cache, 'key', load)
            if ((value as number) < before) throw new Error(`read ${String(value)} after ${before} was set`)
          },
        ),
      ),
    )
    const reads = readers.flatMap((reader) => [1, 2].map(() => ask(reader, { type: 'read' }, Infinity)))
    await sim.clock.sleep(sim.choose(30, 'when it is set'))
    version = 1
    await Cache.set(cache, 'key', 1)
    least = 1
    await Promise.all(reads)
  })

  /** Runs readers of one key beside a writer that changes a row and removes the key. A reader is never behind by a write. */
  const removed =
    (remove: (cache: Awaited<ReturnType<typeof Cache.start>>) => Promise<unknown>) => async (sim: Simulation) => {
      const system = sim.system('a')
      const cache = await Cache.start({ system })
      let [row, least] = [0, 0]
      const load = async (): Promise<number> => {
        const value = row
        await system.clock.sleep(system.random.int(10))
        return value
      }
      const readers = await Promise.all(
        ['r', 's'].map((name) =>
          startClient(sim, name, async () => {
            for (let turn = 0; turn < 4; turn++) {
              const before = least
              const value = (await Cache.getOrSet(cache, 'key', load, { tags: ['row'] })) as number
              if (value < before) throw new Error(`read ${value} after the write of ${before}`)
              await sim.system(name).clock.sleep(sim.choose(10, 'how long it waits'))
            }
          }),
        ),
      )
      const writer = await startClient(sim, 'writer', async () => {
        for (let write = 1; write <= 3; write++) {
          await sim.system('writer').clock.sleep(sim.choose(10, 'when it writes'))
          row = write
          await remove(cache)
          least = write
        }
      })
      await Promise.all([...readers, writer].map((each) => ask(each, { type: 'go' }, Infinity)))
    }

  part(
    'keeps no load that began before its key was deleted',
    removed((cache) => Cache.delete(cache, 'key')),
  )
  part(
    'keeps no load that began before its tag was invalidated',
    removed((cache) => Cache.invalidateTag(cache, 'row')),
  )
  part(
    'keeps no load that began before it was cleared',
    removed((cache) => Cache.clear(cache)),
  )

  part('gives the failure of a load to all who wait for it, and loads again for the next', async (sim) => {
    const system = sim.system('a')
    const cache = await Cache.start({ system, defaultTtlMs: 20 })
    let [loads, failures] = [0, 0]
    const load = async (): Promise<string> => {
      const number = ++loads
      await system.clock.sleep(5)
      if (sim.choose(3, 'the load fails') === 2) throw new Error(`load ${number} failed`)
      return `load ${number}`
    }
    const readers = await Promise.all(
      ['r', 's', 't'].map((name) =>
        startClient(sim, name, async () => {
          for (let turn = 0; turn < 3; turn++) {
            const value = await Cache.getOrSet(cache, 'key', load).catch((error: unknown) => {
              failures++
              if (!/^Error: load \d+ failed$/.test(String(error))) throw error
              return undefined
            })
            if (value !== undefined && !/^load \d+$/.test(String(value))) throw new Error(`read ${String(value)}`)
            await sim.system(name).clock.sleep(sim.choose(15, 'how long it waits'))
          }
        }),
      ),
    )
    await Promise.all(readers.map((each) => ask(each, { type: 'go' }, Infinity)))
    if (failures > 0 && loads === 0) throw new Error('a failure without a load')
  })

  part('gives no value after its time', async (sim) => {
    const system = sim.system('a')
    const cache = await Cache.start({ system, defaultTtlMs: 10 })
    let storedAt = -Infinity
    for (let turn = 0; turn < 6; turn++) {
      if (sim.choose(3, 'store it') === 2) {
        storedAt = system.clock.monoMs()
        await Cache.set(cache, 'key', storedAt)
      }
      await sim.clock.sleep(sim.choose(12, 'how long it waits'))
      const isFresh = system.clock.monoMs() < storedAt + 10
      expectEqual('whether there is a value', cache.handle.has('key'), isFresh)
    }
  })
})
