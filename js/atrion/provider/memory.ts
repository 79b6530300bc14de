import type { Clock } from '../../clock/types.ts'
import { integer, known, list, object, options as checkOptions, text } from '../../internal/validate.ts'
import { getDefaultSystem } from '../../system/default.ts'
import { assertClock } from '../../system/system.ts'
import type { ProviderAnswer, ProviderOffer, SharedState, StateProvider } from './types.ts'

/** Options of {@link InMemoryProvider}. */
export interface InMemoryProviderOptions {
  /** The most routes that are kept; beyond that the one written longest ago is forgotten. Default 10 000. */
  readonly maxRoutes?: number
  /** The clock that measures the age of a state. Default: the default system's. */
  readonly clock?: Clock
}

interface StoredState {
  readonly tick: number
  readonly at: number
  readonly state: SharedState
}

/** Shares routes' state among the Atrions of one process that use the same instance. */
export class InMemoryProvider implements StateProvider {
  /** `'InMemoryProvider'`. */
  readonly name = 'InMemoryProvider'
  /** 4096 routes. */
  readonly maxBatch = 4096
  readonly #maxRoutes: number
  readonly #clock: Clock
  /** In the order of their last write. */
  readonly #stored = new Map<string, StoredState>()

  /** @throws InvalidArgumentError naming the option that is refused. */
  constructor(options?: InMemoryProviderOptions) {
    const opts = checkOptions('options', options)
    known('options', opts, ['maxRoutes', 'clock'])
    this.#maxRoutes = opts.maxRoutes === undefined ? 10_000 : integer('options.maxRoutes', 1, 1_000_000, opts.maxRoutes)
    if (opts.clock !== undefined) assertClock('options.clock', opts.clock)
    this.#clock = opts.clock ?? getDefaultSystem().clock
  }

  /** The number of routes that have a state. */
  get size(): number {
    return this.#stored.size
  }

  /** Does nothing: there is nothing to open. */
  async connect(): Promise<void> {}

  /** Writes and reads states. Resolves to one answer for each offer, in order. */
  async exchange(offers: readonly ProviderOffer[]): Promise<readonly ProviderAnswer[]> {
    const now = this.#clock.monoMs()
    return list('offers', offers).map((offer, index) => this.#exchange(checkOffer(`offers[${index}]`, offer), now))
  }

  /** Does nothing: an exchange never hangs. */
  reset(): void {}

  /** Does nothing: the states stay for other Atrions. */
  async disconnect(): Promise<void> {}

  #exchange({ route, seen, state }: ProviderOffer, now: number): ProviderAnswer {
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

function checkOffer(field: string, value: ProviderOffer): ProviderOffer {
  const offer = object<ProviderOffer>(field, value)
  text(`${field}.route`, offer.route)
  return offer
}
