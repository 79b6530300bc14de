/** Timers with the interface of Node's, on a controlled clock. */
import { AsyncResource } from 'node:async_hooks'
import { promisify } from 'node:util'

import type { BaseClock } from '../../clock/base.ts'
import { MAX_HOST_DELAY_MS } from '../../clock/host.ts'
import { nameOf } from '../../clock/sleepers.ts'
import type { TimerInfo } from '../../clock/timer-slots.ts'

/** A function of the host, or one that it calls. */
export type HostFunction = (...args: unknown[]) => unknown

/** Node's own ids are small; these cannot be taken for one of them, whoever clears it. */
const FIRST_ID = 2 ** 40
/** Node's shortest timer, and what it makes of a delay that it cannot keep. */
const SHORTEST_MS = 1

/** What a timer is made of. */
interface TimerParts {
  readonly callback: HostFunction
  readonly args: readonly unknown[]
  readonly delayMs: number
  readonly kind: 'setTimeout' | 'setInterval' | 'setImmediate'
}

/** The timers of one installed clock that have not ended. */
export class FakeTimers {
  readonly clock: BaseClock
  readonly #pending = new Set<FakeTimer>()
  readonly #byId = new Map<number, FakeTimer>()
  #lastId = FIRST_ID
  #isActive = true

  constructor(clock: BaseClock) {
    this.clock = clock
  }

  /** True until {@link end}. Afterwards a fake that somebody kept passes its calls on to the host. */
  get isActive(): boolean {
    return this.#isActive
  }

  timeout(callback: HostFunction, delay: unknown, args: readonly unknown[]): FakeTimeout {
    return new FakeTimeout(this, { callback, args, delayMs: delayOf(delay), kind: 'setTimeout' })
  }

  interval(callback: HostFunction, delay: unknown, args: readonly unknown[]): FakeTimeout {
    return new FakeTimeout(this, { callback, args, delayMs: delayOf(delay), kind: 'setInterval' })
  }

  immediate(callback: HostFunction, args: readonly unknown[]): FakeImmediate {
    return new FakeImmediate(this, { callback, args, delayMs: 0, kind: 'setImmediate' })
  }

  /** Clears a timer, or the one that a number stands for. Returns whether it is of an installed clock. */
  clear(timer: unknown): boolean {
    const found = timer instanceof FakeTimer ? timer : this.#byId.get(Number(isKey(timer) ? timer : NaN))
    if (found === undefined) return false
    found.end()
    return true
  }

  nextId(): number {
    return ++this.#lastId
  }

  /** Lets a number stand for a timer, until {@link forget}. */
  remember(id: number, timer: FakeTimer): void {
    if (this.#isActive) this.#byId.set(id, timer)
  }

  began(timer: FakeTimer): void {
    this.#pending.add(timer)
  }

  ended(timer: FakeTimer): void {
    this.#pending.delete(timer)
  }

  forget(id: number | undefined): void {
    if (id !== undefined) this.#byId.delete(id)
  }

  /** Clears all timers. */
  end(): void {
    this.#isActive = false
    for (const timer of this.#pending) timer.end()
    this.#byId.clear()
  }
}

const isKey = (timer: unknown): timer is number | string => typeof timer === 'number' || typeof timer === 'string'

function delayOf(value: unknown): number {
  const delay = value === undefined ? SHORTEST_MS : +(value as number)
  if (delay >= SHORTEST_MS && delay <= MAX_HOST_DELAY_MS) return Math.trunc(delay)
  if (delay > MAX_HOST_DELAY_MS) {
    process.emitWarning(
      `A delay of ${delay} ms is longer than Node can wait, so the timer fires after ${SHORTEST_MS} ms`,
      'TimeoutOverflowWarning',
    )
  }
  return SHORTEST_MS
}

/** What the timers of both kinds have in common. */
export abstract class FakeTimer {
  readonly timers: FakeTimers
  readonly #parts: TimerParts
  readonly #scope: AsyncResource
  readonly #site: Error | undefined
  #armed: number | undefined
  #isCleared = false
  #isRef = true
  #id: number | undefined

  constructor(timers: FakeTimers, parts: TimerParts) {
    this.timers = timers
    this.#parts = parts
    this.#scope = new AsyncResource(parts.kind === 'setImmediate' ? 'Immediate' : 'Timeout', {
      requireManualDestroy: true,
    })
    this.#site = timers.clock.site()
    this.arm()
  }

  /** Makes the timer count for `autoAdvance` and `runUntilIdle`, as a timer that holds the event loop. */
  ref(): this {
    this.#hold(true)
    return this
  }

  /** Makes the timer one that holds no event loop. */
  unref(): this {
    this.#hold(false)
    return this
  }

  /** Returns whether the timer holds the event loop. */
  hasRef(): boolean {
    return this.#isRef && !this.#isCleared && this.timers.isActive
  }

