/** The answers of the core, read from the scratch memory. */
import { keepOptimized } from '../internal/keep-optimized.ts'
import { hot, scratch } from '../native.ts'
import * as protocol from '../protocol/rate.ts'
import type { LimiterUnionResult, RateLimitResult } from './types.ts'

/** Returns microseconds as whole milliseconds, rounded up. */
export const wholeMs = (micros: number): number => Math.ceil(micros / 1000)

/** The answer of the core, read from the scratch memory. */
export class CoreAnswer implements RateLimitResult {
  readonly allowed: boolean
  readonly current: number
  readonly limit: number
  readonly remaining: number
  readonly resetMs: number
  readonly retryAfterMs: number

  constructor(limit: number) {
    this.allowed = scratch[protocol.VERDICT_ALLOWED] === 1
    this.current = scratch[protocol.VERDICT_USED] as number
    this.limit = limit
    this.remaining = scratch[protocol.VERDICT_REMAINING] as number
    this.resetMs = wholeMs(scratch[protocol.VERDICT_RESET] as number)
    this.retryAfterMs = wholeMs(scratch[protocol.VERDICT_RETRY] as number)
  }
}
keepOptimized(new CoreAnswer(1))

/** Returns the answers of the last call that asked several limiters, whose limits these are. */
export const answersOf = (limits: readonly { readonly limit: number }[]): RateLimitResult[] =>
  limits.map(({ limit }, index) => {
    hot.rateVerdict(index)
    return new CoreAnswer(limit)
  })

/** Returns the answers of several limiters as one. */
export function combined(results: readonly RateLimitResult[]): LimiterUnionResult {
  const tightest = results.reduce((least, each) => (each.remaining < least.remaining ? each : least))
  const refusedBy = results.flatMap(({ allowed }, index) => (allowed ? [] : [index]))
  return {
    allowed: refusedBy.length === 0,
    current: tightest.current,
    limit: tightest.limit,
    remaining: tightest.remaining,
    resetMs: Math.max(...results.map(({ resetMs }) => resetMs)),
    retryAfterMs: Math.max(...results.map(({ retryAfterMs }) => retryAfterMs)),
    results,
    refusedBy,
  }
}
