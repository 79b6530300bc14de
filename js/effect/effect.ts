import { types } from 'node:util'
import {
  callable,
  fieldOf,
  integer,
  isList,
  known,
  optionalCallable,
  options as checkOptions,
  text,
} from '../internal/validate.ts'
import type { Clock } from '../clock/types.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { promiseOf } from '../internal/thenable.ts'
import { type EffectEnv, Env } from './fiber/body.ts'
import type { ContextImpl } from './context.ts'
import type { EffectEmit } from './events.ts'
import type { Fiber as Core } from './fiber/fiber.ts'
import type { Cause } from './fiber/finalizers.ts'
import { CORE } from './fiber/core-of.ts'
import { FORK } from './fiber/fiber-tree.ts'
import {
  BODY,
  CATCH,
  ENTER,
  FAIL,
  FLAT_MAP,
  isOp,
  MAP,
  Op,
  RAW_BODY,
  SUCCEED,
  SUSPEND,
  SYNC,
  type Tag,
} from './fiber/op.ts'
import type { Policy } from '../policy/pipeline/types.ts'
import { asChild, cleanedUp, disposeOf, onClock, resource, valued } from './operators/resources.ts'
import {
  duration,
  repeating,
  type RepeatPolicy,
  retrying,
  type RetryPolicy,
  scheduled,
  type SchedulePolicy,
} from './operators/retry-repeat.ts'
import type { Interrupted, Result, Timeout } from './result.ts'
import { type EffectRunOptions, runOp } from './run.ts'
import { resultOf, valueOrThrow } from './fiber/settle.ts'
import { timingOut } from './operators/timeout.ts'
import { allOf, firstOf } from './operators/all-race.ts'
import { siteNow } from './fiber/tracing.ts'
import { interrupting, joining, sleepFor } from './operators/waits.ts'
import { underPolicy } from './operators/with-policy.ts'

/** What a run takes: options, or what an older program hands on: the environment of an effect, or a context. */
export type RunGiven = EffectRunOptions | EffectEnv | ContextImpl

/**
 * A description of work that may wait, fail with an `E`, or make an `A`. Nothing happens until it is run, and each
 * run is new. Methods make other effects; the effect itself never changes.
 *
 * Whatever a function throws on the way becomes the error, so `E` is what is known of it.
 */
export class Effect<E, A> extends Op {
  /** @internal */
  // oxlint-disable-next-line no-useless-constructor -- a constructor that is written out is the faster one
  constructor(tag: Tag, source: Op | undefined, arg: unknown, emit: EffectEmit | undefined) {
    super(tag, source, arg, emit)
  }

  /**
   * Runs it; how it ended is a value. Inside another effect it is that effect's child. Rejects only for refused
   * options, with InvalidArgumentError.
   *
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
   * Runs it; resolves with the value.
   *
   * @throws TimeoutError, InterruptedError, the error itself when it is an `Error`, or else EffectFailedError.
   */
  run(options?: RunGiven): Promise<A> {
    return runOp(this, optionsOf(options), valueOrThrow) as Promise<A>
  }

  /** Changes the value. */
  map<B>(f: (value: A) => B): Effect<E, B> {
    return new Effect(MAP, this, callable('f', f), this.emit)
  }

  /** Goes on with the effect that `f` makes of the value. */
  flatMap<E2, B>(f: (value: A) => Effect<E2, B>): Effect<E | E2, B> {
    return new Effect(FLAT_MAP, this, callable('f', f), this.emit)
  }

  /** Goes on after a failure, also one that was thrown. An interrupt is none. */
  catch<E2, B>(handler: (error: E) => Effect<E2, B>): Effect<E2, A | B> {
    return new Effect(CATCH, this, callable('handler', handler), this.emit)
  }

  /** Fails with `{ _tag: 'Timeout' }` and interrupts it when it takes longer; waits for its finalisers. Leaves no timer. */
  timeout(ms: number): Effect<E | Timeout, A> {
    return new Effect(SUSPEND, undefined, timingOut(this, duration('ms', ms), this.emit), this.emit)
  }

  /** A value for everything in it. The key `clock` with a clock runs it on that clock. */
  withContext(key: string, value: unknown): Effect<E, A> {
    const part = isClock(key, value) ? new Op(SUSPEND, undefined, onClock(this, value), undefined) : this
    return new Effect(ENTER, undefined, valued(part, key, value), this.emit)
  }

  /**
   * Starts it beside what follows. It belongs to the fibre it is forked in and is interrupted when that ends, unless
   * the {@link Fiber}, or a list with it, is the fibre's result: then it belongs to whoever gets the result.
   */
  fork(): Effect<never, Fiber<E, A>> {
    const site = siteNow()
    return new Effect(SYNC, undefined, (core: Core) => new Fiber(core.spawn(this, FORK, site)), this.emit)
  }

  /** Starts it as a child of the system: it ends by itself, or when the system closes. */
  forkDaemon(): Effect<never, Fiber<E, A>> {
    const site = siteNow()
    return new Effect(SYNC, undefined, (core: Core) => new Fiber(core.spawnDaemon(this, site)), this.emit)
  }

