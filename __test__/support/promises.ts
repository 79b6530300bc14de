/** Promises that a test settles or watches. */

/** Returns a promise and the functions that settle it. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/** Adds to a promise a function that returns its state. */
export function watched<T>(promise: Promise<T>): { state: () => string; promise: Promise<T> } {
  let state = 'pending'
  promise.then(
    () => (state = 'resolved'),
    () => (state = 'rejected'),
  )
  return { state: () => state, promise }
}

/** Returns a task whose promise the test settles, and how often it was begun. */
export function held<T = number>(): {
  task: () => Promise<T>
  resolve: (value: T) => void
  reject: (error: unknown) => void
  begun: () => number
} {
  let begun = 0
  let resolve: (value: T) => void = () => undefined
  let reject: (error: unknown) => void = () => undefined
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  const task = (): Promise<T> => {
    begun++
    return promise
  }
  return { task, resolve, reject, begun: () => begun }
}
