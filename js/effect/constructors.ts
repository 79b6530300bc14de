/** The functions that create effects, such as `effect`, `sleep` and `all`. */
import { InvalidArgumentError } from '../errors/errors.ts'
import { promiseOf } from '../internal/thenable.ts'
import { callable, integer, isList, known, optionalCallable, options as checkOptions } from '../internal/validate.ts'
import { Effect } from './effect.ts'
import type { EffectEmit } from './events.ts'
import type { EffectEnv } from './fiber/body.ts'
import type { Cause } from './fiber/finalizers.ts'
import { BODY, FAIL, isOp, type Op, RAW_BODY, SUCCEED, SUSPEND } from './fiber/op.ts'
import { siteNow } from './fiber/tracing.ts'
import { allOf, firstOf } from './operators/all-race.ts'
import { acquireRelease, asChild, dispose } from './operators/resources.ts'
import { nonNegativeMillis } from './operators/retry-repeat.ts'
import { sleepFor } from './operators/waits.ts'
import type { Result } from './result.ts'

/** Options of {@link effect}, `succeed`, `fail`, `all` and `race`. */
export interface EffectOptions {
  /** Receives the events of the effect. Effects that its methods return inherit it. Default: none. */
  readonly emit?: EffectEmit
}

/**
 * Creates an effect from a function that returns a value, a `Result`, or a promise of one. A `Result` decides the
 * outcome; any other value is the value. What the function throws is the error.
 *
 * @throws InvalidArgumentError naming what is refused.
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

function checkedOptions<T extends object>(options: T | undefined, names: readonly string[]): T {
  const checked = checkOptions('options', options)
  known('options', checked, names)
  return checked
}

/** Returns the option `emit`, after checking the options. */
function emitOf(options: EffectOptions | undefined): EffectEmit | undefined {
  if (options === undefined) return undefined
  const { emit } = checkedOptions(options, ['emit'])
  return optionalCallable('options.emit', emit)
}

/** Creates an effect that succeeds with a value. */
export const succeed = <A>(value: A, options?: EffectOptions): Effect<never, A> =>
  new Effect(SUCCEED, undefined, value, emitOf(options))

/** Creates an effect that fails with an error. */
export const fail = <E>(error: E, options?: EffectOptions): Effect<E, never> =>
  new Effect(FAIL, undefined, error, emitOf(options))

/**
 * Creates an effect that waits for a promise, or for the promise that a function returns at each run.
 *
 * @throws InvalidArgumentError for any other argument.
 */
export function fromPromise<A>(promise: PromiseLike<A> | ((env: EffectEnv) => PromiseLike<A>)): Effect<unknown, A> {
  if (typeof promise === 'function') return new Effect(RAW_BODY, undefined, promise, undefined)
  // `then` is read once and called once, however often the effect is run.
  const adopted = promiseOf(promise)
  if (adopted === undefined) {
    throw new InvalidArgumentError('promise', 'a promise, or a function that makes one', promise)
  }
  // The effect owns the rejection: its runs fail with it, perhaps much later, so it must not count as unhandled.
  void adopted.then(undefined, () => {})
  return new Effect(RAW_BODY, undefined, () => adopted, undefined)
}

/**
 * Creates an effect that waits for a time.
 *
 * @param ms - Milliseconds from 0. 0 waits for a turn of the event loop.
 */
export function sleep(ms: number): Effect<never, void> {
  return new Effect(SUSPEND, undefined, sleepFor(nonNegativeMillis('ms', ms), siteNow()), undefined)
}

type Effects = readonly Effect<unknown, unknown>[]
type ErrorOf<T> = T extends Effect<infer E, unknown> ? E : never
type ValueOf<T> = T extends Effect<unknown, infer A> ? A : never

/** Options of {@link all}. */
export interface AllOptions extends EffectOptions {
  /** The most effects that run at a time: an integer from 1, or `Infinity`. Default `Infinity`. */
  readonly concurrency?: number
}

/**
 * Creates an effect that runs all effects at once and succeeds with their values, in order. The first failure
 * interrupts the others, and is the error.
 *
 * @throws InvalidArgumentError naming what is refused.
 */
export function all<const T extends Effects>(
  effects: T,
  options?: AllOptions,
): Effect<ErrorOf<T[number]>, { -readonly [K in keyof T]: ValueOf<T[K]> }> {
  const { concurrency = Infinity, emit } = checkedOptions(options, ['concurrency', 'emit'])
  if (concurrency !== Infinity) integer('options.concurrency', 1, Number.MAX_SAFE_INTEGER, concurrency)
  const emitter = optionalCallable<EffectEmit>('options.emit', emit)
  const ops = effectList('effects', effects)
  return new Effect(
    SUSPEND,
    undefined,
    allOf(ops.length, (index) => ops[index] as Op, concurrency),
    emitter,
  )
}

/**
 * Creates an effect that ends as the first of its effects does, with success or failure. It interrupts the others, and
 * waits for their finalisers.
 *
 * @throws InvalidArgumentError for an empty list.
 */
export function race<const T extends Effects>(
  effects: T,
  options?: EffectOptions,
): Effect<ErrorOf<T[number]>, ValueOf<T[number]>> {
  const ops = effectList('effects', effects)
  if (ops.length === 0) throw new InvalidArgumentError('effects', 'a non-empty list', effects)
  return new Effect(SUSPEND, undefined, firstOf(ops), emitOf(options))
}

/**
 * Creates an effect that acquires a resource, uses it, and releases it. The acquisition is not interrupted. The release
 * runs exactly once, when everything that `use` started has ended, and gets how `use` ended. Without `release`, the
 * resource's own `Symbol.asyncDispose` or `Symbol.dispose` is called.
 *
 * @throws InvalidArgumentError naming the argument that is refused.
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
    release === undefined ? dispose : callable<(resource: never, cause: Cause) => unknown>('release', release)
  const op = acquireRelease(acquire, use as (resource: unknown) => unknown, releasing as (resource: unknown) => unknown)
  return new Effect(SUSPEND, undefined, asChild(op, 'a resource', siteNow()), acquire.emit)
}

/** Returns whether a value is an effect, from whichever copy of the package. */
export const isEffect = (value: unknown): value is Effect<unknown, unknown> => isOp(value)

function effectList(field: string, effects: unknown): Op[] {
  if (!isList(effects)) throw new InvalidArgumentError(field, 'a list of effects', effects)
  for (const [index, item] of effects.entries()) {
    if (!isOp(item)) throw new InvalidArgumentError(`${field}[${index}]`, 'an effect', item)
  }
  return [...(effects as Op[])]
}
