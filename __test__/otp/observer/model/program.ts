/** Random programs about a forest of supervisors and processes. */
import * as fc from 'fast-check'

export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one'

/** The settings of a supervisor. */
export interface SupervisorPlan {
  readonly strategy: Strategy
  /** With true it gives up at the first restart. */
  readonly isStrict: boolean
  /** Says of each child of its options whether it is temporary. */
  readonly children: readonly boolean[]
}

/** An operation. `at` chooses among what lives, modulo its number. */
export type Operation =
  | { readonly kind: 'server' }
  | { readonly kind: 'supervisor'; readonly plan: SupervisorPlan }
  | { readonly kind: 'child'; readonly at: number; readonly isTemporary: boolean }
  | { readonly kind: 'nested'; readonly at: number; readonly plan: SupervisorPlan; readonly isTemporary: boolean }
  | { readonly kind: 'cast'; readonly at: number; readonly count: number }
  | { readonly kind: 'crash'; readonly at: number }
  | { readonly kind: 'stop'; readonly at: number }

export const OPERATIONS = ['server', 'supervisor', 'child', 'nested', 'cast', 'crash', 'stop'] as const

export interface Program {
  readonly ops: readonly Operation[]
}

const at = fc.nat(1000)
const plan: fc.Arbitrary<SupervisorPlan> = fc.record({
  strategy: fc.constantFrom('one_for_one', 'one_for_all', 'rest_for_one'),
  isStrict: fc.integer({ min: 0, max: 4 }).map((value) => value === 0),
  children: fc.array(fc.boolean(), { maxLength: 3 }),
})

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: fc.constant('server' as const) }),
  fc.record({ kind: fc.constant('supervisor' as const), plan }),
  fc.record({ kind: fc.constant('child' as const), at, isTemporary: fc.boolean() }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('nested' as const), at, plan, isTemporary: fc.boolean() }) },
  fc.record({ kind: fc.constant('cast' as const), at, count: fc.integer({ min: 1, max: 3 }) }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('crash' as const), at }) },
  fc.record({ kind: fc.constant('stop' as const), at }),
)

export const program: fc.Arbitrary<Program> = fc.record({ ops: fc.array(operation, { minLength: 10, maxLength: 30 }) })
