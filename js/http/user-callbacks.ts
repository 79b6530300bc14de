import { InvalidArgumentError } from '../errors/errors.ts'
import { promiseOf } from '../internal/thenable.ts'
import { asError } from '../internal/thrown-values.ts'
import type { Next } from './framework-adapter.ts'

/** Owns an error, with what it came from. */
export type Report = (error: unknown, origin: string) => void

/**
 * The checked answer of a function of the user's; `undefined`, and a report, when it fails or answers with a promise.
 * No function that a user gives breaks a request.
 */
export function askAtOnce<T>(
  origin: string,
  name: string,
  question: () => unknown,
  check: (answer: unknown) => T,
  report: Report,
): T | undefined {
  try {
    const answer = question()
    const promise = promiseOf(answer)
    if (promise === undefined) return check(answer)
    promise.catch(() => {})
    throw new InvalidArgumentError(`${name}(req)`, 'answered at once, not with a promise', answer)
  } catch (error) {
    report(error, `${origin}: ${name}`)
    return undefined
  }
}

/** The same, for a function that may answer with a promise; then so does this. */
export function ask<T>(
  origin: string,
  name: string,
  question: () => unknown,
  check: (answer: unknown) => T,
  report: Report,
): T | undefined | Promise<T | undefined> {
  const failed = (error: unknown): undefined => {
    report(error, `${origin}: ${name}`)
    return undefined
  }
  try {
    const answer = question()
    const promise = promiseOf(answer)
    return promise === undefined ? check(answer) : promise.then(check).catch(failed)
  } catch (error) {
    return failed(error)
  }
}

/** Goes on with a value, now or when it is there. */
export const after = <T, U>(value: T | Promise<T>, go: (value: T) => U | Promise<U>): U | Promise<U> =>
  value instanceof Promise ? value.then(go) : go(value)

/** Tells a function of the user's; its failure is reported. */
export function tell(origin: string, body: () => unknown, report: Report): void {
  const failed = (error: unknown): void => report(error, origin)
  try {
    promiseOf(body())?.then(undefined, failed)
  } catch (error) {
    failed(error)
  }
}

/** What frameworks take for another thing than an error: to go on, or to leave a route or a router. */
const NO_ERRORS: ReadonlySet<unknown> = new Set([undefined, null, false, 0, '', 'route', 'router'])

/** Hands what a handler throws to the framework, as an error that can be read. */
export const failing =
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
