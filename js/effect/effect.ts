/**
 * The class `Effect` and its operators, and handles on fibres. `constructors.ts` has the functions that create effects.
 */
import { types } from 'node:util'

import type { Clock } from '../clock/types.ts'
import { keepOptimized } from '../internal/keep-optimized.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { callable, fieldOf, integer, iterable, known, options as checkOptions, text } from '../internal/validate.ts'
import type { ForeignPolicy } from '../policy/pipeline/types.ts'
import type { ContextImpl } from './context.ts'
import type { EffectEmit } from './events.ts'
import { type EffectEnv, FiberEnv } from './fiber/body.ts'
import { CORE } from './fiber/core-of.ts'
import { assertEffect, type FiberCore } from './fiber/fiber-core.ts'
import { FORK } from './fiber/fiber-tree.ts'
import { CATCH, ENTER, FAIL, FLAT_MAP, isOp, MAP, Op, SUSPEND, SYNC, type Tag } from './fiber/op.ts'
import { resultOf, valueOrThrow } from './fiber/settle.ts'
import { siteNow } from './fiber/tracing.ts'
import { allOf } from './operators/all-race.ts'
import { generate } from './operators/gen.ts'
import { withCleanup, withClock, withContextValue } from './operators/resources.ts'
import {
  nonNegativeMillis,
  repeatEffect,
  type RepeatPolicy,
  retryEffect,
  type RetryPolicy,
  scheduleEffect,
  type SchedulePolicy,
} from './operators/retry-repeat.ts'
import { withTimeout } from './operators/timeout.ts'
import { interruptFiber, joinFiber } from './operators/waits.ts'
import { underPolicy } from './operators/with-policy.ts'
import { type Interrupted, type Result, tagOf, type Timeout } from './result.ts'
import { type EffectRunOptions, runOp } from './run.ts'

/**
 * The argument of a run: options. An `EffectEnv` (run as its child) and a context are accepted for compatible programs.
 */
export type RunGiven = EffectRunOptions | EffectEnv | ContextImpl

/** Options of {@link Effect.forEach}. */
export interface ForEachOptions {
  /** The most effects that run at a time: an integer from 1, or `Infinity`. Default 1: one after the other. */
  readonly concurrency?: number
}

type ErrorOfEffect<T> = T extends Effect<infer E, unknown> ? E : never
/** The tags of errors that are known; any string if none is. */
export type TagOf<E> = unknown extends E ? string : E extends { readonly _tag: infer T extends string } ? T : never
/** An error with a tag. */
export interface TaggedFailure<T> {
  /** Tells it from other errors. */
  readonly _tag: T
}
/** The errors with a tag, of those that are known. */
export type TaggedWith<E, T> = unknown extends E ? TaggedFailure<T> : Extract<E, TaggedFailure<T>>

/**
 * A description of work that may wait, fail with an `E`, or succeed with an `A`. Nothing happens until it is run, and
 * each run starts anew. Methods return other effects; the effect itself never changes.
 *
 * Any value that a function throws on the way becomes the error, so `E` names only the errors that are known.
 */
export class Effect<E, A> extends Op {
  /** @internal */
  // oxlint-disable-next-line no-useless-constructor -- a constructor that is written out is the faster one
  constructor(tag: Tag, source: Op | undefined, arg: unknown, emit: EffectEmit | undefined) {
    super(tag, source, arg, emit)
  }

  /**
   * Creates an effect from a generator function. `yield*` runs an effect and returns its value. A failure is thrown at
   * the `yield*`, so `try`, `catch` and `finally` work; what the generator throws is the error. An interrupt runs the
   * `finally` blocks, as finalisers. Each run calls the function anew.
   *
   * @throws InvalidArgumentError when the argument is no function.
   * @example
   * ```ts
   * const order = Effect.gen(function* () {
   *   const user = yield* findUser(id)
   *   const cart = yield* findCart(user.cartId).timeout(500)
   *   return { user, cart }
   * })
   * ```
   */
  static gen<Y extends Effect<unknown, unknown>, A>(fn: () => Generator<Y, A, never>): Effect<ErrorOfEffect<Y>, A> {
    return new Effect(ENTER, undefined, generate(callable('fn', fn)), undefined)
  }

  /**
   * Creates an effect that runs `fn` for each item, in order, and succeeds with the values in that order. The first
   * failure interrupts those that run and waits for their finalisers; no further one starts. The items are copied at
   * once.
   *
   * @param fn - Returns the effect for an item and its index. Called when the effect starts.
   * @throws InvalidArgumentError naming what is refused.
   * @example
   * ```ts
   * const pages = await Effect.forEach(urls, (url) => load(url), { concurrency: 4 }).run()
   * ```
   */
  static forEach<T, E, A>(
    items: Iterable<T>,
    fn: (item: T, index: number) => Effect<E, A>,
    options?: ForEachOptions,
  ): Effect<E, A[]> {
    const all = [...iterable('items', items)]
    callable('fn', fn)
    const settings = checkOptions('options', options)
    known('options', settings, ['concurrency'])
    const { concurrency = 1 } = settings
    if (concurrency !== Infinity) integer('options.concurrency', 1, Number.MAX_SAFE_INTEGER, concurrency)
    const effectAt = (index: number): Op =>
      new Op(ENTER, undefined, () => assertEffect('forEach', fn(all[index] as T, index)), undefined)
    return new Effect(SUSPEND, undefined, allOf(all.length, effectAt, concurrency), undefined)
  }

