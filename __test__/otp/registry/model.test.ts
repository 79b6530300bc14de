import * as fc from 'fast-check'
import { GenServer, type GenServerBehavior, type GenServerRef, Registry, type System } from 'keelson'
import { beforeEach, describe, expect, it } from 'vitest'

import { thrown } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()
let system: System

beforeEach(() => {
  ;({ system } = stage)
})

const silent: GenServerBehavior<number> = {
  init: () => 0,
  handleCall: (_, state) => [state, state],
  handleCast: (_, state) => state,
}
const start = (): Promise<GenServerRef<number>> => GenServer.start(silent, { system })

const KEYS = ['a', 'b', 'c', 'd/e']
const step = fc.oneof(
  fc.record({ do: fc.constant('register' as const), key: fc.constantFrom(...KEYS), who: fc.nat(4), value: fc.nat(9) }),
  fc.record({ do: fc.constant('unregister' as const), key: fc.constantFrom(...KEYS) }),
  fc.record({ do: fc.constant('unregisterMatch' as const), key: fc.constantFrom(...KEYS), who: fc.nat(4) }),
  fc.record({ do: fc.constant('update' as const), key: fc.constantFrom(...KEYS), who: fc.nat(4) }),
  fc.record({ do: fc.constant('stop' as const), who: fc.nat(4) }),
  fc.record({ do: fc.constant('close' as const) }),
)

describe.each(['unique', 'duplicate'] as const)('a registry of %s keys and a list of rows', (keys) => {
  it('agree after whatever was done', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const registry = Registry.create<number>({ system, keys })
        const refs = await Promise.all(Array.from({ length: 5 }, start))
        const isAlive = refs.map(() => true)
        // The model: rows in order of registration; keys in the order of the oldest row of their present life.
        let rows: { key: string; who: number; value: number }[] = []
        let order: string[] = []
        const settle = (): void => {
          order = order.filter((key) => rows.some((row) => row.key === key))
        }
        for (const now of steps) {
          if (now.do === 'register') {
            const refused =
              isAlive[now.who] === false
                ? 'KEELSON_NOT_RUNNING'
                : !rows.some(({ key }) => key === now.key)
                  ? undefined
                  : keys === 'unique'
                    ? 'KEELSON_KEY_TAKEN'
                    : rows.some(({ key, who }) => key === now.key && who === now.who)
                      ? 'KEELSON_DUPLICATE_REGISTRATION'
                      : undefined
            const error = thrown(() => registry.register(now.key, refs[now.who]!, now.value))
            expect((error as { code?: string }).code).toBe(refused)
            if (refused === undefined) {
              rows.push({ key: now.key, who: now.who, value: now.value })
              if (!order.includes(now.key)) order.push(now.key)
            }
          } else if (now.do === 'unregister') {
            expect(registry.unregister(now.key)).toBe(rows.some(({ key }) => key === now.key))
            rows = rows.filter(({ key }) => key !== now.key)
          } else if (now.do === 'unregisterMatch') {
            const fits = (row: { key: string; who: number }): boolean => row.key === now.key && row.who === now.who
            expect(registry.unregisterMatch(now.key, refs[now.who]!)).toBe(rows.some(fits))
            rows = rows.filter((row) => !fits(row))
          } else if (now.do === 'update') {
            const row = rows.find(({ key, who }) => key === now.key && who === now.who)
            expect(registry.updateMetadata(now.key, (value) => value + 1, refs[now.who])).toBe(row !== undefined)
            if (row !== undefined) row.value++
          } else if (now.do === 'stop') {
            await GenServer.stop(refs[now.who]!)
            isAlive[now.who] = false
            rows = rows.filter(({ who }) => who !== now.who)
          } else {
            await registry.close()
            await registry.start()
            rows = []
          }
          settle()
          const expected = order.flatMap((key) =>
            rows.filter((row) => row.key === key).map(({ who, value }) => [key, refs[who]!.id, value]),
          )
          const shown = registry.select(() => true).map(({ key, ref, metadata }) => [key, ref.id, metadata])
          expect(shown).toEqual(expected)
          expect([registry.getKeys(), registry.count()]).toEqual([order, rows.length])
          for (const key of KEYS) expect(registry.countForKey(key)).toBe(rows.filter((row) => row.key === key).length)
          for (const [who, ref] of refs.entries()) {
            const own = rows.filter((row) => row.who === who).map(({ key }) => key)
            expect(registry.getKeyByRefId(ref.id)).toBe(own[0])
          }
        }
        for (const ref of refs) await GenServer.stop(ref)
        expect(registry.count()).toBe(0)
      }),
      { numRuns: 100 },
    )
  })
})
