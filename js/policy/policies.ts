/** The public names of policies: rules such as retry and timeout, to compose around a function or an effect. */
export {
  type Admit,
  admit,
  type Admission,
  type AdmitEvents,
  type AdmitPolicyOptions,
  type AdmitStats,
} from './admit.ts'
export { type RetryBudget, retryBudget, type RetryBudgetOptions } from './retry/budget.ts'
export {
  type Bulkhead,
  bulkhead,
  type BulkheadEvents,
  type BulkheadOptions,
  type BulkheadStats,
} from './bulkhead/bulkhead.ts'
export type { FetchInit, FetchInput, PolicyFetchOptions } from './fetch.ts'
export { type Keyed, keyed, type KeyedOptions, type StatsOf } from './keyed.ts'
export { type CompensationContext, saga, type SagaContext, type SagaOptions, type SagaStep } from './saga.ts'
export type { CircuitState } from './circuit-breaker/state-machine.ts'
export {
  type CircuitBreaker,
  circuitBreaker,
  type CircuitBreakerEvents,
  type CircuitBreakerStats,
  type CircuitChange,
} from './circuit-breaker/circuit-breaker.ts'
export type { CircuitBreakerOptions, HalfOpen, OpenFor, SavedCircuit } from './circuit-breaker/options.ts'
export {
  BulkheadRejectedError,
  type BulkheadRefusal,
  CircuitOpenError,
  type CircuitRefusal,
  type CompensationFailure,
  FailedResponseError,
  isBulkheadRejectedError,
  isCircuitOpenError,
  isFailedResponseError,
  isSagaError,
  SagaError,
} from './errors.ts'
export type { SavedEvidence } from './circuit-breaker/failure-window.ts'
export {
  type Fallback,
  fallback,
  type FallbackEvents,
  type FallbackOptions,
  type FallbackStats,
  type Substitute,
} from './fallback.ts'
export { type Hedge, hedge, type HedgeEvents, type HedgeOptions, type HedgeStats } from './hedge/hedge.ts'
export {
  type RateLimitPolicy,
  rateLimitPolicy,
  type RateLimitPolicyEvents,
  type RateLimitPolicyOptions,
  type RateLimitPolicyStats,
} from './rate-limit.ts'
export { type Repeat, repeat, type RepeatEvents, type RepeatOptions, type RepeatStats } from './retry/repeat.ts'
export { type GaveUp, type Retry, retry, type RetryEvents, type RetryOptions, type RetryStats } from './retry/retry.ts'
export {
  type Chance,
  type ExponentialOptions,
  type Jitter,
  type Pauses,
  type Schedule,
  schedule,
} from './retry/schedule.ts'
export {
  timeout,
  type TimeoutEvents,
  type TimeoutOptions,
  type TimeoutPolicy,
  type TimeoutStats,
  type TimeoutStrategy,
} from './timeout.ts'
export type {
  ExecuteOptions,
  ForeignPolicy,
  Policy,
  PolicyContext,
  PolicyOptions,
  PolicyTask,
} from './pipeline/types.ts'
export type { LatencyStats } from './measure/latency-window.ts'
export type { CallCounts } from './measure/meter.ts'
export type { MeasuredStats } from './pipeline/base-policy.ts'
export { type PolicyStats, type Stack, type StackStats, wrap } from './wrap.ts'
