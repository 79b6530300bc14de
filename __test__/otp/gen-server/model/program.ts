/** Random programs of processes: what they can do, and how often they do it. */
import * as fc from 'fast-check'

/** The values that a handler throws. Any value can be thrown. */
export const HOSTILE = ['error', 'bare', 'getter', 'revoked', 'nothing', 'text', 'symbol'] as const
export type Hostile = (typeof HOSTILE)[number]

/** The behaviour of a handler. */
export type Act =
  | { readonly act: 'note' | 'hold' | 'none' | 'continue' | 'odd-state' }
  | { readonly act: 'wait'; readonly ms: number }
  | { readonly act: 'turns'; readonly turns: number }
  | { readonly act: 'throw'; readonly what: Hostile; readonly late: boolean }
  | { readonly act: 'end'; readonly reason: Reason }
  | { readonly act: 'ask'; readonly whom: number; readonly timeout: number }
  | { readonly act: 'tell'; readonly whom: number }
  | { readonly act: 'tick'; readonly ms: number }

export type Reason = 'normal' | 'shutdown' | 'error'

/** The operation that follows when a call settles. */
export type Then = 'nothing' | 'answer-all' | 'call-again' | 'look' | 'start'

export interface Setup {
  readonly trapExit: boolean
  readonly bound: number
  readonly callerContext: boolean
  readonly overflow: 'reject' | 'drop-oldest' | 'drop-newest'
  readonly terminate: 'none' | 'sync' | 'slow' | 'throws'
  readonly init: 'sync' | 'async' | 'slow' | 'throws' | 'continue'
  readonly name: number
  readonly onError: 'reply' | 'crash'
}

export type Op =
  | { readonly op: 'start'; readonly setup: Setup }
  | { readonly op: 'cast'; readonly to: number; readonly act: Act }
  | {
      readonly op: 'call'
      readonly to: number
      readonly act: Act
      readonly timeout: number
      readonly then: Then
      readonly signal: boolean
    }
  | {
      readonly op: 'burst'
      readonly to: number
      readonly count: number
      readonly kind: 'cast' | 'call' | 'hold' | 'wait'
      readonly timeout: number
      readonly then: Then
    }
  | { readonly op: 'answer'; readonly count: number; readonly last: boolean }
  | { readonly op: 'answers'; readonly ms: number; readonly chunk: number }
  | { readonly op: 'abort'; readonly which: number }
  | { readonly op: 'stop'; readonly who: number; readonly reason: Reason }
  | { readonly op: 'link' | 'monitor'; readonly one: number; readonly other: number }
  | { readonly op: 'unlink' | 'demonitor' | 'cancel'; readonly which: number }
  | { readonly op: 'after'; readonly to: number; readonly ms: number; readonly act: Act }
  | { readonly op: 'look'; readonly who: number }
  | { readonly op: 'advance'; readonly ms: number }
  | { readonly op: 'turn'; readonly turns: number }
  | { readonly op: 'micro'; readonly ticks: number }
  | { readonly op: 'listen'; readonly kind: 'once' | 'throws' | 'starts' | 'once-starts' | 'plain' }

/**
 * Whose time it is: a controlled clock, the same under the looks of a clock that passes by itself (so that a run of handlers
 * can take too long), or the host's.
 */
export type Time = 'controlled' | 'disguised' | 'real'

export interface Program {
  readonly time: Time
  readonly setups: readonly Setup[]
  readonly ops: readonly Op[]
}

const who = fc.nat(7)
const short = fc.constantFrom(0, 1, 2, 5, 10, 20, 50)
const reason = fc.constantFrom<Reason>('normal', 'shutdown', 'error')
/** The last three are too long, beyond an integer, or no limit. */
const timeout = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(0, 1, 5, 10, 20, 50, 100) },
  { weight: 4, arbitrary: fc.constantFrom(1000, 5000) },
  { weight: 3, arbitrary: fc.constant(Infinity) },
  { weight: 1, arbitrary: fc.constantFrom(8.64e15, Number.MAX_SAFE_INTEGER, 1e300) },
)

