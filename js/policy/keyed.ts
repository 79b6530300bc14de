/** A registry of policies by key. */
import { InvalidArgumentError } from '../errors/errors.ts'
import { callable, isA, integer, known, options as checkOptions } from '../internal/validate.ts'
import { getDefaultSystem } from '../system/default.ts'
import { type FetchInit, type FetchInput, fetchThrough, type PolicyFetchOptions } from './fetch.ts'
import type { AbortScope } from './pipeline/abort-scope.ts'
import { BasePolicy } from './pipeline/base-policy.ts'
import { execute, type Layer, type PolicyCall, type Sink } from './pipeline/call.ts'
import type { ExecuteOptions, ForeignPolicy, PolicyTask } from './pipeline/types.ts'
import { layersOf, Stack } from './wrap.ts'

/** Options of {@link keyed}. */
export interface KeyedOptions {
  /**
   * The most keys that are kept: an integer from 1. Beyond it, the least recently used key without work in flight is
   * forgotten with its policy. Keys with work in flight are kept, also when there are more of them. Default 1000.
   */
  readonly maxKeys?: number
}

/** The `stats` of a policy; `undefined` for one that has none. */
export type StatsOf<P> = P extends { readonly stats: infer S } ? S : undefined

const MAX_KEYS = 1000
const MOST_KEYS = 2 ** 23

/** One policy per key, created at first use. Created by {@link keyed}. */
export class Keyed<K, P extends ForeignPolicy> {
  /** The most keys that are kept while they have no work in flight. */
  readonly maxKeys: number
  readonly #create: (key: K) => P
  readonly #entries = new Map<K, KeyedEntry<K, P>>()
  /** The entries without work in flight, the least recently used first. */
  readonly #idle = new Map<K, KeyedEntry<K, P>>()
  readonly #creating = new Set<K>()

  /** @internal */
  constructor(create: (key: K) => P, maxKeys: number) {
    this.#create = create
    this.maxKeys = maxKeys
  }

  /** The number of keys. */
  get size(): number {
    return this.#entries.size
  }

