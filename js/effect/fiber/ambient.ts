/** Who runs: what is run inside an effect, also after an `await`, is that effect's child. */
import { AsyncLocalStorage } from 'node:async_hooks'

/** A body that has not ended, or has. */
interface Inside<F> {
  readonly fiber: F
  readonly over: boolean
}

const storage = new AsyncLocalStorage<Inside<unknown> | undefined>()

/** Runs a body so that what it calls is known to come from it. */
export const runInside = <F, A, R>(inside: Inside<F>, body: (arg: A) => R, arg: A): R =>
  storage.run(inside as Inside<unknown>, body, arg)

/** The fibre whose body the caller is part of, as long as that body has not ended. */
export function bodyOf(): unknown {
  const inside = storage.getStore()
  return inside === undefined || inside.over ? undefined : inside.fiber
}

/** Begins what is no part of the effect that the caller is part of, and outlives it. */
export const outsideEffects = <R>(begin: () => R): R =>
  storage.getStore() === undefined ? begin() : storage.run(undefined, begin)
