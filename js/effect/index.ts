/**
 * Structured concurrency: effects that clean up, cancel as a tree, and carry their errors; and policies such as retry.
 */
export type { EffectEnv, MutableContext } from './fiber/body.ts'
export { type CancelToken, createCancelToken } from './cancel.ts'
export {
  acquireUseRelease,
  all,
  type AllOptions,
  effect,
  type EffectOptions,
  fail,
  fromPromise,
  isEffect,
  race,
  sleep,
  succeed,
} from './constructors.ts'
export { type Context, ContextImpl, createContext } from './context.ts'
export { Deferred } from './coordination/deferred.ts'
export { Queue } from './coordination/queue.ts'
export { Semaphore } from './coordination/semaphore.ts'
export {
  Effect,
  Fiber,
  type ForEachOptions,
  type RunGiven,
  type TaggedFailure,
  type TaggedWith,
  type TagOf,
} from './effect.ts'
export {
  EffectFailedError,
  InterruptedError,
  isEffectFailedError,
  isInterruptedError,
  isJoinCycleError,
  isLeakError,
  isQueueShutdownError,
  isScopeClosedError,
  isUnfinishedError,
  JoinCycleError,
  LeakError,
  QueueShutdownError,
  ScopeClosedError,
  UnfinishedError,
} from './errors.ts'
export type { EffectEmit, EffectEvent } from './events.ts'
export type { Cause, Finalizer, FinalizerScope } from './fiber/finalizers.ts'
export { createScope, currentContext, runEffect, ScopeImpl } from './legacy.ts'
export type { RepeatPolicy, RetryPolicy, SchedulePolicy } from './operators/retry-repeat.ts'
export { err, type Interrupted, ok, type Result, type Timeout } from './result.ts'
export type { EffectRunOptions } from './run.ts'
export * from '../policy/policies.ts'
