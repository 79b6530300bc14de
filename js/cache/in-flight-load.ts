import { keepOptimized } from '../internal/keep-optimized.ts'
import { whenAborted } from '../internal/abort-hub.ts'
import type { CacheKey } from './types.ts'
import type { Storing } from './options.ts'

interface Waiter {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/** A load of a key, and who waits for it. */
export class Flight {
  readonly key: CacheKey
  readonly storing: Storing
  /** Whether the key was stored, deleted or invalidated meanwhile: what is loaded is not stored then. */
  superseded = false
  /** Made for the first: most loads of a loader that is synchronous have none. */
  #waiters: Set<Waiter> | undefined

  constructor(key: CacheKey, storing: Storing) {
    this.key = key
    this.storing = storing
  }

  /** Whether anybody waits. */
  get awaited(): boolean {
    return this.#waiters !== undefined && this.#waiters.size > 0
  }

  /** Waits for the outcome, or until the signal aborts. */
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

  resolve(value: unknown): void {
    for (const waiter of this.#waiters ?? []) waiter.resolve(value)
    this.#waiters = undefined
  }

  reject(error: unknown): void {
    for (const waiter of this.#waiters ?? []) waiter.reject(error)
    this.#waiters = undefined
  }
}

keepOptimized(new Flight('', { ttlMs: Infinity, tags: undefined }))
