import { integer, known, list, object, options as checkOptions, text } from '../../internal/validate.ts'
import { assertClock } from '../../system/system.ts'
import type { Clock } from '../../clock/types.ts'
import { getDefaultSystem } from '../../system/default.ts'
import type { Answer, Offer, SharedState, StateProvider } from './types.ts'

/** Options of {@link InMemoryProvider}. */
export interface InMemoryProviderOptions {
  /** Routes kept; beyond it the one that was written longest ago is forgotten. Default 10 000. */
  readonly maxRoutes?: number
  /** Whose time tells how old a state is. Default: the default system's. */
  readonly clock?: Clock
}

interface Stored {
  readonly tick: number
  readonly at: number
  readonly state: SharedState
}

/** Shares routes' state among the engines of one process: what is given to one is given to all. */
export class InMemoryProvider implements StateProvider {
  readonly name = 'memory'
  readonly maxBatch = 4096
  readonly #maxRoutes: number
  readonly #clock: Clock
  /** In the order of their last write. */
  readonly #stored = new Map<string, Stored>()

  /** @throws InvalidArgumentError naming the option that is refused. */
  constructor(options?: InMemoryProviderOptions) {
    const given = checkOptions('options', options)
    known('options', given, ['maxRoutes', 'clock'])
    this.#maxRoutes =
      given.maxRoutes === undefined ? 10_000 : integer('options.maxRoutes', 1, 1_000_000, given.maxRoutes)
    if (given.clock !== undefined) assertClock('options.clock', given.clock)
    this.#clock = given.clock ?? getDefaultSystem().clock
  }

  /** How many routes it knows. */
  get size(): number {
    return this.#stored.size
  }

  async connect(): Promise<void> {}

  async exchange(offers: readonly Offer[]): Promise<readonly Answer[]> {
    const now = this.#clock.monoMs()
    return list('offers', offers).map((offer, index) => this.#exchange(checkOffer(`offers[${index}]`, offer), now))
  }

  reset(): void {}

  async disconnect(): Promise<void> {}

  #exchange({ route, seen, state }: Offer, now: number): Answer {
    const stored = this.#stored.get(route)
    const tick = stored?.tick ?? 0
    if (state === undefined || seen < tick) {
      return { tick, stored: stored && { state: stored.state, ageMs: Math.max(now - stored.at, 0) } }
    }
    this.#stored.delete(route)
    if (this.#stored.size >= this.#maxRoutes) this.#stored.delete(this.#stored.keys().next().value as string)
    this.#stored.set(route, { tick: tick + 1, at: now, state })
    return { tick: tick + 1, stored: undefined }
  }
}

function checkOffer(field: string, given: Offer): Offer {
  const offer = object<Offer>(field, given)
  text(`${field}.route`, offer.route)
  return offer
}
