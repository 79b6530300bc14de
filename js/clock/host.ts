/**
 * The host's time: the one place that touches `Date`, `performance` and `setTimeout`.
 *
 * The globals are looked up at each use, so that fake timers of jest, vitest and sinon move the system clock as
 * their users expect. Monotonic time is continuous over an install or uninstall of fake timers.
 */
import { builtin } from '../internal/builtin.ts'

interface FakeClock {
  readonly now: number
}

const fakeClockOf = (fn: unknown): FakeClock | undefined => {
  const clock = (fn as { clock?: FakeClock } | undefined)?.clock
  return typeof clock?.now === 'number' ? clock : undefined
}

// What the host had when this module was loaded, to notice replacements.
const loadedSetTimeout = setTimeout
const LoadedDate = Date
// `performance` of Node loads ten modules when it is read. Whatever stands in its place is read now.
const isNodes = Object.getOwnPropertyDescriptor(globalThis, 'performance')?.get !== undefined
const loadedPerformanceNow = isNodes ? undefined : performance.now

/** Returns whether `performance.now` was replaced after this module was loaded. */
const isPerformanceReplaced = (): boolean =>
  performance.now !==
  (isNodes
    ? (Object.getPrototypeOf(builtin('node:perf_hooks').performance) as typeof performance).now
    : loadedPerformanceNow)

/** The source of monotonic time: a readable one, or only the wake-ups of a replaced `setTimeout`. */
type Source = { readonly kind: 'host' | 'unreadable' } | { readonly kind: 'fake'; readonly read: () => number }

/**
 * Returns the source of monotonic time that agrees with `setTimeout`: fake timers may replace `setTimeout` and `Date`
 * but leave `performance` real, and then deadlines have to follow what drives `setTimeout`.
 */
function agreeingSource(): Source {
  const fake = fakeClockOf(setTimeout)
  if (fake === undefined && setTimeout === loadedSetTimeout) return { kind: 'host' }
  if (isPerformanceReplaced()) return { kind: 'host' }
  if (Date !== LoadedDate) return { kind: 'fake', read: () => Date.now() }
  return fake === undefined ? { kind: 'unreadable' } : { kind: 'fake', read: () => fake.now }
}

/** Both tracks of the host's time, in milliseconds. */
export class HostTime {
  #last = 0
  #performanceNow: unknown = performance.now
  #setTimeout: unknown = setTimeout
  #source: Source = agreeingSource()
  #fake: (() => number) | undefined = this.#source.kind === 'fake' ? this.#source.read : undefined
  #origin: number = this.#read()

  /** Wall time: milliseconds since the Unix epoch. */
  wall(): number {
    return Date.now()
  }

  /**
   * Returns whether time is the host's own, so that nothing moves it in the middle of a run. No fake leaves both
   * functions real.
   */
  get real(): boolean {
    return Date === LoadedDate && setTimeout === loadedSetTimeout
  }