  /** Yields the effect itself, for `yield*` in a function of {@link Effect.gen}. */
  *[Symbol.iterator](): Generator<Effect<E, A>, A, unknown> {
    return (yield this) as A
  }

  /**
   * Runs it and resolves with its outcome as a value. Called inside another effect, it runs as that effect's child.
   *
   * @throws InvalidArgumentError (rejecting) for refused options; it never rejects otherwise.
   * @example
   * ```ts
   * const result = await fetchUser(1).timeout(500).unsafeRunPromise({ signal: request.signal })
   * if (result._tag === 'Err') console.error(result.error)
   * ```
   */
  unsafeRunPromise(options?: RunGiven): Promise<Result<E | Interrupted, A>> {
    return runOp(this, optionsOf(options), resultOf) as Promise<Result<E | Interrupted, A>>
  }

  /**
   * Runs it and resolves with its value. Called inside another effect, it runs as that effect's child.
   *
   * @throws TimeoutError, InterruptedError, the error itself when it is an `Error`, or else EffectFailedError
   *   (rejecting).
   */
  run(options?: RunGiven): Promise<A> {
    return runOp(this, optionsOf(options), valueOrThrow) as Promise<A>
  }

  /** Returns an effect with the value that `f` returns. What `f` throws becomes the error. */
  map<B>(f: (value: A) => B): Effect<E, B> {
    return new Effect(MAP, this, callable('f', f), this.emit)
  }

  /** Returns an effect that continues with the effect that `f` returns for the value. */
  flatMap<E2, B>(f: (value: A) => Effect<E2, B>): Effect<E | E2, B> {
    return new Effect(FLAT_MAP, this, callable('f', f), this.emit)
  }

  /**
   * Returns an effect that continues after a failure with the effect that `handler` returns. An interrupt is no
   * failure.
   */
  catch<E2, B>(handler: (error: E) => Effect<E2, B>): Effect<E2, A | B> {
    return new Effect(CATCH, this, callable('handler', handler), this.emit)
  }

  /**
   * Returns an effect that continues after a failure whose `_tag` is `tag` with the effect that `handler` returns. Other
   * failures stay.
   *
   * @throws InvalidArgumentError naming what is refused.
   * @example
   * ```ts
   * load.timeout(500).catchTag('Timeout', () => succeed(cached))
   * ```
   */
  catchTag<E1, A1, T extends TagOf<E1>, E2, B>(
    // A tag that depended on the class's own E would keep an effect from being one with more errors.
    this: Effect<E1, A1>,
    tag: T,
    handler: (error: TaggedWith<E1, T>) => Effect<E2, B>,
  ): Effect<Exclude<E1, TaggedFailure<T>> | E2, A1 | B> {
    text('tag', tag)
    callable('handler', handler)
    const handle = (error: unknown): Op =>
      typeof error === 'object' && error !== null && tagOf(error) === tag
        ? assertEffect('catchTag', handler(error as TaggedWith<E1, T>))
        : new Op(FAIL, undefined, error, undefined)
    return new Effect(CATCH, this, handle, this.emit)
  }

  /**
   * Returns an effect that runs this one and then the other, and succeeds with both values. `all` runs them at once.
   *
   * @throws InvalidArgumentError when the argument is no effect.
   */
  zip<E2, B>(other: Effect<E2, B>): Effect<E | E2, [A, B]> {
    if (!isOp(other)) throw new InvalidArgumentError('other', 'an effect', other)
    return this.flatMap((value) => other.map((second): [A, B] => [value, second]))
  }

  /**
   * Returns an effect that is interrupted after `ms` milliseconds (0 or more). It then fails with a {@link Timeout},
   * once its finalisers have run. Leaves no timer behind. The policy `timeout()` does not wait for its task.
   */
  timeout(ms: number): Effect<E | Timeout, A> {
    return new Effect(SUSPEND, undefined, withTimeout(this, nonNegativeMillis('ms', ms), this.emit), this.emit)
  }

  /** Returns an effect whose context has one more value. The key `clock` with a clock runs it on that clock. */
  withContext(key: string, value: unknown): Effect<E, A> {
    const part = isClock(key, value) ? new Op(SUSPEND, undefined, withClock(this, value), undefined) : this
    return new Effect(ENTER, undefined, withContextValue(part, key, value), this.emit)
  }

  /**
   * Returns an effect that starts it as a child fibre and continues at once. The child is interrupted when its parent
   * ends. If the {@link Fiber}, or a list with it, is the parent's result, the child moves to the fibre that gets the
   * result.
   */
  fork(): Effect<never, Fiber<E, A>> {
    const site = siteNow()
    return new Effect(SYNC, undefined, (core: FiberCore) => new Fiber(core.spawn(this, FORK, site)), this.emit)
  }