  /** Cleans up when it is interrupted. The interrupt waits for that: for a promise, and for an effect, which is run. */
  onInterrupt(cleanup: () => unknown): Effect<E, A> {
    return new Effect(ENTER, undefined, cleanedUp(this, callable('cleanup', cleanup)), this.emit)
  }

  /**
   * Tries again after failures, with growing pauses.
   *
   * @throws InvalidArgumentError naming what is refused.
   * @example
   * ```ts
   * load.retry({ maxAttempts: 5, baseDelayMs: 100, maxDelayMs: 2000, jitter: 20 })
   * ```
   */
  retry(policy: RetryPolicy<E>): Effect<E, A> {
    return new Effect(ENTER, undefined, retrying(this, policy as RetryPolicy, this.emit), this.emit)
  }

  /** Runs again after each success: so many times in all, or by a policy. The last value is the result. */
  repeat(policy: RepeatPolicy<A> | number): Effect<E, A> {
    return new Effect(ENTER, undefined, repeating(this, policy as RepeatPolicy | number), this.emit)
  }

  /** Runs on a fixed cadence. The last value is the result; a failure ends it. */
  schedule(policy: SchedulePolicy<A>): Effect<E, A> {
    return new Effect(ENTER, undefined, scheduled(this, policy as SchedulePolicy), this.emit)
  }

  /**
   * Runs it as the task of a policy, or of a stack of them: a child fibre for each attempt. It ends as the policy says, when
   * all attempts have ended; what the policy refuses is a failure with its error. An interrupt gives the call up.
   *
   * @throws InvalidArgumentError for what is no policy.
   * @example
   * ```ts
   * const guarded = load.withPolicy(wrap(retry({ budget }), breaker, timeout(500)))
   * ```
   */
  withPolicy(policy: Policy): Effect<E | Error, A> {
    const { tag, source, arg } = underPolicy(this, policy)
    return new Effect(tag, source, arg, this.emit)
  }
}

/** A running effect, as whoever forked it holds it. */
export class Fiber<E, A> {
  readonly #core: Core

  /** @internal */
  constructor(core: Core) {
    this.#core = core
  }

  /** @internal */
  get [CORE](): Core {
    return this.#core
  }

  /** Names it in reports. */
  get id(): string {
    return this.#core.id
  }

