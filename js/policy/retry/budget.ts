import { finite, known, options as checkOptions } from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'

/** Options of {@link retryBudget}. */
export interface RetryBudgetOptions {
  /** How many retries each call pays for. 0.1 lets load grow by a tenth when everything fails. Default 0.1. */
  readonly ratio?: number
  /** Retries that are allowed each second whatever the traffic, so that a quiet service may retry. Default 1. */
  readonly minPerSecond?: number
  /** How many retries can be saved up, and are there at the beginning. Default 10. */
  readonly burst?: number
}

/**
 * What keeps retries from becoming the load that keeps a service down: a bucket of tokens. Each call puts `ratio` in, time
 * puts `minPerSecond` in, each retry takes one. A function of events and time; share one among policies that load the
 * same service.
 */
export class RetryBudget {
  readonly ratio: number
  readonly minPerSecond: number
  readonly burst: number
  #tokens: number
  /** Monotonic time up to which time has paid, in ms. */
  #paidTo = -Infinity

  /** @internal Use {@link retryBudget}. */
  constructor({ ratio = 0.1, minPerSecond = 1, burst = 10 }: RetryBudgetOptions) {
    this.ratio = atLeastZero('options.ratio', ratio)
    this.minPerSecond = atLeastZero('options.minPerSecond', minPerSecond)
    this.burst = finite('options.burst', burst)
    if (burst < 1) throw new InvalidArgumentError('options.burst', 'at least 1', burst)
    this.#tokens = burst
  }

  /** How many retries there are now. */
  get tokens(): number {
    return this.#tokens
  }

  /** A call began. Policies say so themselves. */
  deposit(): void {
    this.#tokens = Math.min(this.#tokens + this.ratio, this.burst)
  }

  /** Whether a retry may be made at a monotonic time in ms; takes its token. */
  withdraw(now: number): boolean {
    if (typeof now !== 'number') finite('now', now)
    // The first look begins the time, and a clock that goes back is a pause.
    if (this.#paidTo !== -Infinity && now > this.#paidTo) {
      this.#tokens = Math.min(this.#tokens + ((now - this.#paidTo) * this.minPerSecond) / 1000, this.burst)
    }
    this.#paidTo = Math.max(this.#paidTo, now)
    // Ten tenths are one, whatever their sum says.
    if (this.#tokens < 1 - 1e-9) return false
    this.#tokens = Math.max(this.#tokens - 1, 0)
    return true
  }
}

/**
 * A budget of retries, for `retry` and `hedge`.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 */
export function retryBudget(options?: RetryBudgetOptions): RetryBudget {
  const given = checkOptions('options', options)
  known('options', given, ['ratio', 'minPerSecond', 'burst'])
  return new RetryBudget(given)
}

/** A budget from an option. */
export function budgetOf(field: string, value: unknown): RetryBudget | undefined {
  if (value === undefined || value instanceof RetryBudget) return value
  throw new InvalidArgumentError(field, 'a retry budget', value)
}

function atLeastZero(field: string, value: number): number {
  if (finite(field, value) >= 0) return value
  throw new InvalidArgumentError(field, 'zero or more', value)
}
