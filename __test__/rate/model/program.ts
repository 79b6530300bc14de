/** Random programs of limiters that wait; `world.ts` runs them and says what must hold. */
import * as fc from 'fast-check'

export const OPERATIONS = ['wait', 'take', 'check', 'abort', 'advance', 'reward', 'reset'] as const

export interface Op {
  readonly kind: (typeof OPERATIONS)[number]
  /** A bit for each limiter; several are a union. */
  readonly limiters: number
  readonly key: 'a' | 'b'
  readonly cost: number
  /** The longest wait in ms, or `undefined` for no bound. */
  readonly maxWaitMs: number | undefined
  /** The number of the waiter that is aborted, or the ms that pass. */
  readonly n: number
}

export interface Program {
  readonly ops: readonly Op[]
}

const op: fc.Arbitrary<Op> = fc.record({
  kind: fc.oneof(
    { weight: 6, arbitrary: fc.constant('wait' as const) },
    { weight: 4, arbitrary: fc.constant('advance' as const) },
    { weight: 2, arbitrary: fc.constantFrom('take', 'abort') },
    { weight: 1, arbitrary: fc.constantFrom('check', 'reward', 'reset') },
  ),
  limiters: fc.integer({ min: 1, max: 7 }),
  key: fc.constantFrom('a', 'b'),
  cost: fc.integer({ min: 1, max: 3 }),
  maxWaitMs: fc.option(fc.integer({ min: 0, max: 300 }), { nil: undefined }),
  n: fc.integer({ min: 0, max: 60 }),
})

export const program: fc.Arbitrary<Program> = fc.record({ ops: fc.array(op, { minLength: 20, maxLength: 60 }) })