  /** The `stats` of each policy, by key. */
  get stats(): ReadonlyMap<K, StatsOf<P>> {
    const stats = [...this.#entries].map(([key, { policy }]) => [key, (policy as { stats?: unknown }).stats] as const)
    return new Map(stats) as ReadonlyMap<K, StatsOf<P>>
  }

  /** Returns the keys, in the order in which their policies were created. */
  keys(): K[] {
    return [...this.#entries.keys()]
  }

  /** Returns whether a key has a policy. Counts as no use. */
  has(key: K): boolean {
    return this.#entries.has(key)
  }

  /**
   * Returns the policy of a key, and creates it if there is none. Counts as a use. Work that you run on it counts as in
   * flight; on a policy of another library only {@link execute} and {@link fetch} do.
   *
   * @throws InvalidArgumentError when the function returned no policy. Throws what the function throws.
   */
  get(key: K): P {
    return this.#entryOf(key).policy
  }

  /**
   * Runs a task under the policy of a key.
   *
   * @throws InvalidArgumentError (rejecting) for a refused task or option; nothing was run.
   */
  async execute<T>(key: K, task: PolicyTask<T>, options?: ExecuteOptions): Promise<T> {
    const { layers, system } = this.#entryOf(key)
    return execute(layers, system, task, options)
  }

  /** Calls `fetch` under the policy of a key. See `fetch` of a policy. */
  async fetch(key: K, input: FetchInput, init?: FetchInit, options?: PolicyFetchOptions): Promise<Response> {
    const { layers, system } = this.#entryOf(key)
    return fetchThrough(layers, system, input, init, options)
  }

  /**
   * Forgets a key and its policy. Work in flight goes on under that policy; the next use of the key creates another.
   * Returns whether there was one.
   */
  delete(key: K): boolean {
    this.#idle.delete(key)
    return this.#entries.delete(key)
  }

  /** @internal The entry has work in flight. */
  busy(entry: KeyedEntry<K, P>): void {
    if (this.#entries.get(entry.key) === entry) this.#idle.delete(entry.key)
  }

  /** @internal The entry's last work in flight has ended. */
  idle(entry: KeyedEntry<K, P>): void {
    if (this.#entries.get(entry.key) !== entry) return
    this.#idle.set(entry.key, entry)
    this.#trim()
  }

  #entryOf(key: K): KeyedEntry<K, P> {
    let entry = this.#entries.get(key)
    if (entry === undefined) entry = this.#add(key)
    else if (this.#idle.delete(key)) this.#idle.set(key, entry)
    return entry
  }

  #add(key: K): KeyedEntry<K, P> {
    if (this.#creating.has(key)) {
      throw new InvalidArgumentError('create', 'a function that does not ask for its own key', key)
    }
    this.#creating.add(key)
    let entry: KeyedEntry<K, P>
    try {
      entry = new KeyedEntry(this, key, this.#create(key))
    } finally {
      this.#creating.delete(key)
    }
    this.#entries.set(key, entry)
    this.#idle.set(key, entry)
    this.#trim(entry)
    return entry
  }

  /** Forgets idle entries beyond the limit, the least recently used first. */
  #trim(spared?: KeyedEntry<K, P>): void {
    for (const [key, entry] of this.#idle) {
      if (this.#entries.size <= this.maxKeys) return
      if (entry === spared) continue
      this.#idle.delete(key)
      this.#entries.delete(key)
    }
  }
}

/** The policy of one key, and the layer in front of it that counts work in flight. */
class KeyedEntry<K, P extends ForeignPolicy> implements Layer {
  readonly key: K
  readonly policy: P
  readonly layers: readonly Layer[]
  readonly system: BasePolicy<object>['system']
  readonly #registry: Keyed<K, P>
  #inFlight = 0

  constructor(registry: Keyed<K, P>, key: K, policy: P) {
    this.#registry = registry
    this.key = key
    this.policy = policy
    this.layers = [this, ...layersOf('the policy that create returns', policy)]
    const own = this.layers.find((layer) => isA(layer, BasePolicy)) as BasePolicy<object> | undefined
    this.system = own?.system ?? getDefaultSystem()
    if (isA(policy, BasePolicy) || isA(policy, Stack)) policy.addFront(this)
  }

  enter(call: PolicyCall, next: number, scope: AbortScope, attempt: number, sink: Sink): void {
    if (++this.#inFlight === 1) this.#registry.busy(this)
    call.start(next, scope, attempt, {
      succeeded: (value) => {
        this.#ended()
        sink.succeeded(value)
      },
      failed: (error) => {
        this.#ended()
        sink.failed(error)
      },
    })
  }

  #ended(): void {
    if (--this.#inFlight === 0) this.#registry.idle(this)
  }
}

/**
 * Creates a registry of policies by key: a circuit breaker per host, a bulkhead per tenant. The function creates the
 * policy of a key at its first use. The registry is bounded: see {@link KeyedOptions.maxKeys}.
 *
 * @param create - Returns the policy of a key: one of its own, or one that several keys share.
 * @throws InvalidArgumentError naming what is refused.
 * @example
 * ```ts
 * const breakers = keyed((host: string) => circuitBreaker({ name: host }), { maxKeys: 500 })
 * const response = await breakers.fetch(url.host, url)
 * if (breakers.get('db-1').state === 'open') console.log(breakers.stats)
 * ```
 */
export function keyed<P extends ForeignPolicy, K = string>(create: (key: K) => P, options?: KeyedOptions): Keyed<K, P> {
  callable('create', create)
  const settings = checkOptions('options', options)
  known('options', settings, ['maxKeys'])
  const { maxKeys = MAX_KEYS } = settings
  return new Keyed(create, integer('options.maxKeys', 1, MOST_KEYS, maxKeys))
}
