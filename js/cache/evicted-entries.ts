import { promiseOf } from '../internal/thenable.ts'
import type { CacheSettings } from './options.ts'
import type { CacheKey, EvictReason } from './types.ts'

/** An entry that left, before `onEvict` was called for it. */
interface EvictedEntry {
  readonly key: CacheKey
  readonly value: unknown
  readonly reason: EvictReason
}

/** Entries that left a cache, until `onEvict` is called for them. */
export class EvictedEntries {
  readonly #origin: string
  readonly #settings: Pick<CacheSettings, 'onEvict' | 'system'>
  #pending: EvictedEntry[] = []

  constructor(id: string, settings: Pick<CacheSettings, 'onEvict' | 'system'>) {
    this.#origin = `onEvict of ${id}`
    this.#settings = settings
  }

  /** Returns whether there is an `onEvict`. */
  get hasListener(): boolean {
    return this.#settings.onEvict !== undefined
  }

  /** Adds an entry that left, if there is an `onEvict`. */
  add(key: CacheKey, value: unknown, reason: EvictReason): void {
    if (this.#settings.onEvict !== undefined) this.#pending.push({ key, value, reason })
  }

  /** Calls `onEvict` for the entries added so far. Its errors go to the system. Never throws. */
  notify(): void {
    const { onEvict, system } = this.#settings
    if (this.#pending.length === 0 || onEvict === undefined) return
    const pending = this.#pending
    this.#pending = []
    const failed = (error: unknown): void => system.report(error, this.#origin)
    for (const { key, value, reason } of pending) {
      try {
        const result = onEvict(key, value as never, reason)
        promiseOf(result)?.then(undefined, failed)
      } catch (error) {
        failed(error)
      }
    }
  }
}