  [Symbol.dispose](): void {
    this.end()
  }

  /** @internal Ends the timer for good. */
  end(): void {
    this.#isCleared = true
    this.#disarm()
    this.timers.forget(this.#id)
  }

  /** @internal Begins to wait, from now, unless the timer was cleared. */
  protected arm(): void {
    this.#disarm()
    if (this.#isCleared || !this.timers.isActive) return
    this.#armed = this.timers.clock.arm(this.#parts.delayMs, this.#fire, this.#info())
    this.timers.began(this)
    if (this.#id !== undefined) this.timers.remember(this.#id, this)
  }

  /** @internal The number that stands for the timer. */
  protected number(): number {
    this.#id ??= this.timers.nextId()
    this.timers.remember(this.#id, this)
    return this.#id
  }

  #info(): TimerInfo {
    const { callback, kind } = this.#parts
    return {
      kind: kind === 'setInterval' ? 'interval' : 'schedule',
      label: `${kind}(${nameOf(callback) ?? 'anonymous'})`,
      ref: this.#isRef,
      site: this.#site,
    }
  }

  #hold(isRef: boolean): void {
    if (this.#isRef === isRef) return
    this.#isRef = isRef
    if (this.#armed !== undefined) this.timers.clock.slots.redescribe(this.#armed, this.#info())
  }

  #disarm(): void {
    if (this.#armed === undefined) return
    this.timers.clock.cancelTimer(this.#armed)
    this.#armed = undefined
    this.timers.ended(this)
  }

  readonly #fire = (): void => {
    const { callback, args, kind } = this.#parts
    this.#armed = undefined
    this.timers.ended(this)
    try {
      // What it returns means nothing to a timer of the host's.
      this.#scope.runInAsyncScope(callback, this, ...args)
    } finally {
      if (kind === 'setInterval') this.arm()
      else if (this.#armed === undefined) this.timers.forget(this.#id)
    }
  }
}

/** The fake of Node's `Timeout`. */
export class FakeTimeout extends FakeTimer {
  static {
    Object.defineProperty(this, 'name', { value: 'Timeout' })
  }

  /** Begins to wait anew. A timer that has fired fires once more; one that was cleared does not. */
  refresh(): this {
    this.arm()
    return this
  }

  /** Clears the timer. */
  close(): this {
    this.end()
    return this
  }

  [Symbol.toPrimitive](): number {
    return this.number()
  }
}

/** The fake of Node's `Immediate`. */
export class FakeImmediate extends FakeTimer {
  static {
    Object.defineProperty(this, 'name', { value: 'Immediate' })
  }
}

/** The functions of the host that make and clear timers. */
export interface HostTimers {
  readonly setTimeout: HostFunction
  readonly setInterval: HostFunction
  readonly setImmediate: HostFunction
  readonly clearTimeout: HostFunction
  readonly clearInterval: HostFunction
  readonly clearImmediate: HostFunction
}

export const TIMER_NAMES: readonly (keyof HostTimers)[] = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
]

/**
 * Returns the functions that take the place of the host's. A bad callback is left to the host's function, which throws
 * what it always throws.
 */
export function fakeFunctions(timers: FakeTimers, host: HostTimers): HostTimers {
  const isFaked = (callback: unknown): callback is HostFunction => timers.isActive && typeof callback === 'function'
  const cleared =
    (clear: HostFunction): HostFunction =>
    (timer) =>
      timers.clear(timer) ? undefined : clear(timer)
  const fakes = {
    setTimeout: function setTimeout(callback: unknown, delay?: unknown, ...args: unknown[]): unknown {
      return isFaked(callback) ? timers.timeout(callback, delay, args) : host.setTimeout(callback, delay, ...args)
    },
    setInterval: function setInterval(callback: unknown, delay?: unknown, ...args: unknown[]): unknown {
      return isFaked(callback) ? timers.interval(callback, delay, args) : host.setInterval(callback, delay, ...args)
    },
    setImmediate: function setImmediate(callback: unknown, ...args: unknown[]): unknown {
      return isFaked(callback) ? timers.immediate(callback, args) : host.setImmediate(callback, ...args)
    },
    clearTimeout: cleared(host.clearTimeout),
    clearInterval: cleared(host.clearInterval),
    clearImmediate: cleared(host.clearImmediate),
  }
  for (const name of TIMER_NAMES) Object.defineProperty(fakes[name], 'name', { value: name })
  return fakes
}

/** Gives the fakes of functions that `util.promisify` knows their promises. */
export function setPromisified(
  fakes: HostTimers,
  promises: { setTimeout: HostFunction; setImmediate: HostFunction },
): void {
  for (const name of ['setTimeout', 'setImmediate'] as const) {
    Object.defineProperty(fakes[name], promisify.custom, { value: promises[name], configurable: true })
  }
}
