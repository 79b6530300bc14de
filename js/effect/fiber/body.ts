import type { Clock } from '../../clock/types.ts'
import type { System } from '../../system/system.ts'
import type { CancelToken } from '../cancel.ts'
import type { Context } from '../context.ts'
import type { FinalizerScope } from './finalizers.ts'
import { ERR, type ExitKind, OK } from './op.ts'
import { tagOf } from '../result.ts'

/** What the function of an effect is handed. It is also the {@link Context} in which it runs. */
export interface EffectEnv extends Context {
  /** The clock of the run. */
  readonly clock: Clock
  /** The system that the run belongs to. */
  readonly system: System
  /** Cancelled when the effect is interrupted; `cancel.cancel()` interrupts it. */
  readonly cancel: CancelToken
  /** Aborted when the effect is interrupted: for `fetch`, timers, drivers. Made at first use. */
  readonly signal: AbortSignal
  /** Takes finalisers; closes when the fibre ends, once what it started has ended. */
  readonly scope: FinalizerScope
  /** The values that flow: this object. */
  readonly context: MutableContext
  /** Sets a value for what follows in this fibre, and for what it starts. */
  set(key: string, value: unknown): void
}

/** A context whose values can be set. */
export interface MutableContext extends Context {
  set(key: string, value: unknown): void
}

/** What a body needs of its fibre. */
export interface BodyOwner {
  readonly clock: Clock
  readonly host: { readonly system: System }
  readonly values: ReadonlyMap<string, unknown>
  token(): CancelToken
  signal(): AbortSignal
  scope(): FinalizerScope
  setValue(key: string, value: unknown): void
}

/** Who waits for a body that its fibre has left. */
export interface Heir {
  /** A body that was left has ended. */
  bodyEnded(body: Body): void
}

/** A fibre that waits for a body. */
export interface Awaiting extends BodyOwner {
  readonly id: string
  readonly what: string
  readonly site: Error | undefined
  resume(epoch: number, kind: ExitKind, value: unknown): void
}

/** One run of the function of an effect. */
export class Body {
  declare readonly fiber: Awaiting
  declare over: boolean
  declare readonly epoch: number
  declare readonly raw: boolean
  /** Who waits for its end although its fibre has gone on. */
  declare leftTo: Heir | undefined
  constructor(fiber: Awaiting, epoch: number, raw: boolean) {
    this.fiber = fiber
    this.epoch = epoch
    this.raw = raw
    this.over = false
    this.leftTo = undefined
  }

  end(kind: ExitKind, given: unknown): void {
    this.over = true
    if (this.leftTo !== undefined) {
      this.leftTo.bodyEnded(this)
      return
    }
    if (kind === OK && !this.raw && typeof given === 'object' && given !== null) {
      const tag = tagOf(given)
      if (tag !== undefined) {
        try {
          if (tag === 'Ok' && 'value' in given) given = given.value
          else if (tag === 'Err' && 'error' in given) {
            given = given.error
            kind = ERR
          }
        } catch (error) {
          given = error
          kind = ERR
        }
      }
    }
    this.fiber.resume(this.epoch, kind, given)
  }
}

export class Env implements EffectEnv {
  readonly #fiber: BodyOwner
  constructor(fiber: BodyOwner) {
    this.#fiber = fiber
  }

  /** @internal The fibre of an environment; undefined for what is none. */
  static fiberOf(env: unknown): BodyOwner | undefined {
    return typeof env === 'object' && env !== null && #fiber in env ? env.#fiber : undefined
  }

  get clock(): Clock {
    return this.#fiber.clock
  }
  get system(): System {
    return this.#fiber.host.system
  }
  get cancel(): CancelToken {
    return this.#fiber.token()
  }
  get signal(): AbortSignal {
    return this.#fiber.signal()
  }
  get scope(): FinalizerScope {
    return this.#fiber.scope()
  }
  get context(): MutableContext {
    return this
  }
  get values(): ReadonlyMap<string, unknown> {
    return this.#fiber.values
  }
  get<T = unknown>(key: string): T | undefined {
    return this.#fiber.values.get(key) as T | undefined
  }
  has(key: string): boolean {
    return this.#fiber.values.has(key)
  }
  keys(): IterableIterator<string> {
    return this.#fiber.values.keys()
  }
  set(key: string, value: unknown): void {
    this.#fiber.setValue(key, value)
  }
}
