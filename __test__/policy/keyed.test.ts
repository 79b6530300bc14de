import { bulkhead, circuitBreaker, effect, keyed, type Policy, retry, wrap } from 'keelson/effect'
import { describe, expect, it } from 'vitest'

import { boom, failing, useWorld } from '../support/policies.ts'
import { held } from '../support/promises.ts'
import { rejection } from '../support/rejection.ts'

const world = useWorld()
const breakers = (maxKeys?: number) =>
  keyed(
    (name: string) => circuitBreaker({ system: world.system, name, consecutive: 1 }),
    maxKeys === undefined ? undefined : { maxKeys },
  )

describe('a registry of policies by key', () => {
  it('creates the policy of a key once, and keeps keys apart', async () => {
    const registry = breakers()
    await rejection(registry.execute('a', failing))
    expect(await registry.execute('b', () => 2)).toBe(2)
    expect(await rejection(registry.execute('a', () => 1))).toMatchObject({ code: 'KEELSON_CIRCUIT_OPEN', policy: 'a' })
    expect(registry.get('a')).toBe(registry.get('a'))
    expect([registry.keys(), registry.size, registry.has('b'), registry.has('c')]).toEqual([['a', 'b'], 2, true, false])
    expect([registry.get('a').state, registry.maxKeys]).toEqual(['open', 1000])
    expect([...registry.stats].map(([key, { succeeded, rejected }]) => [key, succeeded, rejected])).toEqual([
      ['a', 0, 1],
      ['b', 1, 0],
    ])
    expect([registry.delete('a'), registry.delete('a'), registry.get('a').state]).toEqual([true, false, 'closed'])
  })

  it('forgets the least recently used key without work in flight', async () => {
    const registry = breakers(3)
    for (const key of ['a', 'b', 'c']) await registry.execute(key, () => 1)
    registry.get('a')
    const work = held()
    const running = registry.execute('b', work.task)
    await registry.execute('d', () => 1)
    expect(registry.keys()).toEqual(['a', 'b', 'd'])
    await registry.execute('e', () => 1)
    expect(registry.keys()).toEqual(['b', 'd', 'e'])
    work.resolve(1)
    await running
    await registry.execute('f', () => 1)
    expect(registry.keys()).toEqual(['b', 'e', 'f'])
  })

  it('keeps more keys than its limit while all have work in flight, and goes back to it', async () => {
    const registry = breakers(1)
    const work = held()
    const calls = ['a', 'b', 'c'].map((key) => registry.execute(key, work.task))
    expect(registry.size).toBe(3)
    work.resolve(1)
    await Promise.all(calls)
    expect(registry.keys()).toEqual(['c'])
  })

  it('counts work as in flight until it has ended, also on the policy itself, in a stack and under an effect', async () => {
    const { system } = world
    const registry = breakers(1)
    const work = held()
    const controller = new AbortController()
    const calls = [
      registry.get('a').execute(work.task),
      wrap(retry({ system }), registry.get('b')).execute(work.task),
      effect(work.task).withPolicy(registry.get('c')).run({ system }),
      rejection(registry.execute('d', work.task, { signal: controller.signal })),
    ]
    controller.abort()
    await calls[3]
    registry.get('e')
    expect(registry.keys()).toEqual(['a', 'b', 'c', 'd', 'e'])
    work.resolve(1)
    await Promise.all(calls)
    await world.clock.flush()
    expect(registry.size).toBe(1)
  })

  it('takes stacks, policies that keys share, policies of others, and keys of any kind', async () => {
    const { system } = world
    const shared = bulkhead({ system, limit: 1, queue: 5 })
    const foreign: Policy = { execute: async (task) => task({ attempt: 9, signal: new AbortController().signal }) }
    const registry = keyed((key: number | object): Policy =>
      key === 1 ? wrap(retry({ system }), shared) : key === 2 ? shared : foreign,
    )
    const key = {}
    expect(await registry.execute(1, () => 'stack')).toBe('stack')
    expect(await registry.execute(2, () => 'shared')).toBe('shared')
    expect(await registry.execute(key, ({ attempt }) => attempt)).toBe(9)
    expect([shared.stats.started, registry.stats.get(key)]).toEqual([2, undefined])
  })

  it('hands on what creating a policy throws, and refuses what is no policy', async () => {
    const failingRegistry = keyed((): never => {
      throw boom
    })
    expect(await rejection(failingRegistry.execute('a', () => 1))).toBe(boom)
    expect(() => failingRegistry.get('a')).toThrow(boom)
    const odd = keyed(() => 5 as never)
    expect(await rejection(odd.execute('a', () => 1))).toMatchObject({ field: 'the policy that create returns' })
    const circular: { get(key: string): Policy } = keyed((key: string): Policy => circular.get(key))
    expect(() => circular.get('a')).toThrow(expect.objectContaining({ field: 'create' }))
    expect([failingRegistry.size, odd.size]).toEqual([0, 0])
    expect(() => keyed(5 as never)).toThrow(expect.objectContaining({ field: 'create' }))
    for (const maxKeys of [0, 1.5, Infinity, '5']) {
      expect(() => keyed(() => shared(), { maxKeys: maxKeys as never })).toThrow(
        expect.objectContaining({ field: 'options.maxKeys' }),
      )
    }
    expect(await rejection(breakers().execute('a', 5 as never))).toMatchObject({ field: 'task' })
  })
})

const shared = (): Policy => retry({ system: world.system })
