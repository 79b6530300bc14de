/** Errors of effects. */
import { isCode } from '../errors/base.ts'
import { KeelsonError } from '../errors/errors.ts'
import { textOf } from '../internal/thrown-values.ts'

/** `run()` rejects with it when the effect was interrupted. `cause` is the reason of the interrupt. */
export class InterruptedError extends KeelsonError {
  static readonly code = 'KEELSON_INTERRUPTED'
  readonly code = 'KEELSON_INTERRUPTED'
  /** The reason, from `interrupt`, `cancel` or the signal; `undefined` when there was none. */
  readonly reason: unknown
  constructor(reason?: unknown) {
    super('Effect was interrupted', reason === undefined ? undefined : { cause: reason })
    this.reason = reason
  }
}

/** `run()` rejects with it when the effect failed with a value that is no `Error`. */
export class EffectFailedError extends KeelsonError {
  static readonly code = 'KEELSON_EFFECT_FAILED'
  readonly code = 'KEELSON_EFFECT_FAILED'
  /** The value that the effect failed with. */
  readonly failure: unknown
  constructor(failure: unknown) {
    super(textOf(failure), { cause: failure })
    this.failure = failure
  }
}

/** A finaliser was added to a scope that has begun to close. The finaliser will not run. */
export class ScopeClosedError extends KeelsonError {
  static readonly code = 'KEELSON_SCOPE_CLOSED'
  readonly code = 'KEELSON_SCOPE_CLOSED'
  constructor() {
    super('Cannot add finalizer to closed scope')
  }
}

/** A finaliser, or work that a finaliser waits for, did not end in time. The rest went on without it. */
export class UnfinishedError extends KeelsonError {
  static readonly code = 'KEELSON_UNFINISHED'
  readonly code = 'KEELSON_UNFINISHED'
  /** The work that did not end, such as `a finalizer`. */
  readonly what: string
  /** The fibre it belongs to. */
  readonly fiberId: string
  /** The time it had, in milliseconds. */
  readonly timeoutMs: number
  constructor(what: string, fiberId: string, timeoutMs: number, site: string | undefined) {
    super(`${what} of ${fiberId} did not end within ${timeoutMs} ms${site === undefined ? '' : ` (made ${site})`}`)
    this.what = what
    this.fiberId = fiberId
    this.timeoutMs = timeoutMs
  }
}

/** A fibre tried to join a fibre that waits for it. Both would wait for ever. */
export class JoinCycleError extends KeelsonError {
  static readonly code = 'KEELSON_JOIN_CYCLE'
  readonly code = 'KEELSON_JOIN_CYCLE'
  /** The fibre that called `join`. */
  readonly fiberId: string
  /** The fibre that it tried to join. */
  readonly joinedId: string
  constructor(fiberId: string, joinedId: string) {
    super(
      fiberId === joinedId
        ? `${fiberId} joins itself, and would wait for ever`
        : `${fiberId} joins ${joinedId}, which waits for it: both would wait for ever`,
    )
    this.fiberId = fiberId
    this.joinedId = joinedId
  }
}

/** A queue of effects was shut down: it takes no items, or has none left. */
export class QueueShutdownError extends KeelsonError {
  static readonly code = 'KEELSON_QUEUE_SHUTDOWN'
  readonly code = 'KEELSON_QUEUE_SHUTDOWN'
  /** Tells it from other errors of an effect, for `catchTag`. */
  readonly _tag = 'QueueShutdown'
  constructor() {
    super('The queue was shut down')
  }
}

/** A test left work behind: a fibre, a timer, a scope or a finaliser. */
export class LeakError extends KeelsonError {
  static readonly code = 'KEELSON_LEAK'
  readonly code = 'KEELSON_LEAK'
  /** One line for each piece of work. */
  readonly leaks: readonly string[]
  constructor(leaks: readonly string[]) {
    super(`${leaks.length} left behind:\n${leaks.map((leak) => `  ${leak}`).join('\n')}`)
    this.leaks = leaks
  }
}

/** Returns whether a value is an {@link InterruptedError}, from whichever copy of the package. */
export const isInterruptedError: (error: unknown) => error is InterruptedError = isCode(InterruptedError.code)
/** Returns whether a value is an {@link EffectFailedError}, from whichever copy of the package. */
export const isEffectFailedError: (error: unknown) => error is EffectFailedError = isCode(EffectFailedError.code)
/** Returns whether a value is a {@link ScopeClosedError}, from whichever copy of the package. */
export const isScopeClosedError: (error: unknown) => error is ScopeClosedError = isCode(ScopeClosedError.code)
/** Returns whether a value is an {@link UnfinishedError}, from whichever copy of the package. */
export const isUnfinishedError: (error: unknown) => error is UnfinishedError = isCode(UnfinishedError.code)
/** Returns whether a value is a {@link JoinCycleError}, from whichever copy of the package. */
export const isJoinCycleError: (error: unknown) => error is JoinCycleError = isCode(JoinCycleError.code)
/** Returns whether a value is a {@link QueueShutdownError}, from whichever copy of the package. */
export const isQueueShutdownError: (error: unknown) => error is QueueShutdownError = isCode(QueueShutdownError.code)
/** Returns whether a value is a {@link LeakError}, from whichever copy of the package. */
export const isLeakError: (error: unknown) => error is LeakError = isCode(LeakError.code)
