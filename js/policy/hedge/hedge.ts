import { finite, integer, options as checkOptions, positiveMillis } from '../../internal/validate.ts'
import { limitOn } from '../../clock/internal-timers.ts'
import type { TimerHandle } from '../../clock/types.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { BasePolicy, knownOptions } from '../pipeline/base-policy.ts'
import { budgetOf, type RetryBudget } from '../retry/budget.ts'
import { type Call, isEcho, type Sink } from '../pipeline/call.ts'
import { fromHere } from '../pipeline/async-stack.ts'
import { Latencies } from './latencies.ts'
import { Scope } from '../pipeline/scope.ts'
import type { PolicyOptions } from '../pipeline/types.ts'

/** Options of {@link hedge}. */
export interface HedgeOptions extends PolicyOptions {
  /** How long a try may take before another joins it, in milliseconds. With `percentile`, until enough is known. */
  readonly afterMs: number
  /** Another joins a try that takes longer than this share of recent successes did: above 0, below 1. */
  readonly percentile?: number
  /** How many tries there are at most, the first included. Default 2. */
  readonly max?: number
  /** What additional tries are taken from. Default: there is no budget. */
  readonly budget?: RetryBudget
}

/** What a {@link Hedge} tells. */
export interface HedgeEvents {
  /** A try won. */
  readonly success: { readonly value: unknown; readonly attempt: number }
  /** A try failed before any had won. */
  readonly failure: { readonly error: unknown; readonly attempt: number }
  /** Another try begins: the one of this number. */
  readonly hedge: { readonly attempt: number }
  /** A try ended after another had won; `error` is there if it failed. */
  readonly late: { readonly attempt: number; readonly error?: unknown }
}

/** What a {@link Hedge} has counted. */
export interface HedgeStats {
  readonly calls: number
  /** Tries beyond each first. */
  readonly hedges: number
  /** Calls that such a try won. */
  readonly won: number
  /** Tries that still run although their call is over. */
  readonly late: number
}

const EVENTS: readonly (keyof HedgeEvents)[] = ['success', 'failure', 'hedge', 'late']
/** How many latencies a percentile is read from, and from how many on. */
const [KEPT, ENOUGH] = [256, 20]

/** Tries beside slow tries. Made by {@link hedge}. */
export class Hedge extends BasePolicy<HedgeEvents> {
  /** @internal */
  readonly max: number
  /** @internal */
  readonly budget: RetryBudget | undefined
  /** @internal */
  readonly latencies: Latencies | undefined
  /** @internal */
  readonly counts: { calls: number; hedges: number; won: number; late: number } = {
    calls: 0,
    hedges: 0,
    won: 0,
    late: 0,
  }
  readonly #afterMs: number

  /** @internal */
  constructor(options: HedgeOptions) {
    super('hedge', EVENTS, options)
    const { afterMs, percentile, max = 2, budget } = options
    this.#afterMs = positiveMillis('options.afterMs', afterMs)
    if (percentile !== undefined && (finite('options.percentile', percentile) <= 0 || percentile >= 1)) {
      throw new InvalidArgumentError('options.percentile', 'above 0 and below 1', percentile)
    }
    this.latencies = percentile === undefined ? undefined : new Latencies(KEPT, percentile)
    this.max = integer('options.max', 2, 1000, max)
    this.budget = budgetOf('options.budget', budget)
  }

  /** What was counted since it was made. */
  get stats(): HedgeStats {
    return { ...this.counts }
  }

  /** How long a try may take now before another joins it, in milliseconds. */
  get afterMs(): number {
    const { latencies } = this
    if (latencies === undefined || latencies.count < ENOUGH) return this.#afterMs
    return latencies.get() as number
  }

  /** @internal */
  enter(call: Call, inside: number, scope: Scope, _attempt: number, sink: Sink): void {
    this.counts.calls++
    this.budget?.deposit()
    new Race(this, call, inside, scope, sink).try()
  }
}

/** One call: what its tries share. */
class Race {
  readonly policy: Hedge
  readonly #call: Call
  readonly #inside: number
  readonly #outer: Scope
  readonly #sink: Sink
  readonly #tries: Try[] = []
  #running = 0
  #isOver = false
  #timer: TimerHandle | undefined

