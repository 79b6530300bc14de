import { integer, iterable, list } from '../internal/validate.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { hot } from '../native.ts'
import type { SystemCore } from './core.ts'

/**
 * The random source of a system: the same seed gives the same draws, on every platform and in every version.
 * Not for secrets.
 */
export class Random {
  readonly #core: SystemCore

  /** @internal */
  constructor(core: SystemCore) {
    this.#core = core
  }

  /** @internal The system's handle, for parts of the core that draw for themselves. */
  get handle(): number {
    return this.#core.handle
  }

  /** Returns the next number in `[0, 1)`, as `Math.random` but from the seed. */
  next(): number {
    return hot.randomUnit(this.#core.handle)
  }

  /**
   * Returns the next integer in `0 … bound - 1`, without bias.
   *
   * @throws InvalidArgumentError unless `bound` is an integer from 1 to 2^53 - 1.
   */
  int(bound: number): number {
    return hot.randomBelow(this.#core.handle, integer('bound', 1, Number.MAX_SAFE_INTEGER, bound))
  }

  /** Returns twelve characters from `0-9a-z`, about 62 bits: enough to tell apart what one service makes. */
  id(): string {
    const half = (): string =>
      this.int(36 ** 6)
        .toString(36)
        .padStart(6, '0')
    return half() + half()
  }

  /**
   * Returns one of the items.
   *
   * @throws InvalidArgumentError for an empty list.
   */
  pick<T>(items: readonly T[]): T {
    if (list('items', items).length === 0) throw new InvalidArgumentError('items', 'a non-empty list', items)
    return items[this.int(items.length)] as T
  }

  /** Returns a shuffled copy (Fisher–Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...iterable('items', items)]
    for (let last = shuffled.length - 1; last > 0; last--) {
      const index = this.int(last + 1)
      const item = shuffled[last] as T
      shuffled[last] = shuffled[index] as T
      shuffled[index] = item
    }
    return shuffled
  }
}
