/** Errors of admission: shed calls, ended leases, state providers that fail. */
import { isCode, KeelsonError } from '../errors/base.ts'

/** Admission was refused to keep the service useful. */
export class ShedError extends KeelsonError {
  static readonly code = 'KEELSON_SHED'
  readonly code = 'KEELSON_SHED'
  /** The route that refused. */
  readonly route: string
  /** The reason of the refusal, a `ShedReason`. */
  readonly reason: string
  /** A jittered estimate of when a retry can succeed, in milliseconds. */
  readonly retryAfterMs: number
  /** The route's resistance at the decision, in ohms. */
  readonly resistance: number
  constructor(route: string, reason: string, retryAfterMs: number, resistance: number) {
    super(`${route} sheds load: ${reason}, retry after ${Math.ceil(retryAfterMs)} ms`)
    this.route = route
    this.reason = reason
    this.retryAfterMs = retryAfterMs
    this.resistance = resistance
  }
}

/** A heartbeat came after the end of its task's lease. */
export class LeaseEndedError extends KeelsonError {
  static readonly code = 'KEELSON_LEASE_ENDED'
  readonly code = 'KEELSON_LEASE_ENDED'
  /** The route of the task. */
  readonly route: string
  /** The end of the lease: `completed`, `failed`, `timeout` or `aborted`. */
  readonly outcome: string
  constructor(route: string, outcome: string) {
    super(`the lease of a task of ${route} is no longer active: ${outcome}`)
    this.route = route
    this.outcome = outcome
  }
}

/** A state provider did not answer in time, or with nonsense. `cause` is its own error, where there is one. */
export class ProviderError extends KeelsonError {
  static readonly code = 'KEELSON_PROVIDER'
  readonly code = 'KEELSON_PROVIDER'
  /** The name of the provider. */
  readonly provider: string
  constructor(provider: string, message: string, cause?: unknown) {
    super(`${provider}: ${message}`, cause === undefined ? undefined : { cause })
    this.provider = provider
  }
}

/** Returns whether a value is a {@link ShedError}, of any copy of the package. */
export const isShedError: (error: unknown) => error is ShedError = isCode(ShedError.code)
/** Returns whether a value is a {@link LeaseEndedError}, of any copy of the package. */
export const isLeaseEndedError: (error: unknown) => error is LeaseEndedError = isCode(LeaseEndedError.code)
/** Returns whether a value is a {@link ProviderError}, of any copy of the package. */
export const isProviderError: (error: unknown) => error is ProviderError = isCode(ProviderError.code)