  /** Waits until it has ended, finalisers included, and ends as it did; `{ _tag: 'Interrupted' }` is then a failure. */
  join(): Effect<E | Interrupted, A> {
    return new Effect(SUSPEND, undefined, joining(this.#core), undefined)
  }

  /** Interrupts it and waits until it has ended, finalisers included. */
  interrupt(reason?: unknown): Effect<never, void> {
    return new Effect(SUSPEND, undefined, interrupting(this.#core, reason), undefined)
  }

  /** How it has ended, or `undefined` as long as it has not. */
  poll(): Effect<never, Result<E | Interrupted, A> | undefined> {
    return new Effect(SYNC, undefined, () => poll(this.#core), undefined)
  }
}

function poll(core: Core): Result<unknown, unknown> | undefined {
  if (!core.done) return undefined
  core.joined = true
  return resultOf(core)
}

/** Options of {@link effect}. */
export interface EffectOptions {
  /** Told how it goes; what is made of the effect inherits it. */
  readonly emit?: EffectEmit
}

/**
 * An effect from a function, synchronous or not. What it returns is the value, unless it is a `Result`, which says
 * itself what it is; what it throws is the error.
 *
 * @example
 * ```ts
 * const user = effect(async ({ signal }) => (await fetch(url, { signal })).json())
 * ```
 */
export function effect<E = unknown, A = never>(
  fn: (env: EffectEnv) => Result<E, A> | PromiseLike<Result<E, A>>,
  options?: EffectOptions,
): Effect<E, A>
export function effect<A>(fn: (env: EffectEnv) => A | PromiseLike<A>, options?: EffectOptions): Effect<unknown, A>
export function effect(fn: (env: EffectEnv) => unknown, options?: EffectOptions): Effect<unknown, unknown> {
  return new Effect(BODY, undefined, callable('fn', fn), emitOf(options))
}

/** Who is told, if somebody is. */
function emitOf(options: EffectOptions | undefined): EffectEmit | undefined {
  if (options === undefined) return undefined
  const given = checkOptions('options', options)
  known('options', given, ['emit'])
  return optionalCallable('options.emit', given.emit)
}

/** An effect that is a value. */
export const succeed = <A>(value: A, options?: EffectOptions): Effect<never, A> =>
  new Effect(SUCCEED, undefined, value, emitOf(options))

/** An effect that is a failure. */
export const fail = <E>(error: E, options?: EffectOptions): Effect<E, never> =>
  new Effect(FAIL, undefined, error, emitOf(options))

/** An effect that waits for a promise, which is under way already, or for the one that a function makes at each run. */
export function fromPromise<A>(promise: PromiseLike<A> | ((env: EffectEnv) => PromiseLike<A>)): Effect<unknown, A> {
  if (typeof promise === 'function') return new Effect(RAW_BODY, undefined, promise, undefined)
  // Its `then` is read once and called once, however often the effect is run.
  const adopted = promiseOf(promise)
  if (adopted === undefined) {
    throw new InvalidArgumentError('promise', 'a promise, or a function that makes one', promise)
  }
  // It is this effect's now: its rejection is told to whoever runs it, perhaps later.
  void adopted.then(undefined, () => {})
  return new Effect(RAW_BODY, undefined, () => adopted, undefined)
}

/** An effect that does nothing for a while. Zero takes a turn of the event loop. */
export function sleep(ms: number): Effect<never, void> {
  return new Effect(SUSPEND, undefined, sleepFor(duration('ms', ms), siteNow()), undefined)
}

type Effects = readonly Effect<unknown, unknown>[]
type ErrorOf<T> = T extends Effect<infer E, unknown> ? E : never
type ValueOf<T> = T extends Effect<unknown, infer A> ? A : never

/** Options of {@link all}. */
export interface AllOptions extends EffectOptions {
  /** How many run at a time: an integer from 1, or `Infinity`, the default. */
  readonly concurrency?: number
}

/** All effects at once; their values in order. The first failure interrupts the others and is the error. */
export function all<const T extends Effects>(
  effects: T,
  options?: AllOptions,
): Effect<ErrorOf<T[number]>, { -readonly [K in keyof T]: ValueOf<T[K]> }> {
  const given = checkOptions('options', options)
  known('options', given, ['concurrency', 'emit'])
  const { concurrency = Infinity, emit } = given
  if (concurrency !== Infinity) integer('options.concurrency', 1, Number.MAX_SAFE_INTEGER, concurrency)
  const told = optionalCallable<EffectEmit>('options.emit', emit)
  return new Effect(SUSPEND, undefined, allOf(list('effects', effects), concurrency), told)
}

/**
 * The first effect to end, well or not. The others are interrupted, and their finalisers waited for.
 *
 * @throws InvalidArgumentError for an empty list: nobody could win.
 */
export function race<const T extends Effects>(
  effects: T,
  options?: EffectOptions,
): Effect<ErrorOf<T[number]>, ValueOf<T[number]>> {
  const ops = list('effects', effects)
  if (ops.length === 0) throw new InvalidArgumentError('effects', 'a non-empty list', effects)
  return new Effect(SUSPEND, undefined, firstOf(ops), emitOf(options))
}

/**
 * A resource for as long as it is used. The acquisition is not interrupted; the release runs exactly once, when
 * everything that `use` started has ended, and is told how `use` ended. Without `release`, the resource is disposed of
 * by its `Symbol.asyncDispose` or `Symbol.dispose`.
 *
 * @example
 * ```ts
 * acquireUseRelease(connect, (db) => query(db), (db, cause) => effect(() => db.close(cause === 'error')))
 * ```
 */
export function acquireUseRelease<E, R, E2, A>(
  acquire: Effect<E, R>,
  use: (resource: R) => Effect<E2, A>,
  release?: (resource: R, cause: Cause) => unknown,
): Effect<E | E2, A> {
  if (!isOp(acquire)) throw new InvalidArgumentError('acquire', 'an effect', acquire)
  callable('use', use)
  const releasing =
    release === undefined ? disposeOf : callable<(resource: never, cause: Cause) => unknown>('release', release)
  const op = resource(acquire, use as (resource: unknown) => unknown, releasing as (resource: unknown) => unknown)
  return new Effect(SUSPEND, undefined, asChild(op, 'a resource', siteNow()), acquire.emit)
}

/** Whether a value is an effect, from whichever copy of the package. */
export const isEffect = (value: unknown): value is Effect<unknown, unknown> => isOp(value)

function list(field: string, effects: unknown): Op[] {
  if (!isList(effects)) throw new InvalidArgumentError(field, 'a list of effects', effects)
  for (const [index, item] of effects.entries()) {
    if (!isOp(item)) throw new InvalidArgumentError(`${field}[${index}]`, 'an effect', item)
  }
  return [...(effects as Op[])]
}

function isClock(key: string, value: unknown): value is Clock {
  const clock = value as Partial<Clock> | null
  return text('key', key) === 'clock' && typeof clock?.schedule === 'function' && typeof clock.monoMs === 'function'
}

function optionsOf(given: RunGiven | undefined): EffectRunOptions | undefined {
  if (
    typeof given !== 'object' ||
    given === null ||
    types.isProxy(given) ||
    Env.fiberOf(given) !== undefined ||
    typeof fieldOf(given, 'get') !== 'function' ||
    !('values' in given)
  ) {
    return given as EffectRunOptions | undefined
  }
  const clock = given.get('clock')
  return isClock('clock', clock) ? { context: given, clock } : { context: given }
}
