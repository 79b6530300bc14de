import { whenAborted } from '../internal/abort-hub.ts'
import { keepOptimized } from '../internal/keep-optimized.ts'
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

  constructor(key: CacheKey, storing: StoreSettings) {
    this.key = key
    this.storing = storing
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

keepOptimized(new InFlightLoad('', { ttlMs: Infinity, tags: undefined }))
