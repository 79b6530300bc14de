/** Sagas: steps that are undone in reverse order when a later one fails. */
import { InvalidArgumentError } from '../errors/errors.ts'
import {
  abortSignal,
  callable,
  isList,
  known,
  object,
  optionalCallable,
  options as checkOptions,
  text,
} from '../internal/validate.ts'
import { type CompensationFailure, SagaError } from './errors.ts'

/** The argument of a step's `run`. */
export interface SagaContext {
  /** Aborts when the caller aborts the saga. A step that ends all the same counts as done, and is compensated. */
  readonly signal: AbortSignal
  /** The results of the steps before, in order. Their types are not checked. */
  readonly results: readonly unknown[]
}

/** The second argument of a step's `compensate`. */
export interface CompensationContext {
  /** The error for which the saga is undone: that of a step, or the reason of the abort. */
  readonly error: unknown
  /** The name of the step that failed. */
  readonly failedStep: string
}

/** One step of a {@link saga}. */
export interface SagaStep<T = unknown> {
  /** The name in errors. No other step has the same. */
  readonly name: string
  /** Does the step. If it fails, it must leave nothing behind: a step that failed is not compensated. */
  readonly run: (context: SagaContext) => T | PromiseLike<T>
  /**
   * Undoes the step, and gets the result of `run`. It has no signal: an abort does not stop it. Default: nothing is to
   * undo.
   */
  readonly compensate?: (result: T, context: CompensationContext) => unknown
}

/** Options of {@link saga}. */
export interface SagaOptions {
  /** Aborts the saga: no further step starts, and the steps that are done are compensated. Default: none. */
  readonly signal?: AbortSignal | undefined
}

type AnyStep = SagaStep<unknown>

const STEP = ['name', 'run', 'compensate']

/** Returns the steps, as they are now, after checking them. */
function checkedSteps(steps: unknown): AnyStep[] {
  if (!isList(steps)) throw new InvalidArgumentError('steps', 'a list of steps', steps)
  const names = new Set<string>()
  return steps.map((step, index) => {
    const field = `steps[${index}]`
    const each = object<AnyStep>(field, step, 'a step: an object with name and run')
    known(field, each, STEP)
    const name = text(`${field}.name`, each.name)
    if (names.has(name)) throw new InvalidArgumentError(`${field}.name`, 'a name that no other step has', name)
    names.add(name)
    const run = callable<AnyStep['run']>(`${field}.run`, each.run)
    const compensate = optionalCallable<NonNullable<AnyStep['compensate']>>(`${field}.compensate`, each.compensate)
    // Called as methods: a step may be an instance of a class.
    return {
      name,
      run: (context) => run.call(each, context),
      ...(compensate === undefined ? {} : { compensate: (...args) => compensate.apply(each, args) }),
    }
  })
}

/** Compensates steps, the last one first. All are tried. */
async function undo(
  done: readonly { readonly step: AnyStep; readonly result: unknown }[],
  failedStep: string,
  error: unknown,
): Promise<SagaError> {
  const compensated: string[] = []
  const failures: CompensationFailure[] = []
  for (const { step, result } of done.toReversed()) {
    if (step.compensate === undefined) continue
    try {
      await step.compensate(result, { error, failedStep })
      compensated.push(step.name)
    } catch (failure) {
      failures.push({ step: step.name, error: failure })
    }
  }
  return new SagaError(failedStep, error, compensated, failures)
}

/**
 * Runs steps one after the other. Resolves with their results, in order. When a step fails, or the signal aborts, the
 * steps that are done are compensated, the last one first. All compensations are tried, also when one of them fails.
 * Then the saga rejects with a {@link SagaError}. After an abort it waits for the running step, whose outcome counts.
 *
 * @throws InvalidArgumentError (rejecting) naming what is refused; nothing was run.
 * @throws SagaError (rejecting) naming the step that failed.
 * @example
 * ```ts
 * const [room, seat] = await saga([
 *   { name: 'room', run: () => hotel.book(trip), compensate: (room) => hotel.cancel(room.id) },
 *   { name: 'seat', run: ({ signal }) => airline.book(trip, { signal }), compensate: (seat) => airline.cancel(seat.id) },
 * ])
 * ```
 */
export function saga<A>(steps: readonly [SagaStep<A>], options?: SagaOptions): Promise<[A]>
export function saga<A, B>(steps: readonly [SagaStep<A>, SagaStep<B>], options?: SagaOptions): Promise<[A, B]>
export function saga<A, B, C>(
  steps: readonly [SagaStep<A>, SagaStep<B>, SagaStep<C>],
  options?: SagaOptions,
): Promise<[A, B, C]>
export function saga<A, B, C, D>(
  steps: readonly [SagaStep<A>, SagaStep<B>, SagaStep<C>, SagaStep<D>],
  options?: SagaOptions,
): Promise<[A, B, C, D]>
export function saga<A, B, C, D, E>(
  steps: readonly [SagaStep<A>, SagaStep<B>, SagaStep<C>, SagaStep<D>, SagaStep<E>],
  options?: SagaOptions,
): Promise<[A, B, C, D, E]>
export function saga<T>(steps: readonly SagaStep<T>[], options?: SagaOptions): Promise<T[]>
export async function saga(steps: readonly unknown[], options?: SagaOptions): Promise<unknown[]> {
  const checked = checkedSteps(steps)
  known('options', checkOptions('options', options), ['signal'])
  const signal = abortSignal('options.signal', options?.signal) ?? new AbortController().signal
  const done: { readonly step: AnyStep; readonly result: unknown }[] = []
  for (const step of checked) {
    if (signal.aborted) throw await undo(done, step.name, signal.reason)
    let result: unknown
    try {
      result = await step.run({ signal, results: done.map((one) => one.result) })
    } catch (error) {
      throw await undo(done, step.name, error)
    }
    done.push({ step, result })
  }
  const last = checked.at(-1)
  if (signal.aborted && last !== undefined) throw await undo(done, last.name, signal.reason)
  return done.map(({ result }) => result)
}
