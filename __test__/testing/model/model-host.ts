// The rules of Node's timers in virtual time, written down a second time and as simply as possible.
import type { Handle, Host } from './world.ts'

interface ModelTimer extends Handle {
  readonly callback: () => void
  readonly delay: number
  readonly repeats: boolean
  ref: boolean
  isCleared: boolean
  /** The installation that it belongs to. */
  readonly era: number
  due: number | undefined
  order: number
}

const LONGEST = 2 ** 31 - 1

export class ModelHost implements Host {
  #mono: number
  #wall: number
  #order = 0
  #era = 0
  #timers: ModelTimer[] = []
  /** Continuations of promises that are due to run. */
  #microtasks: (() => void)[] = []
  readonly #failed: () => void

  constructor(initialTime: number, failed: () => void) {
    this.#mono = initialTime
    this.#wall = initialTime
    this.#failed = failed
  }

  wall = (): number => Math.floor(this.#wall)
  mono = (): number => this.#mono

  timeout(callback: () => void, delay: number): Handle {
    const whole = delay >= 1 && delay <= LONGEST ? Math.trunc(delay) : 1
    return this.#arm(this.#timer(callback, whole, false))
  }

  interval(callback: () => void, delay: number): Handle {
    const whole = delay >= 1 && delay <= LONGEST ? Math.trunc(delay) : 1
    return this.#arm(this.#timer(callback, whole, true))
  }

  immediate(callback: () => void): Handle {
    return this.#arm(this.#timer(callback, 0, false))
  }

  wait(delay: number, done: () => void, failed: () => void): () => void {
    let isSettled = false
    const settle = (): void => void (isSettled = true)
    const timer = this.timeout(() => {
      settle()
      this.#microtasks.push(done)
    }, delay)
    // A wait whose clock was uninstalled has no timer, but a signal.
    return () => {
      if (isSettled) return
      settle()
      this.clear(timer)
      failed()
    }
  }

  signal(delay: number, aborted: () => void): void {
    this.unref(this.timeout(aborted, delay))
  }

  clear(handle: Handle): void {
    const timer = handle as ModelTimer
    timer.isCleared = true
    this.#disarm(timer)
  }

  refresh(handle: Handle): void {
    this.#arm(handle as ModelTimer)
  }

  ref(handle: Handle): void {
    ;(handle as ModelTimer).ref = true
  }

  unref(handle: Handle): void {
    ;(handle as ModelTimer).ref = false
  }

  hasRef(handle: Handle): boolean {
    const { ref, isCleared, era } = handle as ModelTimer
    return ref && !isCleared && era === this.#era
  }

  jump(ms: number): void {
    this.#wall += ms
    while (this.#next(this.#mono)) this.#fire()
    this.#runMicrotasks()
  }

  async advance(ms: number): Promise<void> {
    const target = this.#mono + ms
    while (this.#next(target)) {
      this.#fire()
      this.#runMicrotasks()
    }
    this.#moveTo(target)
  }

  advanceAtOnce(ms: number): void {
    if (ms <= 0) return
    const target = this.#mono + ms
    while (this.#next(target)) this.#fire()
    this.#moveTo(target)
    this.#runMicrotasks()
  }

  async untilIdle(maxTimers: number): Promise<string> {
    const from = this.#mono
    for (let fired = 0; this.#timers.some(({ ref }) => ref); fired++) {
      if (fired === maxTimers) return 'not idle'
      this.#next(Infinity)
      this.#fire()
      this.#runMicrotasks()
    }
    return `idle after ${this.#mono - from}`
  }

  reinstall(): void {
    for (const timer of this.#timers) this.clear(timer)
    this.#era++
  }

  pending(): number {
    return this.#timers.length
  }

  async end(): Promise<void> {}

  #timer(callback: () => void, delay: number, repeats: boolean): ModelTimer {
    return { callback, delay, repeats, ref: true, isCleared: false, era: this.#era, due: undefined, order: 0 }
  }

  #arm(timer: ModelTimer): ModelTimer {
    this.#disarm(timer)
    if (timer.isCleared || timer.era !== this.#era) return timer
    timer.due = this.#mono + timer.delay
    timer.order = this.#order++
    this.#timers.push(timer)
    return timer
  }

  #disarm(timer: ModelTimer): void {
    timer.due = undefined
    this.#timers = this.#timers.filter((other) => other !== timer)
  }

  /** Sorts the next timer to the front. Returns whether it is due by a time. */
  #next(target: number): boolean {
    this.#timers.sort((one, other) => one.due! - other.due! || one.order - other.order)
    return this.#timers.length > 0 && this.#timers[0]!.due! <= target
  }

  #fire(): void {
    const timer = this.#timers[0]!
    this.#moveTo(Math.max(timer.due!, this.#mono))
    this.#disarm(timer)
    try {
      timer.callback()
    } catch {
      this.#failed()
    }
    if (timer.repeats) this.#arm(timer)
  }

  #moveTo(mono: number): void {
    this.#wall += mono - this.#mono
    this.#mono = mono
  }

  #runMicrotasks(): void {
    for (let run = this.#microtasks.shift(); run !== undefined; run = this.#microtasks.shift()) run()
  }
}
