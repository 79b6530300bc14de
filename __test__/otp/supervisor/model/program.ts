/** Random programs about supervisors; `run.ts` runs them and says what must hold. */
import * as fc from 'fast-check'

export interface ChildPlan {
  restart: 'permanent' | 'transient' | 'temporary'
  startMs: number
  stopMs: number
  deaf: boolean
  shutdownTimeout: number | 'brutal_kill' | undefined
  startTimeout: number | undefined
  backoffMs: number
  significant: boolean
  throwsAtOnce: boolean
  tree?: TreePlan | undefined
}

export interface TreePlan {
  strategy: 'one_for_one' | 'one_for_all' | 'rest_for_one' | 'simple_one_for_one'
  maxRestarts: number
  withinMs: number
  autoShutdown: 'never' | 'any_significant' | 'all_significant'
  /** The number of children that are started with the supervisor. The others can be started later. */
  first: number
  children: ChildPlan[]
}

export const OPERATIONS = [
  'crash',
  'end',
  'busy',
  'hang',
  'start',
  'terminate',
  'restart',
  'fail',
  'wait',
  'tick',
  'look',
] as const

export type Op = {
  kind: (typeof OPERATIONS)[number] | 'stop'
  /** The root, or one of the supervisors below. */
  at: number
  child: number
  n: number
}

const often = <T>(...weighted: [T, number][]): fc.Arbitrary<T> =>
  fc.oneof(...weighted.map(([value, weight]) => ({ arbitrary: fc.constant(value), weight })))

const leaf: fc.Arbitrary<ChildPlan> = fc.record({
  restart: often<ChildPlan['restart']>(['permanent', 6], ['transient', 2], ['temporary', 1]),
  startMs: often([0, 6], [3, 2], [20, 2]),
  stopMs: often([0, 6], [4, 2], [30, 1]),
  deaf: often([false, 12], [true, 1]),
  shutdownTimeout: often<ChildPlan['shutdownTimeout']>([25, 4], [8, 2], ['brutal_kill', 1]),
  startTimeout: often<number | undefined>([undefined, 6], [10, 1]),
  backoffMs: often([0, 4], [5, 2], [40, 2]),
  significant: fc.boolean(),
  throwsAtOnce: fc.boolean(),
})

const treeOf = (child: fc.Arbitrary<ChildPlan>, most: number): fc.Arbitrary<TreePlan> =>
  fc.record({
    strategy: often<TreePlan['strategy']>(
      ['one_for_one', 2],
      ['one_for_all', 4],
      ['rest_for_one', 4],
      ['simple_one_for_one', 1],
    ),
    maxRestarts: often([0, 1], [2, 2], [6, 3], [1000, 8]),
    withinMs: often([20, 1], [500, 1]),
    autoShutdown: often<TreePlan['autoShutdown']>(['never', 6], ['any_significant', 1], ['all_significant', 1]),
    first: fc.nat(most),
    children: fc.array(child, { minLength: most, maxLength: most }),
  })

const nested = fc
  .tuple(leaf, fc.option(treeOf(leaf, 3), { freq: 6, nil: undefined }))
  .map(([plan, tree]): ChildPlan =>
    tree === undefined ? plan : Object.assign({}, plan, { tree, deaf: false, shutdownTimeout: undefined }),
  )

const op: fc.Arbitrary<Op> = fc.record({
  kind: often<Op['kind']>(
    ['crash', 6],
    ['end', 1],
    ['busy', 1],
    ['hang', 1],
    ['start', 3],
    ['terminate', 3],
    ['restart', 4],
    ['fail', 3],
    ['wait', 7],
    ['tick', 2],
    ['look', 1],
  ),
  at: often([0, 4], [1, 1], [2, 1]),
  child: fc.nat(4),
  n: fc.nat(20),
})

const stopOp: fc.Arbitrary<Op> = fc.record({
  kind: fc.constant<Op['kind']>('stop'),
  at: often([0, 1], [1, 2]),
  child: fc.constant(0),
  n: fc.constant(0),
})

export interface Program {
  readonly tree: TreePlan
  /** The root is stopped at the end, or its system is closed in the middle of it all. */
  readonly ending: 'stop' | 'close'
  readonly ops: readonly Op[]
}

export const program: fc.Arbitrary<Program> = fc.record({
  tree: treeOf(nested, 5),
  ending: often<'stop' | 'close'>(['stop', 4], ['close', 1]),
  ops: fc
    .tuple(
      fc.array(op, { minLength: 10, maxLength: 52, size: 'max' }),
      fc.option(fc.tuple(fc.nat(50), stopOp), { freq: 1 }),
    )
    .map(([ops, stop]) => (stop === null ? ops : ops.toSpliced(stop[0], 0, stop[1]))),
})
