/** Random programs of journals in memory; `run.ts` runs them against a list of entries. */
import * as fc from 'fast-check'

export const OPERATIONS = [
  'append',
  'appendMany',
  'clear',
  'time',
  'snapshot',
  'restore',
  'reenter',
  'failing',
  'nested',
  'read',
] as const

export interface Op {
  kind: (typeof OPERATIONS)[number]
  n: number
}

export interface Program {
  maxEntries: number
  overflow: 'none' | 'bounded:drop_oldest' | 'bounded:error'
  /** True if ids come from a generator. */
  named: boolean
  ops: Op[]
}

const op: fc.Arbitrary<Op> = fc.record({ kind: fc.constantFrom(...OPERATIONS), n: fc.nat(31) })

export const program: fc.Arbitrary<Program> = fc.record({
  maxEntries: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.constantFrom(40, 1023, 1024, 1025)),
  overflow: fc.constantFrom('none', 'bounded:drop_oldest', 'bounded:error'),
  named: fc.boolean(),
  ops: fc.array(op, { minLength: 25, maxLength: 60 }),
})
