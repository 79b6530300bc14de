/** Failures as values, for tests that look at them. */
type Any = any // oxlint-disable-line typescript/no-explicit-any -- an error may be anything, and tests look into it

/** Resolves with what `promise` rejects with, or with `{ resolved: value }`. */
export const rejection = (promise: Promise<unknown>): Promise<Any> =>
  promise.then(
    (value) => ({ resolved: value }),
    (error: unknown) => error,
  )

/** Returns what `attempt` throws, or `{ returned: value }`. */
export const thrown = (attempt: () => unknown): unknown => {
  try {
    return { returned: attempt() }
  } catch (error) {
    return error
  }
}
