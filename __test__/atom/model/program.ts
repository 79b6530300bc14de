/** Random programs of local atoms; `run.ts` runs them against a list of values. */
import * as fc from 'fast-check'

export const OPERATIONS = [
  'reset',
  'swap',
  'compareAndSet',
  'throw',
  'reenter',
  'watch',
  'unwatch',
  'clear',
  'time',
  'burst',
  'transact',
  'abort',
] as const

export interface Op {
  kind: (typeof OPERATIONS)[number]
  /** The atom, or the first of a transaction. */
  at: number
  /** The second atom of a transaction. */
  other: number
  to: number
  of: number
}

export interface Program {
  /** A `historySize` for each atom. */
  sizes: readonly number[]
  baseVersion: number
  ops: Op[]
}

const op: fc.Arbitrary<Op> = fc.record({
  kind: fc.constantFrom(...OPERATIONS),
  at: fc.nat(2),
  other: fc.nat(2),
  to: fc.integer({ min: 0, max: 3 }),
  of: fc.integer({ min: 0, max: 3 }),
})

export const program: fc.Arbitrary<Program> = fc.record({
  sizes: fc.tuple(fc.integer({ min: 1, max: 5 }), fc.constantFrom(1, 2, 16), fc.constantFrom(3, 700)),
  baseVersion: fc.constantFrom(0, 7, 2 ** 31 - 5, 2 ** 40),
  ops: fc.array(op, { minLength: 25, maxLength: 60 }),
})
