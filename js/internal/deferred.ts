/** Holds a promise and the functions that settle it. */
export interface DeferredPromise<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

/** Makes a promise with its `resolve` and `reject`, as `Promise.withResolvers` does on newer versions of Node. */
export function deferred<T>(): DeferredPromise<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((resolvePromise, rejectPromise) => {
    resolve = resolvePromise
    reject = rejectPromise
  })
  return { promise, resolve, reject }
}
