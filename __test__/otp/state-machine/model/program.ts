/** Random programs of state machines: what handlers return, and what is sent when. */
import * as fc from 'fast-check'

export const STATES = ['a', 'b', 'c'] as const
export type Name = (typeof STATES)[number]

/** A timeout to start, in ms, or `null` to cancel. */
type Setting = number | null

export interface Timeouts {
  readonly state?: Setting
  readonly event?: Setting
  readonly x?: Setting
  readonly y?: Setting
}

/** The result of one handler. */
export interface Step {
  readonly next?: Name
  readonly repeat: boolean
  readonly postpone: boolean
  readonly counts: boolean
  readonly replies: boolean
  readonly answersOldest: boolean
  readonly events: number
  readonly timeouts: Timeouts
  readonly isAsync: boolean
  readonly fails: boolean
}

/** The result of one `enter`. */
export interface Enter {
  readonly counts: boolean
  readonly timeouts: Timeouts
  readonly isAsync: boolean
}

export type Op =
  | { readonly kind: 'send'; readonly how: readonly ('cast' | 'call')[] }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'give-up'; readonly which: number }

export interface Program {
  readonly first: Name
  readonly start: Timeouts
  readonly steps: readonly Step[]
  readonly enters: readonly Enter[]
  readonly ops: readonly Op[]
}

const setting = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(0, 3, 5, 8) },
  { weight: 1, arbitrary: fc.constant(null) },
)
const timeouts: fc.Arbitrary<Timeouts> = fc.record(
  { state: setting, event: setting, x: setting, y: setting },
  { requiredKeys: [] },
)
const noTimeouts = fc.constant<Timeouts>({})
const someTimeouts = fc.oneof({ weight: 2, arbitrary: noTimeouts }, { weight: 1, arbitrary: timeouts })
const seldom = fc.integer({ min: 0, max: 5 }).map((n) => n === 0)
const rarely = fc.integer({ min: 0, max: 60 }).map((n) => n === 0)

const step: fc.Arbitrary<Step> = fc.record(
  {
    next: fc.constantFrom(...STATES),
    repeat: seldom,
    postpone: fc.integer({ min: 0, max: 2 }).map((n) => n === 0),
    counts: fc.boolean(),
    replies: fc.boolean(),
    answersOldest: seldom,
    events: fc.constantFrom(0, 0, 0, 1, 2),
    timeouts: someTimeouts,
    isAsync: seldom,
    fails: rarely,
  },
  {
    requiredKeys: [
      'repeat',
      'postpone',
      'counts',
      'replies',
      'answersOldest',
      'events',
      'timeouts',
      'isAsync',
      'fails',
    ],
  },
)
const enter: fc.Arbitrary<Enter> = fc.record({ counts: fc.boolean(), timeouts: someTimeouts, isAsync: seldom })
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      how: fc.array(fc.constantFrom('cast' as const, 'call' as const), { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('give-up' as const), which: fc.nat(9) }) },
)

export const programs: fc.Arbitrary<Program> = fc.record({
  first: fc.constantFrom(...STATES),
  start: someTimeouts,
  steps: fc.array(step, { minLength: 1, maxLength: 25 }),
  enters: fc.array(enter, { minLength: 1, maxLength: 8 }),
  ops: fc.array(op, { minLength: 4, maxLength: 30 }),
})

/** After so many handlers a program does nothing any more, so that it ends. */
export const MOST_HANDLERS = 150

/** Returns what the next handlers of a program do. The machine and the model ask in the same order, or differ. */
export class Script {
  readonly #program: Program
  /** The number of handlers that have run. */
  handlers = 0
  #enters = 0

  constructor(program: Program) {
    this.#program = program
  }

  step(): Step {
    const { steps } = this.#program
    const next = steps[this.handlers++ % steps.length] as Step
    const quiet = { repeat: false, postpone: false, counts: false, replies: true, answersOldest: false, events: 0 }
    return this.handlers > MOST_HANDLERS ? { ...quiet, timeouts: {}, isAsync: false, fails: false } : next
  }

  enter(): Enter {
    const { enters } = this.#program
    const next = enters[this.#enters++ % enters.length] as Enter
    return this.handlers > MOST_HANDLERS ? { counts: false, timeouts: {}, isAsync: false } : next
  }
}