  /**
   * Returns an effect that starts it as a fibre of the system, and continues at once. It is interrupted when the system
   * closes.
   */
  forkDaemon(): Effect<never, Fiber<E, A>> {
    const site = siteNow()
    return new Effect(SYNC, undefined, (core: FiberCore) => new Fiber(core.spawnDaemon(this, site)), this.emit)
  }

  /**
   * Returns an effect that calls `cleanup` when it is interrupted. The interrupt waits for the cleanup: for a promise,
   * and for an effect, which is run.
   */
  onInterrupt(cleanup: () => unknown): Effect<E, A> {
    return new Effect(ENTER, undefined, withCleanup(this, callable('cleanup', cleanup)), this.emit)
  }

  /**
   * Returns an effect that runs again after failures, with growing pauses. See {@link RetryPolicy} for how it differs
   * from the policy `retry()`.
   *
   * @throws InvalidArgumentError naming what is refused.
   * @example
   * ```ts
   * load.retry({ maxAttempts: 5, baseDelayMs: 100, maxDelayMs: 2000, jitter: 20 })
   * ```
   */
  retry(policy: RetryPolicy<E>): Effect<E, A> {
    return new Effect(ENTER, undefined, retryEffect(this, policy as RetryPolicy, this.emit), this.emit)
  }

  /**
   * Returns an effect that runs again after each success: `policy` times in all, or by a policy. Succeeds with the last
   * value.
   *
   * @throws InvalidArgumentError naming what is refused.
   */
  repeat(policy: RepeatPolicy<A> | number): Effect<E, A> {
    return new Effect(ENTER, undefined, repeatEffect(this, policy as RepeatPolicy | number), this.emit)
  }

  /**
   * Returns an effect that runs at a fixed rate. Succeeds with the last value; a failure ends it.
   *
   * @throws InvalidArgumentError naming what is refused.
   */
  schedule(policy: SchedulePolicy<A>): Effect<E, A> {
    return new Effect(ENTER, undefined, scheduleEffect(this, policy as SchedulePolicy), this.emit)
  }

  /**
   * Returns an effect that runs under a policy, or under a stack of policies: each attempt is a child fibre. It ends as
   * the policy decides, once all attempts have ended. A rejection by the policy is a failure with its error. An
   * interrupt aborts the call.
   *
   * @throws InvalidArgumentError when the argument is no policy.
   * @example
   * ```ts
   * const guarded = load.withPolicy(wrap(retry({ budget }), breaker, timeout(500)))
   * ```
   */
  withPolicy(policy: ForeignPolicy): Effect<E | Error, A> {
    const { tag, source, arg } = underPolicy(this, policy)
    return new Effect(tag, source, arg, this.emit)
  }
}

/** A handle on a running effect. Created by {@link Effect.fork} and {@link Effect.forkDaemon}. */
export class Fiber<E, A> {
  readonly #core: FiberCore

  /** @internal */
  constructor(core: FiberCore) {
    this.#core = core
  }

  /** @internal */
  get [CORE](): FiberCore {
    return this.#core
  }

  /** Identifies it in reports. */
  get id(): string {
    return this.#core.id
  }

  /**
   * Returns an effect that waits for its end, with its finalisers, and ends as it did. If it was interrupted, fails
   * with `{ _tag: 'Interrupted' }`.
   */
  join(): Effect<E | Interrupted, A> {
    return new Effect(SUSPEND, undefined, joinFiber(this.#core), undefined)
  }

  /** Returns an effect that interrupts it and waits for its end, with its finalisers. */
  interrupt(reason?: unknown): Effect<never, void> {
    return new Effect(SUSPEND, undefined, interruptFiber(this.#core, reason), undefined)
  }

  /** Returns an effect of its outcome, `undefined` while it runs. */
  poll(): Effect<never, Result<E | Interrupted, A> | undefined> {
    return new Effect(SYNC, undefined, () => poll(this.#core), undefined)
  }
}

function poll(core: FiberCore): Result<unknown, unknown> | undefined {
  if (!core.done) return undefined
  core.joined = true
  return resultOf(core)
}

function isClock(key: string, value: unknown): value is Clock {
  const clock = value as Partial<Clock> | null
  return text('key', key) === 'clock' && typeof clock?.schedule === 'function' && typeof clock.monoMs === 'function'
}

/** Turns the compatible forms of {@link RunGiven} into options. */
function optionsOf(input: RunGiven | undefined): EffectRunOptions | undefined {
  if (
    typeof input !== 'object' ||
    input === null ||
    types.isProxy(input) ||
    FiberEnv.fiberOf(input) !== undefined ||
    typeof fieldOf(input, 'get') !== 'function' ||
    !('values' in input)
  ) {
    return input as EffectRunOptions | undefined
  }
  const clock = input.get('clock')
  return isClock('clock', clock) ? { context: input, clock } : { context: input }
}

keepOptimized(new Effect(FAIL, undefined, undefined, undefined), new Fiber({} as FiberCore))
