/** What an effect is made of: a tree of operations, which a fibre walks. */
import type { EffectEmit } from '../events.ts'

/** How a step ended. */
export const OK = 0
export const ERR = 1
export const INTERRUPTED = 2
export type ExitKind = typeof OK | typeof ERR | typeof INTERRUPTED

// These three wait on the stack for what is below them; the loop knows them by being the lowest.
export const MAP = 0
export const FLAT_MAP = 1
export const CATCH = 2
export const SUCCEED = 3
export const FAIL = 4
/** A function of the user's, which gets the environment and may be asynchronous. */
export const BODY = 5
/** A synchronous step of our own: `arg(fiber)` makes the value. */
export const SYNC = 6
/** A step that puts frames on the stack: `arg(fiber)` makes the operation that comes next. */
export const ENTER = 7
/** A wait: `arg(fiber, epoch)` arranges that the fibre is resumed. */
export const SUSPEND = 8
/** A body whose value is one, whatever it looks like. */
export const RAW_BODY = 9
/** A frame with a method of its own. */
export const FRAME = 10

export type Tag =
  | typeof SUCCEED
  | typeof FAIL
  | typeof MAP
  | typeof FLAT_MAP
  | typeof CATCH
  | typeof BODY
  | typeof SYNC
  | typeof ENTER
  | typeof SUSPEND
  | typeof RAW_BODY

/** Marks effects, so that one of another copy of the package is known as one. */
export const EFFECT: unique symbol = Symbol.for('keelson.effect') as never

/**
 * One operation. All have one shape, so that the loop which reads them stays fast; and fields that are declared alone
 * are made once, by the constructor.
 */
export class Op {
  /** @internal */
  declare readonly tag: Tag
  /** @internal */
  declare readonly source: Op | undefined
  /** @internal */
  declare readonly arg: unknown
  /** @internal Told of events; inherited by what is made of it. */
  declare readonly emit: EffectEmit | undefined

  /** @internal */
  constructor(tag: Tag, source: Op | undefined, arg: unknown, emit: EffectEmit | undefined) {
    this.tag = tag
    this.source = source
    this.arg = arg
    this.emit = emit
  }

  /** @internal */
  get [EFFECT](): true {
    return true
  }
}

/** Returns whether a value is an operation, from whichever copy of the package. Never throws. */
export function isOp(value: unknown): value is Op {
  try {
    return (
      value instanceof Op ||
      (typeof value === 'object' && value !== null && (value as { [EFFECT]?: unknown })[EFFECT] === true)
    )
  } catch {
    return false
  }
}

export const NOTHING: Op = new Op(SUCCEED, undefined, undefined, undefined)
