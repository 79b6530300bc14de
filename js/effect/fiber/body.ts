/** One run of the function of an effect, and the environment that the function gets. */
import type { Clock } from '../../clock/types.ts'
import type { System } from '../../system/system.ts'
import type { CancelToken } from '../cancel.ts'
import type { Context } from '../context.ts'
import { tagOf } from '../result.ts'
import type { FinalizerScope } from './finalizers.ts'
import { ERR, type FiberExitKind, OK } from './op.ts'

/** The argument of the function of an effect. It is also the {@link Context} of the run. */
export interface EffectEnv extends Context {
  /** The clock of the run. */
  readonly clock: Clock
  /** The system that the run belongs to. */
  readonly system: System
  /** A token that is cancelled when the effect is interrupted. `cancel.cancel()` interrupts the effect. */
  readonly cancel: CancelToken
  /** A signal that aborts when the effect is interrupted: for `fetch`, timers, drivers. Created at first use. */
  readonly signal: AbortSignal
  /** Finalisers, which run when the fibre ends, once everything it started has ended. */
  readonly scope: FinalizerScope
  /** The values of the run: this object. */
  readonly context: MutableContext
  /** Sets a value for the rest of this fibre, and for everything it starts from now on. */
  set(key: string, value: unknown): void
}

/** A context whose values can be set. */
export interface MutableContext extends Context {
  /** Sets a value for the rest of the fibre, and for everything it starts from now on. */
  set(key: string, value: unknown): void
}

/** The parts of a fibre that its environment needs. */
export interface BodyFiber {
  readonly clock: Clock
  readonly host: { readonly system: System }
  readonly values: ReadonlyMap<string, unknown>
  token(): CancelToken
  signal(): AbortSignal
  scope(): FinalizerScope
  setValue(key: string, value: unknown): void
}

/** Waits for a function that still runs although its fibre was interrupted and went on. */
export interface LeftBodyHolder {
  /** Called when such a function has ended. */
  bodyEnded(body: Body): void
}

/** A fibre that waits for its function. */
export interface WaitingFiber extends BodyFiber {
  readonly id: string
  readonly what: string
  readonly site: Error | undefined
  resume(epoch: number, kind: FiberExitKind, value: unknown): void
}

/** One run of the function of an effect. */
export class Body {
  declare readonly fiber: WaitingFiber
  declare isOver: boolean
  declare readonly epoch: number
  declare readonly raw: boolean
  /** Waits for its end instead of its fibre, which has gone on. */
  declare holder: LeftBodyHolder | undefined
  constructor(fiber: WaitingFiber, epoch: number, raw: boolean) {
    this.fiber = fiber
    this.epoch = epoch
    this.raw = raw
    this.isOver = false
    this.holder = undefined
  }

  /** Resumes the fibre with the outcome of the function. A `Result` is unpacked, unless the body is raw. */
  end(kind: FiberExitKind, value: unknown): void {
    this.isOver = true
    if (this.holder !== undefined) {
      this.holder.bodyEnded(this)
      return
    }
    if (kind === OK && !this.raw && typeof value === 'object' && value !== null) {
      const tag = tagOf(value)
      if (tag !== undefined) {
        try {
          if (tag === 'Ok' && 'value' in value) value = value.value
          else if (tag === 'Err' && 'error' in value) {
            value = value.error
            kind = ERR
          }
        } catch (error) {
          value = error
          kind = ERR
        }
      }
    }
    this.fiber.resume(this.epoch, kind, value)
  }
}

/** The environment of a fibre. It has no state of its own. */
export class FiberEnv implements EffectEnv {
  readonly #fiber: BodyFiber
  constructor(fiber: BodyFiber) {
    this.#fiber = fiber
  }

  /** @internal Returns the fibre of an environment; `undefined` for any other value. */
  static fiberOf(env: unknown): BodyFiber | undefined {
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