const quick: fc.Arbitrary<Act> = fc.oneof(
  { weight: 10, arbitrary: fc.constant<Act>({ act: 'note' }) },
  { weight: 4, arbitrary: fc.record({ act: fc.constant('wait' as const), ms: short }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('turns' as const), turns: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('tick' as const), ms: fc.constantFrom(1, 6, 20) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('ask' as const), whom: who, timeout }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('tell' as const), whom: who }) },
  { weight: 1, arbitrary: fc.constant<Act>({ act: 'continue' }) },
  { weight: 1, arbitrary: fc.constant<Act>({ act: 'odd-state' }) },
)
const deadly: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      act: fc.constant('throw' as const),
      what: fc.constantFrom(...HOSTILE),
      late: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Act>({ act: 'none' }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('end' as const), reason }) },
)
const castAct = fc.oneof({ weight: 6, arbitrary: quick }, { weight: 1, arbitrary: deadly })
const callAct = fc.oneof(
  { weight: 6, arbitrary: quick },
  { weight: 4, arbitrary: fc.constant<Act>({ act: 'hold' }) },
  { weight: 1, arbitrary: deadly },
)
const then = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Then>('nothing') },
  { weight: 4, arbitrary: fc.constantFrom<Then>('answer-all', 'call-again', 'look', 'start') },
)

const setup: fc.Arbitrary<Setup> = fc.record({
  trapExit: fc.boolean(),
  bound: fc.constantFrom(Infinity, Infinity, Infinity, 1, 3, 100),
  callerContext: fc.constantFrom(false, false, true),
  overflow: fc.constantFrom('reject', 'drop-oldest', 'drop-newest'),
  terminate: fc.constantFrom('none', 'sync', 'sync', 'slow', 'throws'),
  init: fc.oneof(
    { weight: 6, arbitrary: fc.constant('sync' as const) },
    { weight: 4, arbitrary: fc.constantFrom('async', 'slow', 'throws', 'continue') },
  ),
  name: fc.constantFrom(-1, -1, -1, 0, 1),
  onError: fc.constantFrom('reply', 'reply', 'reply', 'crash'),
})

const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('start' as const), setup }) },
  { weight: 12, arbitrary: fc.record({ op: fc.constant('cast' as const), to: who, act: castAct }) },
  {
    weight: 14,
    arbitrary: fc.record({
      op: fc.constant('call' as const),
      to: who,
      act: callAct,
      timeout,
      then,
      signal: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('burst' as const),
      to: who,
      count: fc.constantFrom(3, 20, 70, 130, 1030, 1400),
      kind: fc.constantFrom('cast', 'call', 'hold', 'wait'),
      timeout,
      then,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant('answer' as const),
      count: fc.constantFrom(1, 3, 1000),
      last: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('answers' as const),
      ms: fc.constantFrom(0, 1, 5, 10, 20, 50, 100),
      chunk: fc.constantFrom(1, 20, 1000),
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('abort' as const), which: fc.nat(20) }) },
  { weight: 5, arbitrary: fc.record({ op: fc.constant('stop' as const), who, reason }) },
  {
    weight: 10,
    arbitrary: fc.record({ op: fc.constantFrom('link' as const, 'monitor' as const), one: who, other: who }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constantFrom('unlink' as const, 'demonitor' as const, 'cancel' as const),
      which: fc.nat(20),
    }),
  },
  { weight: 5, arbitrary: fc.record({ op: fc.constant('after' as const), to: who, ms: short, act: castAct }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant('look' as const), who }) },
  {
    weight: 12,
    arbitrary: fc.record({ op: fc.constant('advance' as const), ms: fc.constantFrom(0, 1, 5, 10, 20, 50, 100, 5000) }),
  },
  { weight: 8, arbitrary: fc.record({ op: fc.constant('turn' as const), turns: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant('micro' as const), ticks: fc.integer({ min: 1, max: 8 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('listen' as const),
      kind: fc.constantFrom('once', 'throws', 'starts', 'once-starts', 'plain'),
    }),
  },
)

/** Programs of 12 to 54 operations; the median one has 30 or more. So many in a hundred run on the host's time. */
export const program = (realShare: number): fc.Arbitrary<Program> =>
  fc.record({
    time: fc.oneof(
      { weight: 50 - realShare, arbitrary: fc.constant<Time>('disguised') },
      { weight: 50, arbitrary: fc.constant<Time>('controlled') },
      ...(realShare === 0 ? [] : [{ weight: realShare, arbitrary: fc.constant<Time>('real') }]),
    ),
    setups: fc.array(setup, { minLength: 2, maxLength: 4 }),
    ops: fc.array(op, { minLength: 12, maxLength: 54, size: 'max' }),
  })
