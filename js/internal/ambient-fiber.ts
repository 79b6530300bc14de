/** The fibre around the caller: a run inside an effect, also after an `await`, becomes a child of that effect. */
import { AsyncLocalStorage } from 'node:async_hooks'

/** The function of an effect, and whether it has ended. */
interface AmbientBody<F> {
  readonly fiber: F
  readonly isOver: boolean
}

const storage = new AsyncLocalStorage<AmbientBody<unknown> | undefined>()

/** Calls a function so that {@link ambientFiber} finds the fibre of `body` from everything it calls. */
export const runInBody = <F, A, R>(body: AmbientBody<F>, fn: (arg: A) => R, arg: A): R =>
  storage.run(body as AmbientBody<unknown>, fn, arg)

/** Returns the fibre whose function the caller runs in, until that function has ended. */
export function ambientFiber(): unknown {
  const body = storage.getStore()
  return body === undefined || body.isOver ? undefined : body.fiber
}

/** Calls a function outside of the effect that the caller runs in, for work that outlives the effect. */
export const outsideEffects = <R>(begin: () => R): R =>
  storage.getStore() === undefined ? begin() : storage.run(undefined, begin)
