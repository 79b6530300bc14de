/** Reads what was thrown. Anything can be thrown, so nothing here throws, whatever the value does. */
import { types } from 'node:util'

const LONGEST_TEXT = 10_000

/** Returns whether a value is an error, of whichever realm. A value that answers no question is none. */
export function isError(value: unknown): value is Error {
  try {
    return types.isNativeError(value) || value instanceof Error
  } catch {
    return false
  }
}

/** Returns the message of an error, or the text of another value, at most 10 000 characters. Never throws. */
export function textOf(thrown: unknown): string {
  return read(thrown, (value) => (isError(value) ? value.message : value))
}

/** Returns the stack of an error, or the text of another value, at most 10 000 characters. Never throws. */
export function stackOf(thrown: unknown): string {
  return read(thrown, (value) => (isError(value) ? (value.stack ?? value.message) : value))
}

/** Returns the value if it is an error, and else an error with its text and the value as `cause`. Never throws. */
export function asError(thrown: unknown): Error {
  return isError(thrown) ? thrown : new Error(textOf(thrown), { cause: thrown })
}

/**
 * Returns whether a failure of aborted work only says that it was aborted: it is the reason, has the reason as its
 * `cause`, or is an `AbortError`. Never throws.
 */
export function isAbortEcho(error: unknown, reason: unknown): boolean {
  if (error === reason) return true
  try {
    return isError(error) && (error.name === 'AbortError' || (error.cause !== undefined && error.cause === reason))
  } catch {
    return false
  }
}

function read(thrown: unknown, part: (value: unknown) => unknown): string {
  try {
    const text = String(part(thrown))
    return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text
  } catch {
    return `a value without text (${typeof thrown})`
  }
}
