import { promiseOf } from '../internal/thenable.ts'
import type { CacheSettings } from './options.ts'
import type { CacheKey, EvictReason } from './types.ts'

interface Left {
  readonly key: CacheKey
  readonly value: unknown
  readonly reason: EvictReason
}

/** What has left a cache, and whoever wants to be told of it. */
export class Leaving {
  readonly #origin: string
  readonly #settings: Pick<CacheSettings, 'onEvict' | 'system'>
  /** Not told yet. */
  #left: Left[] = []

  constructor(id: string, settings: Pick<CacheSettings, 'onEvict' | 'system'>) {
    this.#origin = `onEvict of ${id}`
    this.#settings = settings
  }

  /** Whether anybody is told. */
  get isTold(): boolean {
    return this.#settings.onEvict !== undefined
  }

  add(key: CacheKey, value: unknown, reason: EvictReason): void {
    if (this.#settings.onEvict !== undefined) this.#left.push({ key, value, reason })
  }

  /** Tells of what has left: last, so that whoever is told may use the cache. */
  tell(): void {
    const { onEvict, system } = this.#settings
    if (this.#left.length === 0 || onEvict === undefined) return
    const left = this.#left
    this.#left = []
    const owned = (error: unknown): void => system.report(error, this.#origin)
    for (const { key, value, reason } of left) {
      try {
        const result = onEvict(key, value as never, reason)
        promiseOf(result)?.then(undefined, owned)
      } catch (error) {
        owned(error)
      }
    }
  }
}
