import { whenAborted } from '../internal/abort-hub.ts'
import { keepOptimized } from '../internal/keep-optimized.ts'
import { isAbortEcho } from '../internal/thrown-values.ts'
import type { StoreSettings } from './options.ts'
import type { CacheKey } from './types.ts'

interface Waiter {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** A load of a key in flight, and the callers that wait for it (single-flight). */
export class InFlightLoad {
  readonly key: CacheKey
  readonly storing: StoreSettings
  /** True once the key was stored, deleted or invalidated meanwhile: then the loaded value is not stored. */
  isDetached = false
  /** Created for the first waiter: loads by a synchronous loader have none. */
  #waiters: Set<Waiter> | undefined
  /** The loads of the cache whose loaders have read their signal, and that run. */
  readonly #signalled: Set<InFlightLoad>
  #controller: AbortController | undefined
  #isAbandoned = false
  #abandonReason: unknown

  constructor(key: CacheKey, storing: StoreSettings, signalled: Set<InFlightLoad>) {
    this.key = key
    this.storing = storing
    this.#signalled = signalled
  }

  /** The signal for the loader: aborts when the load is abandoned. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#isAbandoned) this.#controller.abort(this.#abandonReason)
      else this.#signalled.add(this)
    }
    return this.#controller.signal
  }

  /** Gives the load up: nothing will use its result. Aborts the signal of the loader. */
  abandon(reason: unknown): void {
    if (this.#isAbandoned) return
    this.#isAbandoned = true
    this.#abandonReason = reason
    this.#signalled.delete(this)
    this.#controller?.abort(reason)
  }

  /** Gives the load up if its value will not be stored and no caller waits for it. */
  abandonIfUnused(): void {
    if (this.isDetached && !this.hasWaiters) this.abandon(new DOMException('nothing waits for the load', 'AbortError'))
  }

  /** Forgets the signal: the loader has ended. */
  loaderEnded(): void {
    if (this.#controller !== undefined) this.#signalled.delete(this)
  }

  /** Returns whether a failure of the loader only says that the load was abandoned. */
  isEcho(error: unknown): boolean {
    return this.#isAbandoned && isAbortEcho(error, this.#abandonReason)
  }

  /** Returns whether a caller waits. */
  get hasWaiters(): boolean {
    return this.#waiters !== undefined && this.#waiters.size > 0
  }

  /** Resolves or rejects with the outcome of the load; rejects when the signal aborts. */
  wait(signal: AbortSignal | undefined): Promise<unknown> {
    const waiters = (this.#waiters ??= new Set())
    return new Promise((resolve, reject) => {
      if (signal === undefined) {
        waiters.add({ resolve, reject })
        return
      }
      if (signal.aborted) throw signal.reason
      const waiter: Waiter = {
        resolve: (value) => {
          stop()
          resolve(value)
        },
        reject: (error) => {
          stop()
          reject(error)
        },
      }
      const stop = whenAborted(signal, (reason) => {
        waiters.delete(waiter)
        reject(reason)
        this.abandonIfUnused()
      })
      waiters.add(waiter)
    })
  }

  /** Hands a value to all callers. */
  resolve(value: unknown): void {
    for (const waiter of this.#waiters ?? []) waiter.resolve(value)
    this.#waiters = undefined
  }

  /** Hands an error to all callers. */
  reject(error: unknown): void {
    for (const waiter of this.#waiters ?? []) waiter.reject(error)
    this.#waiters = undefined
  }
}

keepOptimized(new InFlightLoad('', { ttlMs: Infinity, tags: undefined, isSliding: false }, new Set()))
