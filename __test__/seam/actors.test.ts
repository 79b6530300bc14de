/** Numbers at random at the entrance of the actor runtime: what names nothing does nothing, and nothing panics. */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'

import { programs } from '../support/programs.ts'

const native = (await import('../../native/binding.js')).default as unknown as {
  hot: Record<string, (...args: number[]) => number>
  nativeActorsOpen(capacity: number): { handle: number; submissions: Float64Array; steps: Float64Array }
  nativeActorsClose(handle: number): void
}
const hot = native.hot as Record<string, (...args: number[]) => number> & {
  actorSpawn: (...args: number[]) => number
  actorRound: (...args: number[]) => number
  actorSubmit: (...args: number[]) => number
  actorInUse: (...args: number[]) => number
}
const CAPACITY = 64
const SLOT = 2 ** 28

/** One that was given, one near it, or any other. */
const number = fc.oneof(
  { weight: 4, arbitrary: fc.record({ slot: fc.nat(4), use: fc.nat(4) }).map(({ slot, use }) => slot + use * 2 ** 24) },
  { weight: 4, arbitrary: fc.record({ slot: fc.nat(4), use: fc.nat(20) }).map(({ slot, use }) => slot + use * SLOT) },
  { weight: 2, arbitrary: fc.integer({ min: -2, max: 20 }) },
  { weight: 1, arbitrary: fc.double() },
  { weight: 1, arbitrary: fc.maxSafeNat() },
)
const calls = ['actorSpawn', 'actorMailbox', 'actorLink', 'actorUnlink', 'actorMonitor', 'actorDemonitor', 'actorInUse']
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      submit: fc.array(fc.tuple(fc.integer({ min: -1, max: 15 }), number, number, number), { maxLength: 20 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ name: fc.constantFrom(...calls), first: number, second: number, third: number }),
  },
  { weight: 2, arbitrary: fc.record({ round: number, count: number }) },
)

it('takes whatever numbers come, and goes on', () => {
  const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const { handle, submissions, steps: cells } = native.nativeActorsOpen(CAPACITY)
    const tail = CAPACITY * 5
    for (let count = 0; count < 3; count++) hot.actorSpawn(handle, 0, 4, count)
    for (const one of steps) {
      if ('submit' in one) {
        one.submit.forEach(([operation, pid, slot, extra], index) =>
          submissions.set([pid, operation, slot, extra], index * 4),
        )
        expect(hot.actorSubmit(handle, one.submit.length)).toBe(0)
      } else if ('name' in one) {
        expect(typeof hot[one.name]?.(handle, one.first, one.second, one.third)).toBe('number')
      } else {
        // How many were written is a number like any other.
        cells.set([one.count, one.round], tail)
        const written = hot.actorRound(handle)
        expect(written).toBeGreaterThanOrEqual(0)
        expect(written).toBeLessThanOrEqual(CAPACITY)
      }
    }
    // It still does its work.
    const pid = hot.actorSpawn(handle, 0, 4, 0)
    submissions.set([pid, 9, 0, 0, pid, 0, 5 * SLOT, 0])
    cells.set([2, 0], tail)
    let found = false
    for (let rounds = 0; rounds < 200 && !found; rounds++) {
      const written = hot.actorRound(handle)
      cells.set([0, 0], tail)
      for (let at = 0; at < written * 5; at += 5) found ||= cells[at] === pid && cells[at + 2] === 5 * SLOT
    }
    expect(found).toBe(true)
    native.nativeActorsClose(handle)
    expect(hot.actorInUse(handle)).toBe(-1)
  })
  fc.assert(property, { numRuns: programs(300), ...(process.env['KEELSON_PROGRAMS'] ? {} : { seed: 7 }) })
})
