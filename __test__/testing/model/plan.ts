// Random programs of timers and readings of time, as data.
import * as fc from 'fast-check'

/** What a callback does when it is called. */
export type Action =
  | { readonly do: 'nothing' | 'throw' | 'read' }
  | { readonly do: 'timeout' | 'immediate'; readonly delay: number }
  | { readonly do: 'clear' | 'refresh' | 'unref'; readonly at: number }

export type Op =
  | { readonly kind: 'timeout' | 'interval'; readonly delay: number; readonly action: Action; readonly ticks: number }
  | { readonly kind: 'immediate'; readonly action: Action }
  | { readonly kind: 'wait' | 'signal'; readonly delay: number }
  | { readonly kind: 'clear'; readonly at: number; readonly by: 'object' | 'number' | 'text' | 'close' | 'dispose' }
  | { readonly kind: 'refresh' | 'ref' | 'unref' | 'abort'; readonly at: number }
  | { readonly kind: 'advance' | 'advance at once' | 'jump'; readonly ms: number }
  | { readonly kind: 'read' | 'reinstall' }
  | { readonly kind: 'until idle'; readonly maxTimers: number }

export const KINDS = [
  'timeout',
  'interval',
  'immediate',
  'wait',
  'signal',
  'clear',
  'refresh',
  'ref',
  'unref',
  'abort',
  'advance',
  'advance at once',
  'jump',
  'read',
  'reinstall',
  'until idle',
] as const satisfies Op['kind'][]

export interface Plan {
  readonly initialTime: number
  readonly ops: readonly Op[]
}

const at = fc.nat({ max: 9 })
const delay = fc.constantFrom(0, 1, 1, 2, 3, 5, 5, 10, 10, 10.7, 25, 100, -4, NaN, 2 ** 31 - 1)
const ms = fc.constantFrom(0, 1, 1, 2, 5, 9, 10, 10.5, 30, 120)
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom<Action>({ do: 'nothing' }, { do: 'nothing' }, { do: 'throw' }, { do: 'read' }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('timeout' as const, 'immediate' as const), delay }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('clear' as const, 'refresh' as const, 'unref' as const), at }),
  },
)

const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('timeout' as const), delay, action, ticks: fc.constant(1) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('interval' as const),
      delay,
      action,
      ticks: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('immediate' as const), action }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('wait' as const, 'wait' as const, 'signal' as const), delay }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('clear' as const),
      at,
      by: fc.constantFrom('object' as const, 'number' as const, 'text' as const, 'close' as const, 'dispose' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('refresh' as const, 'refresh' as const, 'ref' as const, 'unref' as const, 'abort' as const),
      at,
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      kind: fc.constantFrom('advance' as const, 'advance' as const, 'advance at once' as const, 'jump' as const),
      ms,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Op>({ kind: 'read' }, { kind: 'read' }, { kind: 'reinstall' }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('until idle' as const), maxTimers: fc.constantFrom(1, 5, 100) }),
  },
)

export const plan: fc.Arbitrary<Plan> = fc.record({
  initialTime: fc.constantFrom(0, 0, 1000.25, 1_700_000_000_000),
  ops: fc.array(op, { maxLength: 30, size: 'max' }),
})
