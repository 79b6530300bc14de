/** Awaits values of the user's exactly as `await` does. */
import { types } from 'node:util'

type Then = (resolve: (value: unknown) => void, reject: (reason: unknown) => void) => unknown

const nativeThen: unknown = Promise.prototype.then

/**
 * Returns a promise of what `await value` would give, or `undefined` when `await` would give the value itself.
 *
 * The value's `then` is read once and called once, in a microtask, as `await` does. A `then` that throws when it is
 * read or called makes a rejected promise. One that settles twice is heard the first time. Native promises return as
 * they are.
 */
export function promiseOf(value: unknown): Promise<unknown> | undefined {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return undefined
  try {
    const { then } = value as { then?: unknown }
    if (typeof then !== 'function') return value instanceof Promise ? awaited(value) : undefined
    if (!types.isPromise(value) || value.constructor !== Promise) return adopt(value, then as Then)
    return then === nativeThen && !Object.hasOwn(value, 'then') ? value : awaited(value)
  } catch (error) {
    return Promise.reject(error as Error)
  }
}

/** Awaits a native promise, whose `then` the engine does not read. */
async function awaited(promise: Promise<unknown>): Promise<unknown> {
  return await promise
}

function adopt(value: object, then: Then): Promise<unknown> {
  return new Promise((resolve, reject) => {
    queueMicrotask(() => {
      try {
        Reflect.apply(then, value, [resolve, reject])
      } catch (error) {
        reject(error as Error)
      }
    })
  })
}

/** Passes the rejection of a result that nobody awaits to `failed`. Never throws. */
export function ifRejected(result: unknown, failed: (error: unknown) => void): void {
  if (result !== undefined) promiseOf(result)?.then(undefined, failed)
}
