import { Effect } from '../effect.ts'
import { ENTER, ERR, type FiberExitKind, OK, SYNC } from '../fiber/op.ts'
import { err, ok, type Result } from '../result.ts'
import { keep, obtain, type FiberWaiter, FiberWaitList } from './wait-list.ts'

/**
 * A value that one effect provides later and any number of others wait for. It is completed once. Created by
 * {@link Deferred.make}.
 */
export class Deferred<E, A> {
  #result: Result<E, A> | undefined
  readonly #waiters: FiberWaitList<undefined, A> = new FiberWaitList()

  private constructor() {}

  /**
   * Creates a deferred value, not completed.
   *
   * @example
   * ```ts
   * const ready = Deferred.make<Error, Connection>()
   * await all([ready.await().map(use), connect.flatMap((db) => ready.succeed(db))]).run()
   * ```
   */
  static make<E = never, A = unknown>(): Deferred<E, A> {
    return new Deferred()
  }

  /** Returns an effect that waits for the completion, and ends as it says. An interrupt ends the wait alone. */
  await(): Effect<E, A> {
    const begin = (waiter: FiberWaiter<undefined, A>): void => {
      if (this.#result === undefined) this.#waiters.add(waiter, 'a deferred value')
      else settle(waiter, this.#result)
    }
    return new Effect(ENTER, undefined, obtain<undefined, A>(undefined, begin, keep), undefined)
  }

  /** Returns an effect that completes it with a value. Succeeds with false if it was completed before. */
  succeed(value: A): Effect<never, boolean> {
    return new Effect(SYNC, undefined, () => this.#complete(ok(value)), undefined)
  }

  /** Returns an effect that completes it with an error. Succeeds with false if it was completed before. */
  fail(error: E): Effect<never, boolean> {
    return new Effect(SYNC, undefined, () => this.#complete(err(error)), undefined)
  }

  /** Returns an effect of its result, `undefined` until it is completed. */
  poll(): Effect<never, Result<E, A> | undefined> {
    return new Effect(SYNC, undefined, () => this.#result, undefined)
  }

  #complete(result: Result<E, A>): boolean {
    if (this.#result !== undefined) return false
    this.#result = result
    for (const waiter of this.#waiters.shiftAll()) settle(waiter, result)
    return true
  }
}

function settle<E, A>({ fiber, epoch }: FiberWaiter<undefined, A>, result: Result<E, A>): void {
  const kind: FiberExitKind = result._tag === 'Ok' ? OK : ERR
  fiber.resume(epoch, kind, result._tag === 'Ok' ? result.value : result.error)
}
