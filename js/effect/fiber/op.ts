/** The operations that effects consist of: a tree, which a fibre walks. Imports nothing but types. */
import type { EffectEmit } from '../events.ts'

/** Outcomes of an operation, and of a fibre. */
export const OK = 0
export const ERR = 1
export const INTERRUPTED = 2
export type FiberExitKind = typeof OK | typeof ERR | typeof INTERRUPTED

// These three wait on the stack for their source. They have the lowest tags, so that one comparison finds them.
export const MAP = 0
export const FLAT_MAP = 1
export const CATCH = 2
export const SUCCEED = 3
export const FAIL = 4
/** A user function, which gets the environment and may be asynchronous. */
export const BODY = 5
/** An internal synchronous step: `arg(fiber)` returns the value. */
export const SYNC = 6
/** An internal step that may push frames: `arg(fiber)` returns the next operation. */
export const ENTER = 7
/** A wait: `arg(fiber, epoch)` arranges that the fibre is resumed with that epoch. */
export const SUSPEND = 8
/** A body whose value is never unpacked, even if it looks like a `Result`. */
export const RAW_BODY = 9
/** A frame: an object on the stack with its own `exit`. */
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

/** Marks effects, so that those of another copy of the package are recognised. */
export const EFFECT: unique symbol = Symbol.for('keelson.effect') as never

/**
 * One operation. All operations have one hidden class, so that reading them in the loop stays fast. Fields are declared
 * without an initialiser and set by the constructor, which writes each of them once.
 */
export class Op {
  /** @internal */
  declare readonly tag: Tag
  /** @internal */
  declare readonly source: Op | undefined
  /** @internal */
  declare readonly arg: unknown
  /** @internal Receives its events. Operations built on it inherit it. */
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

/** Succeeds with `undefined`. */
export const NOTHING: Op = new Op(SUCCEED, undefined, undefined, undefined)
