/** Errors of effects. */
import { isCode } from '../errors/base.ts'
import { KeelsonError } from '../errors/errors.ts'
import { textOf } from '../internal/thrown-values.ts'

/** `run()` of an effect that was interrupted. `cause` is the reason that was given. */
export class InterruptedError extends KeelsonError {
  static readonly code = 'KEELSON_INTERRUPTED'
  readonly code = 'KEELSON_INTERRUPTED'
  /** What `interrupt`, `cancel` or the signal gave. */
  readonly reason: unknown
  constructor(reason?: unknown) {
    super('Effect was interrupted', reason === undefined ? undefined : { cause: reason })
    this.reason = reason
  }
}

/** `run()` of an effect that failed with something that is no `Error`. */
export class EffectFailedError extends KeelsonError {
  static readonly code = 'KEELSON_EFFECT_FAILED'
  readonly code = 'KEELSON_EFFECT_FAILED'
  /** What it failed with. */
  readonly failure: unknown
  constructor(failure: unknown) {
    super(textOf(failure), { cause: failure })
    this.failure = failure
  }
}

/** A finaliser was added to a scope that has begun to close. It will not run. */
export class ScopeClosedError extends KeelsonError {
  static readonly code = 'KEELSON_SCOPE_CLOSED'
  readonly code = 'KEELSON_SCOPE_CLOSED'
  constructor() {
    super('Cannot add finalizer to closed scope')
  }
}

/** Something did not end in time: a finaliser, or what a finaliser waits for. The others went on without it. */
export class UnfinishedError extends KeelsonError {
  static readonly code = 'KEELSON_UNFINISHED'
  readonly code = 'KEELSON_UNFINISHED'
  /** What did not end. */
  readonly what: string
  /** Of which fibre. */
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

/** A fibre was to join one that waits for it: both would wait for ever. */
export class JoinCycleError extends KeelsonError {
  static readonly code = 'KEELSON_JOIN_CYCLE'
  readonly code = 'KEELSON_JOIN_CYCLE'
  /** Who was to wait. */
  readonly fiberId: string
  /** For whom. */
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

/** A test left something behind: a fibre, a timer, a scope or a finaliser. */
export class LeakError extends KeelsonError {
  static readonly code = 'KEELSON_LEAK'
  readonly code = 'KEELSON_LEAK'
  /** One line each. */
  readonly leaks: readonly string[]
  constructor(leaks: readonly string[]) {
    super(`${leaks.length} left behind:\n${leaks.map((leak) => `  ${leak}`).join('\n')}`)
    this.leaks = leaks
  }
}

/** Guard for {@link InterruptedError}. */
export const isInterruptedError: (error: unknown) => error is InterruptedError = isCode(InterruptedError.code)
/** Guard for {@link EffectFailedError}. */
export const isEffectFailedError: (error: unknown) => error is EffectFailedError = isCode(EffectFailedError.code)
/** Guard for {@link ScopeClosedError}. */
export const isScopeClosedError: (error: unknown) => error is ScopeClosedError = isCode(ScopeClosedError.code)
/** Guard for {@link UnfinishedError}. */
export const isUnfinishedError: (error: unknown) => error is UnfinishedError = isCode(UnfinishedError.code)
/** Guard for {@link JoinCycleError}. */
export const isJoinCycleError: (error: unknown) => error is JoinCycleError = isCode(JoinCycleError.code)
/** Guard for {@link LeakError}. */
export const isLeakError: (error: unknown) => error is LeakError = isCode(LeakError.code)
