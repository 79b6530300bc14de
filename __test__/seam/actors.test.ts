/** Numbers at random at the entrance of the actor runtime: what names nothing does nothing, and nothing panics. */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'

import * as protocol from '../../js/protocol/actor.ts'
import { runsOf } from '../support/programs.ts'
import { native as addon } from '../support/native.ts'

const native = addon as {
  hot: Record<string, (...args: number[]) => number>
  actorsOpen(): { handle: number; submissions: Float64Array; steps: Float64Array }
  actorsClose(handle: number): void
}
const hot = native.hot as Record<string, (...args: number[]) => number> & {
  actorSpawn: (...args: number[]) => number
  actorRound: (...args: number[]) => number
  actorSubmit: (...args: number[]) => number
  actorInUse: (...args: number[]) => number
}
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
    const { handle, submissions, steps: cells } = native.actorsOpen()
    const words = new Int32Array(submissions.buffer)
    const submit = (index: number, pid: number, operation: number, slot: number, time: number): void => {
      const at = index * protocol.SUBMISSION_CELLS
      submissions[at + protocol.SUBMISSION_PROCESS] = pid
      submissions[at + protocol.SUBMISSION_TIME] = time
      words.set([operation, slot, slot / SLOT], index * protocol.SUBMISSION_WORDS + protocol.SUBMISSION_OPERATION)
    }
    for (let count = 0; count < 3; count++) hot.actorSpawn(handle, 0, 4, count)
    for (const one of steps) {
      if ('submit' in one) {
        one.submit.forEach(([operation, pid, slot, time], index) => submit(index, pid, operation, slot, time))
        expect(hot.actorSubmit(handle, one.submit.length)).toBe(0)
      } else if ('name' in one) {
        expect(typeof hot[one.name]?.(handle, one.first, one.second, one.third)).toBe('number')
      } else {
        // How many were written is a number like any other.
        cells[protocol.TAIL_SUBMITTED] = one.count
        cells[protocol.TAIL_NOW] = one.round
        const written = hot.actorRound(handle)
        expect(written).toBeGreaterThanOrEqual(0)
        expect(written).toBeLessThanOrEqual(protocol.CAPACITY)
      }
    }
    // It still does its work.
    const pid = hot.actorSpawn(handle, 0, 4, 0)
    submit(0, pid, protocol.STARTED, 0, 0)
    submit(1, pid, protocol.CAST, 5, 0)
    cells[protocol.TAIL_SUBMITTED] = 2
    cells[protocol.TAIL_NOW] = 0
    const steps32 = new Int32Array(cells.buffer)
    let found = false
    for (let rounds = 0; rounds < 200 && !found; rounds++) {
      const written = hot.actorRound(handle)
      cells[protocol.TAIL_SUBMITTED] = 0
      for (let at = 0; at < written; at++) {
        const isFor = cells[at * protocol.STEP_CELLS] === pid
        found ||= isFor && steps32[at * protocol.STEP_WORDS + protocol.STEP_PLACE] === 5
      }
    }
    expect(found).toBe(true)
    native.actorsClose(handle)
    expect(hot.actorInUse(handle)).toBe(-1)
  })
  fc.assert(property, {
    ...runsOf('numbers across the seam', 300),
    ...(process.env['KEELSON_PROGRAMS'] ? {} : { seed: 7 }),
  })
})
