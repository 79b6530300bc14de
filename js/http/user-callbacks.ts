/** Calls of functions that users pass to a middleware. None that fails breaks a request: its error is reported. */
import { InvalidArgumentError } from '../errors/errors.ts'
import { promiseOf } from '../internal/thenable.ts'
import { asError } from '../internal/thrown-values.ts'
import type { Next } from './framework-adapter.ts'

/** Reports an error, with the name of what failed. Never throws. */
export type ReportError = (error: unknown, origin: string) => void

/**
 * Returns the checked answer of a user's function. Returns `undefined`, and reports why, when the function or the check
 * throws, or the answer is a promise.
 */
export function callSync<T>(
  origin: string,
  name: string,
  callback: () => unknown,
  check: (answer: unknown) => T,
  report: ReportError,
): T | undefined {
  try {
    const answer = callback()
    const promise = promiseOf(answer)
    if (promise === undefined) return check(answer)
    promise.catch(() => {})
    throw new InvalidArgumentError(`${name}(req)`, 'answered at once, not with a promise', answer)
  } catch (error) {
    report(error, `${origin}: ${name}`)
    return undefined
  }
}

/** Does what {@link callSync} does for a function that may return a promise; then this returns one too. */
export function call<T>(
  origin: string,
  name: string,
  callback: () => unknown,
  check: (answer: unknown) => T,
  report: ReportError,
): T | undefined | Promise<T | undefined> {
  const fail = (error: unknown): undefined => {
    report(error, `${origin}: ${name}`)
    return undefined
  }
  try {
    const answer = callback()
    const promise = promiseOf(answer)
    return promise === undefined ? check(answer) : promise.then(check).catch(fail)
  } catch (error) {
    return fail(error)
  }
}

/** Goes on with a value: now, or when the promise of it resolves. */
export const chain = <T, U>(value: T | Promise<T>, proceed: (value: T) => U | Promise<U>): U | Promise<U> =>
  value instanceof Promise ? value.then(proceed) : proceed(value)

/** Values that frameworks do not take for errors: they mean to go on, or to leave a route or a router. */
const NO_ERRORS: ReadonlySet<unknown> = new Set([undefined, null, false, 0, '', 'route', 'router'])

/** Returns a function that hands what a user's handler throws to the framework, as an error that it can read. */
export const forwardError =
  (next: Next) =>
  (thrown: unknown): void =>
    next(NO_ERRORS.has(thrown) || !isReadable(thrown) ? asError(thrown) : thrown)

function isReadable(thrown: unknown): boolean {
  try {
    const { status, statusCode, headers, stack, message } = thrown as Error & { [name: string]: unknown }
    for (const part of [status, statusCode, headers, stack, message]) String(part)
    return true
  } catch {
    return false
  }
}
