/** Checks arguments and options. Each function throws an {@link InvalidArgumentError} that names the field. */
import { types } from 'node:util'
import { InvalidArgumentError } from '../errors/errors.ts'
import { nearest } from './did-you-mean.ts'

/** The longest duration, as long as a `Date` can hold: about 273 000 years. */
export const MAX_DURATION_MS = 8.64e15

/** Returns a finite number. */
export function finite(field: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new InvalidArgumentError(field, 'a finite number', value)
}

/** Returns a time or a duration in milliseconds, of any sign. */
export function millis(field: string, value: unknown): number {
  if (typeof value === 'number' && value >= -MAX_DURATION_MS && value <= MAX_DURATION_MS) return value
  throw new InvalidArgumentError(field, 'a finite number of milliseconds', value)
}

/** Returns a duration in milliseconds above zero. */
export function positiveMillis(field: string, value: unknown): number {
  if (typeof value === 'number' && value > 0 && value <= MAX_DURATION_MS) return value
  throw new InvalidArgumentError(field, 'a positive, finite number of milliseconds', value)
}

/** Returns a duration in milliseconds from zero to {@link MAX_DURATION_MS}. */
export function duration(field: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= MAX_DURATION_MS) return value
  throw new InvalidArgumentError(field, `a number of milliseconds from 0 to ${MAX_DURATION_MS}`, value)
}

/**
 * Returns how long to wait at most, from zero; `fallback` when nothing is given. `Infinity` is for ever, and so is
 * anything beyond {@link MAX_DURATION_MS}, which no clock takes: `Number.MAX_SAFE_INTEGER` is often meant so.
 */
export function timeout(field: string, fallback: number, value: unknown): number {
  if (value === undefined) return fallback
  if (typeof value === 'number' && value >= 0) return value <= MAX_DURATION_MS ? value : Infinity
  throw new InvalidArgumentError(field, 'a number of milliseconds from 0, or Infinity', value)
}

/** Returns an integer within bounds, both included. */
export function integer(field: string, min: number, max: number, value: unknown): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number
  throw new InvalidArgumentError(field, `an integer from ${min} to ${max}`, value)
}

/** Returns a function. */
export function callable<F extends (...args: never[]) => unknown>(field: string, value: unknown): F {
  if (typeof value === 'function') return value as F
  throw new InvalidArgumentError(field, 'a function', value)
}

/** Returns a function, or `undefined`. */
export function optionalCallable<F extends (...args: never[]) => unknown>(
  field: string,
  value: unknown,
): F | undefined {
  return value === undefined ? undefined : callable<F>(field, value)
}

const isWellFormed = (value: string): boolean => (value as string & { isWellFormed(): boolean }).isWellFormed()

/** Returns a string that is not empty and well-formed Unicode. */
export function text(field: string, value: unknown): string {
  // A lone surrogate would become another character in the core, and two names one.
  if (typeof value === 'string' && value !== '' && isWellFormed(value)) return value
  throw new InvalidArgumentError(field, 'a non-empty string of whole characters', value)
}

/** Returns an object that is not an array. Refuses a revoked proxy. */
export function object<T extends object = object>(field: string, value: unknown, expected: string = 'an object'): T {
  if (isObject(value)) return value as T
  throw new InvalidArgumentError(field, expected, value)
}

/** Returns whether a value is an array. A revoked proxy is none. */
export function isList<T = unknown>(value: unknown): value is T[] {
  try {
    return Array.isArray(value)
  } catch {
    return false
  }
}

/** Returns whether a value is an instance of a class. Never throws. */
export function isA<T>(value: unknown, type: abstract new (...args: never[]) => T): value is T {
  try {
    return value instanceof type
  } catch {
    return false
  }
}

/** Returns a property of any value, `undefined` where there is none. Throws what a getter throws. */
export function fieldOf(value: unknown, name: string): unknown {
  try {
    return (value as Record<string, unknown> | null | undefined)?.[name]
  } catch (error) {
    // A revoked proxy has no properties.
    if (types.isProxy(value) && error instanceof TypeError) return undefined
    throw error
  }
}

/** Returns an array. */
export function list<T>(field: string, value: readonly T[], expected: string = 'a list'): readonly T[] {
  if (isList(value)) return value
  throw new InvalidArgumentError(field, expected, value)
}

/** Returns an iterable. */
export function iterable<T>(field: string, value: Iterable<T>, expected: string = 'a list'): Iterable<T> {
  try {
    if (typeof (value as Iterable<T> | null | undefined)?.[Symbol.iterator] === 'function') return value
  } catch (error) {
    if (!types.isProxy(value)) throw error
  }
  throw new InvalidArgumentError(field, expected, value)
}

function isObject(value: unknown): value is object {
  try {
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    // A revoked proxy answers no question.
    return false
  }
}

