/** Budgets of retries. */
import { InvalidArgumentError } from '../../errors/errors.ts'
import { finite, known, options as checkOptions } from '../../internal/validate.ts'

/** Options of {@link retryBudget}. */
export interface RetryBudgetOptions {
  /** Tokens that each call adds: 0 or more. 0.1 lets load grow by a tenth when everything fails. Default 0.1. */
  readonly ratio?: number
  /** Tokens that each second adds, so that a quiet service may retry: 0 or more. Default 1. */
  readonly minPerSecond?: number
  /** The most tokens the budget holds, and how many it starts with: at least 1. Default 10. */
  readonly burst?: number
}

/**
 * A bucket of tokens that bounds retries, so that retries do not become the load that keeps a service down. Each call
 * adds `ratio` tokens, each second adds `minPerSecond`, each retry takes one. A function of events and time. Share one
 * budget among the policies that call the same service. Created by {@link retryBudget}.
 */
export class RetryBudget {
  /** Tokens that each call adds. */
  readonly ratio: number
  /** Tokens that each second adds. */
  readonly minPerSecond: number
  /** The most tokens it holds. */
  readonly burst: number
  #tokens: number
  /** Monotonic time in ms up to which tokens were added. */
  #refilledTo = -Infinity

  /** @internal Use {@link retryBudget}. */
  constructor({ ratio = 0.1, minPerSecond = 1, burst = 10 }: RetryBudgetOptions) {
    this.ratio = atLeastZero('options.ratio', ratio)
    this.minPerSecond = atLeastZero('options.minPerSecond', minPerSecond)
    this.burst = finite('options.burst', burst)
    if (burst < 1) throw new InvalidArgumentError('options.burst', 'at least 1', burst)
    this.#tokens = burst
  }

  /** The number of tokens, as of the last deposit or withdrawal. */
  get tokens(): number {
    return this.#tokens
  }

  /** Adds the tokens of one call. `retry` and `hedge` call it themselves. */
  deposit(): void {
    this.#tokens = Math.min(this.#tokens + this.ratio, this.burst)
  }

  /**
   * Takes a token for a retry. Returns whether there was one.
   *
   * @param now - Monotonic time in milliseconds.
   * @throws InvalidArgumentError when `now` is no finite number.
   */
  withdraw(now: number): boolean {
    if (typeof now !== 'number') finite('now', now)
    // The first withdrawal starts the time, and time that goes back counts as a pause.
    if (this.#refilledTo !== -Infinity && now > this.#refilledTo) {
      this.#tokens = Math.min(this.#tokens + ((now - this.#refilledTo) * this.minPerSecond) / 1000, this.burst)
    }
    this.#refilledTo = Math.max(this.#refilledTo, now)
    // The sum of ten tenths is a little less than one in floating point.
    if (this.#tokens < 1 - 1e-9) return false
    this.#tokens = Math.max(this.#tokens - 1, 0)
    return true
  }
}

/**
 * Creates a budget of retries, for `retry` and `hedge`.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 */
export function retryBudget(options?: RetryBudgetOptions): RetryBudget {
  const settings = checkOptions('options', options)
  known('options', settings, ['ratio', 'minPerSecond', 'burst'])
  return new RetryBudget(settings)
}

/** Returns the budget of an option, `undefined` when it is left out. */
export function optionalBudget(field: string, value: unknown): RetryBudget | undefined {
  if (value === undefined || value instanceof RetryBudget) return value
  throw new InvalidArgumentError(field, 'a retry budget', value)
}

function atLeastZero(field: string, value: number): number {
  if (finite(field, value) >= 0) return value
  throw new InvalidArgumentError(field, 'zero or more', value)
}