  /** Monotonic time since this object was made; it never goes back. */
  mono(): number {
    const host = performance
    if (host.now !== this.#performanceNow || setTimeout !== this.#setTimeout) this.#rebase()
    const now = (this.#fake === undefined ? host.now() : this.#fake()) - this.#origin
    if (now > this.#last) this.#last = now
    return this.#last
  }

  /** A host timer has fired that was set for this time. Moves time there when it cannot be read from anywhere else. */
  reached(mono: number): void {
    this.mono()
    if (this.#source.kind !== 'unreadable' || mono <= this.#last || mono === Infinity) return
    this.#origin -= mono - this.#last
    this.#last = mono
  }

  #read(): number {
    return this.#fake === undefined ? performance.now() : this.#fake()
  }

  #rebase(): void {
    this.#performanceNow = performance.now
    this.#setTimeout = setTimeout
    this.#source = agreeingSource()
    this.#fake = this.#source.kind === 'fake' ? this.#source.read : undefined
    // What moves in whole milliseconds then meets deadlines exactly, without the fraction that real time left.
    if (!this.real) this.#last = Math.ceil(this.#last)
    this.#origin = this.#read() - this.#last
  }
}

/** Node's longest timer; a longer one would fire at once. */
export const MAX_HOST_DELAY_MS: number = 2 ** 31 - 1

interface HostTimer {
  ref?(): void
  unref?(): void
}

/** The alarms that are armed. Their host timers hold them anyway. */
const armed = new Set<Alarm>()

/**
 * Wakes all clocks soon by the `setTimeout` of now, which then arm for what is due. After `setTimeout` was replaced, an
 * alarm of the old one would not move with time, or never come.
 */
export function rearmAlarms(): void {
  const before = [...armed]
  for (const alarm of before) alarm.set(0)
}

/** One host timer that can be moved, whichever `setTimeout` is installed at the time. */
export class Alarm {
  readonly #wake: () => void
  #timer: unknown
  #clear: ((timer: never) => void) | undefined
  #armedWith: unknown
  #held = true

  constructor(wake: () => void) {
    this.#wake = wake
  }

  /** Returns whether it is armed with the `setTimeout` that is installed now. */
  get armed(): boolean {
    return this.#timer !== undefined && this.#armedWith === setTimeout
  }

  /** Wakes once after about `delay` ms; never later than asked because of the host's 32-bit limit. */
  set(delay: number): void {
    this.clear()
    this.#armedWith = setTimeout
    this.#clear = clearTimeout as never
    const fire = (): void => {
      this.#timer = undefined
      armed.delete(this)
      this.#wake()
    }
    armed.add(this)
    this.#timer = setTimeout(fire, Math.min(Math.max(delay, 0), MAX_HOST_DELAY_MS))
    if (!this.#held) (this.#timer as HostTimer).unref?.()
  }

  /** Keeps the event loop open, or not. */
  hold(keepAlive: boolean): void {
    if (keepAlive === this.#held) return
    this.#held = keepAlive
    // In jsdom a timer is a number, which has neither method.
    const timer = this.#timer as HostTimer | undefined
    if (keepAlive) timer?.ref?.()
    else timer?.unref?.()
  }

  clear(): void {
    if (this.#timer === undefined) return
    this.#clear?.(this.#timer as never)
    this.#timer = undefined
    armed.delete(this)
  }
}

const realSetTimeout = setTimeout
const realClearTimeout = clearTimeout
const realSetImmediate = typeof setImmediate === 'function' ? setImmediate : undefined

/**
 * Waits for one turn of the real event loop: microtasks, `nextTick` and one macrotask, whatever is faked. When fake
 * timers were installed before this module was loaded, a message port takes the place of `setImmediate`: no library
 * fakes ports.
 */
export function turn(): Promise<void> {
  if (realSetImmediate !== undefined && fakeClockOf(realSetImmediate) === undefined) {
    return new Promise((resolve) => {
      realSetImmediate(resolve)
    })
  }
  const { port1, port2 } = new MessageChannel()
  return new Promise((resolve) => {
    port1.addEventListener('message', () => {
      port1.close()
      resolve()
    })
    port1.start()
    port2.postMessage(0)
  })
}

/** Calls back in the next turn of the real event loop, as {@link turn}; a clock does not wait for it. */
export function onTurn(run: () => void): void {
  if (realSetImmediate !== undefined && fakeClockOf(realSetImmediate) === undefined) realSetImmediate(run)
  else void turn().then(run)
}

let owedTurns = 0

/** Returns whether a call of {@link soon} is pending. */
export const turnsPending = (): boolean => owedTurns > 0

/**
 * Calls back in the next turn of the real event loop, after I/O that is ready. Holds the loop, and controlled clocks:
 * it is for what takes no time: work of the package's own that gives others a turn, and waits of zero.
 */
export function soon(run: () => void): void {
  owedTurns++
  onTurn(() => {
    owedTurns--
    run()
  })
}

/** The time that an event loop has spent in JavaScript, and waiting for events, in ms. */
export interface LoopTime {
  readonly active: number
  readonly idle: number
}

/** Returns the time of this thread's event loop; zeros on a host that does not measure it. */
export function loopTime(): LoopTime {
  // The tests of pages have the types of a browser, whose `performance` has other methods.
  const host = performance as { readonly eventLoopUtilization?: () => LoopTime }
  const { active = 0, idle = 0 } = host.eventLoopUtilization?.() ?? {}
  return { active, idle }
}

/** How late timers were, in ms. */
export interface LoopDelay {
  readonly meanMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

const NS = 1e6

/** Measures how late timers of this thread are. Returns a function that reads it, and one that ends it. */
export function measureLoopDelay(): { readonly read: () => LoopDelay; readonly end: () => void } {
  const histogram = builtin('node:perf_hooks').monitorEventLoopDelay({ resolution: 10 })
  histogram.enable()
  return {
    read: () => ({
      meanMs: histogram.mean / NS,
      p50Ms: histogram.percentile(50) / NS,
      p99Ms: histogram.percentile(99) / NS,
      maxMs: histogram.max / NS,
    }),
    end: () => void histogram.disable(),
  }
}

/** Resources that keep an event loop open although nothing goes on: streams, ports and servers that wait to be used. */
const IDLE: ReadonlySet<string> = new Set([
  'TTYWrap',
  'PipeWrap',
  'MessagePort',
  'Worker',
  'TCPServerWrap',
  'SignalWrap',
  'FSEventWrap',
  'StatWatcher',
])

/**
 * Returns whether nothing is under way in this thread that could end by itself: no timer, no request, no connection.
 */
export const isIdle = (): boolean => process.getActiveResourcesInfo().every((kind) => IDLE.has(kind))

/**
 * Calls back each time the event loop of the program has nothing left to do, which ends the program. A worker thread has
 * no such moment.
 */
export function onLoopEnd(listener: () => void): void {
  process.on('beforeExit', listener)
}

/** Calls back after real time, without holding the event loop; the returned function cancels. */
export function afterRealTime(delay: number, callback: () => void): () => void {
  const timer = realSetTimeout(callback, delay) as HostTimer | number
  if (typeof timer === 'object') timer.unref?.()
  return () => realClearTimeout(timer as never)
}
