/** Checks at the edge: a refused value becomes an {@link InvalidArgumentError} that names the field. */
import { InvalidArgumentError } from './errors.ts'

/** The longest duration: what a `Date` can hold, about 273 000 years. */
export const MAX_DURATION_MS = 8.64e15

/** A finite number; anything else is refused. */
export function finite(field: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new InvalidArgumentError(field, 'a finite number', value)
}

/** A time or duration in milliseconds, of any sign. */
export function millis(field: string, value: unknown): number {
  if (typeof value === 'number' && value >= -MAX_DURATION_MS && value <= MAX_DURATION_MS) return value
  throw new InvalidArgumentError(field, 'a finite number of milliseconds', value)
}

/** A duration above zero. */
export function positiveMillis(field: string, value: unknown): number {
  if (typeof value === 'number' && value > 0 && value <= MAX_DURATION_MS) return value
  throw new InvalidArgumentError(field, 'a positive, finite number of milliseconds', value)
}

/** An integer within bounds. */
export function integer(field: string, min: number, max: number, value: unknown): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number
  throw new InvalidArgumentError(field, `an integer from ${min} to ${max}`, value)
}

/** A function. */
export function callable<F extends (...args: never[]) => unknown>(field: string, value: unknown): F {
  if (typeof value === 'function') return value as F
  throw new InvalidArgumentError(field, 'a function', value)
}

/** A function or nothing. */
export function optionalCallable<F extends (...args: never[]) => unknown>(
  field: string,
  value: unknown,
): F | undefined {
  return value === undefined ? undefined : callable<F>(field, value)
}

const isWellFormed = (value: string): boolean => (value as string & { isWellFormed(): boolean }).isWellFormed()

/** A string that is not empty, and Unicode. */
export function text(field: string, value: unknown): string {
  // A lone surrogate would become another character in the core, and two names one.
  if (typeof value === 'string' && value !== '' && isWellFormed(value)) return value
  throw new InvalidArgumentError(field, 'a non-empty string of whole characters', value)
}

/** An options object, or nothing for the defaults. */
export function options<T extends object>(field: string, value: T | undefined): T {
  if (value === undefined) return {} as T
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new InvalidArgumentError(field, 'an object', value)
}

/** Refuses option names that do not exist, so that a misspelt one is not silently a default. */
export function known(field: string, value: object, names: readonly string[]): void {
  for (const name of Object.keys(value)) {
    if (!names.includes(name)) {
      throw new InvalidArgumentError(`${field}.${name}`, `one of the known options (${names.join(', ')})`, name)
    }
  }
}

/** A boolean, or a default. */
export function flag(field: string, fallback: boolean, value: unknown): boolean {
  if (value === undefined) return fallback
  if (typeof value === 'boolean') return value
  throw new InvalidArgumentError(field, 'true or false', value)
}

/** An AbortSignal, or nothing. */
export function abortSignal(field: string, value: unknown): AbortSignal | undefined {
  if (value === undefined || value === null) return undefined
  const signal = value as AbortSignal
  if (typeof signal.aborted === 'boolean' && typeof signal.addEventListener === 'function') return signal
  throw new InvalidArgumentError(field, 'an AbortSignal', value)
}