/** Returns an options object; an empty one for `undefined`. */
export function options<T extends object>(field: string, value: T | undefined): T {
  return value === undefined ? ({} as T) : object<T>(field, value)
}

/**
 * Refuses option names that do not exist, so that a misspelt one is not silently a default. Of names that the value
 * inherits, say from a class, only those near a known one are refused: a class may have more. Symbols are no names.
 * Also refuses `system: undefined` where a system may be given: a system was meant, and the default one is another.
 */
export function known(field: string, value: object, names: readonly string[]): void {
  // Looking through an object takes a tenth of making a list of its names.
  for (const name in value) {
    if (!names.includes(name) && Object.hasOwn(value, name)) refuseName(field, 'options', name, names)
  }
  if (inherits(value)) refuseNear(field, 'options', value, names, () => true)
  if ('system' in value && value.system === undefined && names.includes('system')) refuseNoSystem(`${field}.system`)
}

/**
 * Refuses functions whose name is nearly that of a callback which is not there. Other functions are left alone: what
 * has callbacks may be an instance of a class that has more methods. What is no object is left to the check of its
 * type.
 */
export function callbacks(field: string, value: unknown, names: readonly string[]): void {
  if (!isObject(value) || names.every((name) => (value as Record<string, unknown>)[name] !== undefined)) return
  refuseNear(field, 'callbacks', value, names, (entry) => typeof entry === 'function')
}

/**
 * Refuses names of data that are nearly one which is not there. Data may have more fields, so others are left alone.
 */
export function fields(field: string, value: object, names: readonly string[]): void {
  refuseNear(field, 'fields', value, names, () => true)
}

/** Refuses `system: undefined`. */
export function refuseNoSystem(field: string): never {
  throw new InvalidArgumentError(field, 'a System, or left out for the default system', undefined)
}

/** Returns whether the value inherits from anything but the prototype of plain objects, in any realm. */
function inherits(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype !== Object.prototype && prototype !== null && Object.getPrototypeOf(prototype) !== null
}

/** Remembers suggestions by list of names: methods of a class are checked each time an instance is passed. */
const found = new WeakMap<readonly string[], Map<string, readonly string[]>>()
const MOST_WORDS = 1000

function nearTo(word: string, names: readonly string[]): readonly string[] {
  let words = found.get(names)
  if (words === undefined) found.set(names, (words = new Map<string, readonly string[]>()))
  let near = words.get(word)
  if (near === undefined) {
    near = nearest(word, names)
    if (words.size < MOST_WORDS) words.set(word, near)
  }
  return near
}

function refuseNear(
  field: string,
  kind: string,
  value: object,
  names: readonly string[],
  counts: (value: unknown) => boolean,
): void {
  for (let part: object | null = value; part !== null; part = Object.getPrototypeOf(part) as object | null) {
    // The prototype of all plain objects.
    if (part !== value && Object.getPrototypeOf(part) === null) return
    for (const name of Object.getOwnPropertyNames(part)) {
      if (names.includes(name) || name === 'constructor') continue
      const near = nearTo(name, names)
      const isMissing = near.some((suggestion) => (value as Record<string, unknown>)[suggestion] === undefined)
      if (isMissing && counts(Object.getOwnPropertyDescriptor(part, name)?.value)) refuseName(field, kind, name, names)
    }
  }
}

function refuseName(field: string, kind: string, name: string, names: readonly string[]): never {
  const expected = `one of the known ${kind} (${names.join(', ')})`
  throw new InvalidArgumentError(`${field}.${name}`, expected, name, didYouMean(name, names))
}

function didYouMean(word: string, names: readonly string[]): string {
  const suggestions = nearest(word, names).map((name) => `\`${name}\``)
  return suggestions.length === 0 ? '' : `: did you mean ${suggestions.join(' or ')}?`
}

/** Returns one of some words, such as names of events. */
export function oneOf(field: string, words: readonly string[], value: unknown): string {
  if (words.includes(value as string)) return value as string
  const hint = typeof value === 'string' ? didYouMean(value, words) : ''
  throw new InvalidArgumentError(field, `one of ${words.join(', ')}`, value, hint)
}

/** Returns a boolean, or the default. */
export function flag(field: string, fallback: boolean, value: unknown): boolean {
  if (value === undefined) return fallback
  if (typeof value === 'boolean') return value
  throw new InvalidArgumentError(field, 'true or false', value)
}

/** Returns an `AbortSignal`, or `undefined` for `undefined` and `null`. */
export function abortSignal(field: string, value: unknown): AbortSignal | undefined {
  if (value === undefined || value === null) return undefined
  const signal = value as AbortSignal
  if (typeof fieldOf(signal, 'aborted') === 'boolean' && typeof signal.addEventListener === 'function') return signal
  throw new InvalidArgumentError(field, 'an AbortSignal', value)
}