  constructor(policy: Hedge, call: Call, inside: number, outer: Scope, sink: Sink) {
    this.policy = policy
    this.#call = call
    this.#inside = inside
    this.#outer = outer
    this.#sink = sink
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Begins another try, and the wait for the next. */
  try(): void {
    const { policy } = this
    const attempt = this.#tries.length + 1
    const one = new Try(this, attempt, policy.latencies === undefined ? 0 : policy.system.clock.monoMs())
    this.#tries.push(one)
    this.#running++
    this.#outer.enter(one)
    if (attempt < policy.max) this.#wait()
    this.#call.start(this.#inside, one, attempt, one)
  }

  /** A try won. */
  won(one: Try, value: unknown): void {
    const { policy } = this
    this.#end(one)
    if (one.attempt > 1) policy.counts.won++
    policy.latencies?.add(policy.system.clock.monoMs() - one.startedAt)
    if (policy.observed) policy.tell('success', { value, attempt: one.attempt })
    this.#giveUpOthers(one)
    this.#sink.succeeded(value)
  }

  /** A try failed: another takes its place at once, if there may be one; the last to fail fails the call. */
  lost(one: Try, error: unknown): void {
    const { policy } = this
    this.#running--
    this.#outer.leave(one)
    if (policy.observed) policy.tell('failure', { error, attempt: one.attempt })
    if (!this.#outer.isAborted && this.#mayTry()) {
      this.#hedge()
      return
    }
    if (this.#running > 0) return
    this.#end(one)
    this.#sink.failed(error)
  }

  /** What surrounds the race was given up: there will be no more tries. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #mayTry(): boolean {
    const { policy } = this
    if (this.#isOver || this.#tries.length >= policy.max) return false
    return policy.budget?.withdraw(policy.system.clock.monoMs()) !== false
  }

  #hedge(): void {
    const { policy } = this
    this.#timer?.cancel()
    policy.counts.hedges++
    if (policy.observed) policy.tell('hedge', { attempt: this.#tries.length + 1 })
    this.try()
  }

  #wait(): void {
    const { clock } = this.policy.system
    const ring = fromHere(() => {
      if (!this.#isOver && !this.#outer.isAborted && timer === this.#timer && this.#mayTry()) this.#hedge()
    })
    let timer: TimerHandle | undefined
    try {
      timer = limitOn(clock, this.policy.afterMs, this.policy.name, ring)
    } catch {
      // A closed clock: the tries there are go on by themselves.
    }
    this.#timer = timer
  }

  #end(one: Try): void {
    this.#isOver = true
    this.#outer.leave(one)
    this.stop()
  }

  #giveUpOthers(winner: Try): void {
    if (this.#running < 2) return
    const reason = new DOMException('another try was faster', 'AbortError')
    for (const one of this.#tries) {
      if (one === winner || one.hasEnded) continue
      this.policy.counts.late++
      this.#outer.leave(one)
      one.abort(reason)
    }
  }
}

/** One try: the scope of what is inside, so that it can be given up alone. */
class Try extends Scope implements Sink {
  readonly attempt: number
  readonly startedAt: number
  hasEnded = false
  readonly #race: Race

  constructor(race: Race, attempt: number, startedAt: number) {
    super(true)
    this.#race = race
    this.attempt = attempt
    this.startedAt = startedAt
  }

  succeeded(value: unknown): void {
    this.hasEnded = true
    if (this.#race.isOver) this.#late({ attempt: this.attempt })
    else this.#race.won(this, value)
  }

  failed(error: unknown): void {
    this.hasEnded = true
    if (this.#race.isOver) this.#late({ attempt: this.attempt, error })
    else this.#race.lost(this, error)
  }

  override aborted(reason: unknown): void {
    this.#race.stop()
    super.aborted(reason)
  }

  /** A loser. That it failed is what being hedged is for; the caller has a value. */
  #late(what: HedgeEvents['late']): void {
    const { policy } = this.#race
    policy.counts.late--
    if (!policy.observed) return
    policy.tell('late', 'error' in what && isEcho(what.error, this.reason) ? { attempt: what.attempt } : what)
  }
}

/**
 * Lets another try join one that takes long; the first success is the call's, and the signals of the others abort. Only for
 * what may be done twice.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * const fast = hedge({ afterMs: 200, percentile: 0.95, budget: retryBudget({ ratio: 0.05 }) })
 * const page = await fast.execute(({ signal }) => fetch(url, { signal }))
 * ```
 */
export function hedge(options: HedgeOptions): Hedge {
  const given = checkOptions('options', options)
  knownOptions(given, ['afterMs', 'percentile', 'max', 'budget'])
  return new Hedge(given)
}
