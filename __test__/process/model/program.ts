/** Random programs of processes; `run.ts` runs them and says what must hold. */
import * as fc from 'fast-check'

export interface UnitPlan {
  /** The duration of `init`, and how many of its first runs fail. */
  initMs: number
  initFails: number
  onStopMs: number
  onStopThrows: boolean
  restarts: 'none' | 'few' | 'many'
  backoffMs: number
  maxInbox: number
  callerContext: boolean
  dropOldest: boolean
}

export const OPERATIONS = [
  'spawn',
  'child',
  'tell',
  'ask',
  'burst',
  'crash',
  'slow',
  'later',
  'stop',
  'wait',
  'tick',
] as const

export interface Op {
  kind: (typeof OPERATIONS)[number]
  /** The index of the process. */
  at: number
  n: number
  /** The reply of an asked handler: at once, at its end, later, twice, or never. */
  reply: 'now' | 'end' | 'later' | 'twice' | 'never'
  timeout: number
  /** The duration of the handler, which is asynchronous unless that is 0. */
  ms: number
  plan: UnitPlan
}

const often = <T>(...weighted: [T, number][]): fc.Arbitrary<T> =>
  fc.oneof(...weighted.map(([value, weight]) => ({ arbitrary: fc.constant(value), weight })))

const plan: fc.Arbitrary<UnitPlan> = fc.record({
  initMs: often([0, 4], [6, 1]),
  initFails: often([0, 6], [1, 1], [3, 1]),
  onStopMs: often([0, 4], [5, 1], [30, 1]),
  onStopThrows: often([false, 6], [true, 1]),
  restarts: often<UnitPlan['restarts']>(['none', 2], ['few', 2], ['many', 4]),
  backoffMs: often([0, 2], [5, 2], [40, 1]),
  maxInbox: often([1024, 4], [3, 1]),
  callerContext: fc.boolean(),
  dropOldest: fc.boolean(),
})

const op: fc.Arbitrary<Op> = fc.record({
  kind: often<Op['kind']>(
    ['spawn', 1],
    ['child', 2],
    ['tell', 4],
    ['ask', 5],
    ['burst', 2],
    ['crash', 3],
    ['slow', 3],
    ['later', 1],
    ['stop', 1],
    ['wait', 6],
    ['tick', 2],
  ),
  at: fc.nat(5),
  n: fc.nat(15),
  reply: often<Op['reply']>(['now', 3], ['end', 3], ['later', 2], ['twice', 1], ['never', 1]),
  timeout: often([5, 3], [20, 2], [100, 1], [Infinity, 1]),
  ms: often([0, 3], [3, 2], [15, 2], [40, 1]),
  plan,
})

export interface Program {
  readonly first: UnitPlan
  readonly ops: readonly Op[]
}

export const program: fc.Arbitrary<Program> = fc.record({
  first: plan,
  ops: fc.array(op, { minLength: 10, maxLength: 56, size: 'max' }),
})
