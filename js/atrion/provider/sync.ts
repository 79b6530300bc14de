import { holdTime, limitOn } from '../../clock/internal-timers.ts'
import type { TimerHandle } from '../../clock/types.ts'
import { InvalidArgumentError, isDependencyMissingError } from '../../errors/errors.ts'
import { ProviderError } from '../errors.ts'
import { callOut } from '../../internal/report-error.ts'
import {
  callbacks,
  fieldOf,
  finite,
  integer,
  known,
  MAX_DURATION_MS,
  options as checkOptions,
  positiveMillis,
  text,
} from '../../internal/validate.ts'
import { hot, scratch } from '../../native.ts'
import { OWN_STATE_RESISTANCE, OWN_STATE_SCAR } from '../../protocol/admission.ts'
import { freshSeed } from '../../system/entropy.ts'
import type { System } from '../../system/system.ts'
import type { Gate } from '../gate.ts'
import type { Observers } from '../observers.ts'
import { RedisStateProvider } from './redis.ts'
import type { ProviderOffer, StateProvider, SyncOptions } from './types.ts'
import { checkedAnswer } from './wire.ts'

/** A route that was not used for this long is left out of exchanges. */
const WARM_MS = 60_000
const MAX_BACKOFF_MS = 5000
/** The tick of a route whose state this process has not seen. */
const NO_TICK = 0
const MAX_ROUTES = 1_000_000

/** A route that is shared. */
interface SharedRoute {
  /** The newest tick seen. */
  seen: number
  usedAt: number
  /** True if it was used since its last exchange. */
  dirty: boolean
  /** The scar that was last written, so that one that has not changed is not written again. */
  written: number
}

/** Checked options. */
export interface SyncSettings {
  readonly blend: number
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly maxAgeMs: number
  readonly node: string
}

/** Checks the options of the sharing. */
export function syncSettings(options: SyncOptions | undefined): SyncSettings {
  const sync = checkOptions('options.sync', options)
  known('options.sync', sync, ['blend', 'intervalMs', 'timeoutMs', 'maxAgeMs', 'node'])
  const blend = sync.blend === undefined ? 0.3 : finite('options.sync.blend', sync.blend)
  if (blend < 0 || blend > 1) throw new InvalidArgumentError('options.sync.blend', 'a number from 0 to 1', blend)
  const millis = (field: 'intervalMs' | 'timeoutMs' | 'maxAgeMs', fallback: number): number =>
    sync[field] === undefined ? fallback : positiveMillis(`options.sync.${field}`, sync[field])
  const node = sync.node === undefined ? freshSeed().toString(36) : text('options.sync.node', sync.node)
  if (node.length > 64) throw new InvalidArgumentError('options.sync.node', 'at most 64 characters', node)
  return {
    blend,
    intervalMs: millis('intervalMs', 100),
    timeoutMs: millis('timeoutMs', 1000),
    maxAgeMs: millis('maxAgeMs', 60_000),
    node,
  }
}

/** Returns a provider. Throws InvalidArgumentError for anything else. */
export function checkedProvider(provider: StateProvider): StateProvider {
  const methods = ['connect', 'exchange', 'reset', 'disconnect'] as const
  const candidate = provider as StateProvider | null
  callbacks('options.provider', candidate, methods)
  if (
    typeof candidate !== 'object' ||
    candidate === null ||
    methods.some((name) => typeof fieldOf(candidate, name) !== 'function')
  ) {
    throw new InvalidArgumentError('options.provider', `a StateProvider (with ${methods.join(', ')})`, provider)
  }
  text('options.provider.name', candidate.name)
  integer('options.provider.maxBatch', 1, MAX_ROUTES, candidate.maxBatch)
  return candidate
}

/**
 * Exchanges the state of routes with a provider: one exchange at a time, of the routes that were used. No request waits
 * for it. While the provider does not answer, the Atrion decides by its own state.
 */
export class StateSync {
  readonly #provider: StateProvider
  readonly #settings: SyncSettings
  readonly #gate: Gate
  readonly #system: System
  readonly #observers: Observers
  readonly #known = new Map<string, SharedRoute>()
  readonly #maxRoutes: number
  #state: 'off' | 'joining' | 'joined' | 'away' = 'off'
  #timer: TimerHandle | undefined
  #failures = 0
  /** Counts connections, so that answers of an ended one are ignored. */
  #epoch = 0

