/** What an effect is made of: a tree of operations, which a fibre walks. */
import type { EffectEmit } from './events.ts'

/** How a step ended. */
export const OK = 0
export const ERR = 1
export const INTERRUPTED = 2
export type ExitKind = typeof OK | typeof ERR | typeof INTERRUPTED

export const SUCCEED = 0
export const FAIL = 1
export const MAP = 2
export const FLAT_MAP = 3
export const CATCH = 4
/** A function of the user's, which gets the environment and may be asynchronous. */
export const BODY = 5
/** A synchronous step of our own: `arg(fiber)` makes the value. */
export const SYNC = 6
/** A step that puts frames on the stack: `arg(fiber)` makes the operation that comes next. */
export const ENTER = 7
/** A wait: `arg(fiber, epoch)` arranges that the fibre is resumed. */
export const SUSPEND = 8
/** A frame with a method of its own. */
export const FRAME = 9

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

/** Marks effects, so that one of another copy of the package is known as one. */
export const EFFECT: unique symbol = Symbol.for('keelson.effect') as never

/** One operation. All have one shape, so that the loop which reads them stays fast. */
export class Op {
  /** @internal */
  readonly tag: Tag
  /** @internal */
  readonly source: Op | undefined
  /** @internal */
  readonly arg: unknown
  /** @internal Told of events; inherited by what is made of it. */
  readonly emit: EffectEmit | undefined

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

export const isOp = (value: unknown): value is Op =>
  value instanceof Op ||
  (typeof value === 'object' && value !== null && (value as { [EFFECT]?: unknown })[EFFECT] === true)

export const NOTHING: Op = new Op(SUCCEED, undefined, undefined, undefined)
