/** A value, or a promise of it: what a callback of a user may return. */
export type MaybePromise<T> = T | Promise<T>