  constructor(
    parts: { provider: StateProvider; gate: Gate; system: System; observers: Observers; maxRoutes: number },
    settings: SyncSettings,
  ) {
    this.#provider = parts.provider
    this.#gate = parts.gate
    this.#system = parts.system
    this.#observers = parts.observers
    this.#maxRoutes = parts.maxRoutes
    this.#settings = settings
  }

  get #isOwn(): boolean {
    return this.#provider instanceof RedisStateProvider
  }

  get name(): string {
    return this.#provider.name
  }

  get state(): 'off' | 'joining' | 'joined' | 'away' {
    return this.#state
  }

  /** Puts a route that was used into the next exchange. */
  touch(route: string): void {
    if (this.#state === 'off') return
    const entry = this.#known.get(route)
    if (entry !== undefined) {
      entry.dirty = true
      return
    }
    if (this.#known.size >= this.#maxRoutes) this.#known.delete(this.#known.keys().next().value as string)
    this.#known.set(route, { seen: NO_TICK, usedAt: this.#gate.clock.monoMs(), dirty: true, written: NaN })
  }

  /** Resolves when the provider answered, or did not in time. Rejects only when it can never answer. */
  async connect(): Promise<void> {
    if (this.#state !== 'off') return
    this.#state = 'joining'
    const epoch = ++this.#epoch
    await this.#round(epoch)
  }

  async disconnect(): Promise<void> {
    if (this.#state === 'off') return
    const epoch = this.#epoch
    if (this.#state === 'joined') await this.#exchange(epoch).catch(this.#failed('the last exchange with'))
    // Another call disconnected meanwhile, and may have connected again.
    if (epoch !== this.#epoch) return
    this.#end()
    await this.#within(() => this.#provider.disconnect()).catch(this.#failed('disconnecting'))
  }

  /** Ends at once, without a last exchange. */
  close(): void {
    if (this.#state === 'off') return
    this.#end()
    callOut(() => this.#provider.disconnect(), this.#failed('closing'))
  }

  /** Returns a function that reports an error of the provider which no caller gets. */
  #failed(what: string): (error: unknown) => void {
    return (error) => this.#system.report(error, `${what} the state provider ${this.name}`)
  }

  #end(): void {
    this.#state = 'off'
    this.#epoch++
    this.#timer?.cancel()
    this.#timer = undefined
    this.#failures = 0
    this.#known.clear()
  }

  async #round(epoch: number): Promise<void> {
    try {
      if (this.#state !== 'joined') await this.#within(() => this.#provider.connect())
      if (epoch !== this.#epoch) return
      await this.#exchange(epoch)
      if (epoch !== this.#epoch) return
      this.#joined()
    } catch (error) {
      if (epoch !== this.#epoch) return
      if (isDependencyMissingError(error)) {
        this.#end()
        throw error
      }
      this.#away(error)
    }
    this.#again(epoch)
  }

  #joined(): void {
    this.#failures = 0
    if (this.#state === 'joined') return
    this.#state = 'joined'
    this.#observers.tell({ type: 'provider:joined', provider: this.name })
  }

  #away(error: unknown): void {
    this.#failures++
    if (this.#state === 'away') return
    this.#state = 'away'
    if (this.#observers.any) this.#observers.tell({ type: 'provider:away', provider: this.name, error })
    else this.#system.report(error, `the state provider ${this.name}`)
  }

  #again(epoch: number): void {
    const { intervalMs } = this.#settings
    const backoff = Math.min(intervalMs * 2 ** Math.min(this.#failures, 16), Math.max(MAX_BACKOFF_MS, intervalMs))
    // Spread by chance, so that of two processes that write the same route in step neither always comes too late.
    const spread = this.#system.random.next()
    const delay = this.#failures === 0 ? intervalMs * (0.75 + 0.5 * spread) : backoff * (0.5 + 0.5 * spread)
    const next = (): void => {
      this.#round(epoch).catch(this.#failed('an exchange with'))
    }
    // With its spread, the longest interval would be longer than a clock accepts.
    this.#timer = this.#gate.clock.schedule(Math.min(delay, MAX_DURATION_MS), next, {
      ref: false,
      label: 'atrion sync',
    })
  }

  /** Makes one exchange, in batches; also without routes, so that an outage is seen before it matters. */
  async #exchange(epoch: number): Promise<void> {
    const offers = this.#offers()
    const { maxBatch } = this.#provider
    for (let from = 0; from === 0 || from < offers.length; from += maxBatch) {
      const batch = offers.slice(from, from + maxBatch)
      const sentAt = this.#gate.clock.monoMs()
      const answers = await this.#within(() => this.#provider.exchange(batch))
      if (epoch !== this.#epoch || this.#gate.closed) return
      this.#merge(batch, answers, this.#gate.clock.monoMs() - sentAt)
    }
  }

  #offers(): ProviderOffer[] {
    const gate = this.#gate
    const now = gate.clock.monoMs()
    const offers: ProviderOffer[] = []
    for (const [route, entry] of this.#known) {
      if (entry.dirty) entry.usedAt = now
      else if (now - entry.usedAt > WARM_MS) {
        this.#known.delete(route)
        continue
      }
      const id = gate.routes.find(route)
      if (id === undefined || hot.engineOwn(gate.engine, id, now) !== 1) {
        this.#known.delete(route)
        continue
      }
      const scar = scratch[OWN_STATE_SCAR] as number
      const resistance = scratch[OWN_STATE_RESISTANCE] as number
      // A scar that fell to nothing is written once more, and then no more.
      const isNews = entry.dirty && !(scar < 0.01 && entry.written < 0.01)
      entry.dirty = false
      offers.push({
        route,
        seen: entry.seen,
        state: isNews ? { node: this.#settings.node, scar, resistance } : undefined,
      })
    }
    return offers
  }

  #merge(offers: readonly ProviderOffer[], answers: unknown, tookMs: number): void {
    const gate = this.#gate
    const now = gate.clock.monoMs()
    let garbage = 0
    if (!Array.isArray(answers)) throw new ProviderError(this.name, 'answered with something that is no answer')
    for (const [index, offer] of offers.entries()) {
      const answer = checkedAnswer(answers[index])
      const entry = this.#known.get(offer.route)
      if (answer === undefined) garbage++
      if (answer === undefined || entry === undefined) continue
      entry.seen = answer.tick
      const { stored } = answer
      if (stored === undefined) {
        if (offer.state !== undefined) entry.written = offer.state.scar
        continue
      }
      // The write was refused, because it had not seen the newest state. It is written again, now that it has.
      if (offer.state !== undefined) entry.dirty = true
      const age = stored.ageMs + tookMs
      const id = gate.routes.find(offer.route)
      if (id === undefined || stored.state.node === this.#settings.node || age > this.#settings.maxAgeMs) continue
      hot.engineShare(gate.engine, id, stored.state.scar, this.#settings.blend, age, now)
    }
    if (garbage > 0) this.#observers.tell({ type: 'provider:garbage', provider: this.name, routes: garbage })
  }

  /** Does work of the provider. Rejects when it takes longer than an exchange may; a later result is dropped. */
  async #within(work: () => unknown): Promise<unknown> {
    const { timeoutMs } = this.#settings
    // The network of our own provider holds a controlled clock. A user's provider may wait for that clock.
    const resumeTime = this.#isOwn ? holdTime(this.#gate.clock, `an exchange with ${this.name}`, timeoutMs) : undefined
    let timer: TimerHandle | undefined
    const late = new Promise<never>((_, reject) => {
      const fail = (): void => {
        reject(new ProviderError(this.name, `did not answer within ${timeoutMs} ms`))
        callOut(() => this.#provider.reset(), this.#failed('resetting'))
      }
      timer = limitOn(this.#gate.clock, timeoutMs, 'atrion exchange', fail, false)
    })
    try {
      return await Promise.race([work(), late])
    } finally {
      timer?.cancel()
      resumeTime?.()
    }
  }
}
