// The host's own functions, with a controlled clock installed in their place.
import { setTimeout as wait } from 'node:timers/promises'

import { type ControlledClock, createControlledClock, isClockNotIdleError } from 'keelson'
import { type InstalledClock, installClock } from 'keelson/testing'

import type { Handle, Host } from './world.ts'

type Timer = Handle & ReturnType<typeof setTimeout>

export class ClockHost implements Host {
  readonly #clock: ControlledClock
  #installed: InstalledClock

  constructor(initialTime: number, failed: () => void) {
    this.#clock = createControlledClock({ initialTime, onError: failed, trace: false, stallAfterMs: 0 })
    this.#installed = installClock(this.#clock)
  }

  wall = (): number => Date.now()
  mono = (): number => performance.now()
  timeout = (callback: () => void, delay: number): Handle => setTimeout(callback, delay) as Timer
  interval = (callback: () => void, delay: number): Handle => setInterval(callback, delay) as Timer
  immediate = (callback: () => void): Handle => setImmediate(callback) as unknown as Handle

  wait(delay: number, onWake: () => void, onAbort: () => void): () => void {
    const controller = new AbortController()
    wait(delay, undefined, { signal: controller.signal }).then(onWake, onAbort)
    return () => controller.abort()
  }

  signal(delay: number, aborted: () => void): void {
    // The host refuses these itself.
    const isTaken = Number.isInteger(delay) && delay >= 0
    AbortSignal.timeout(isTaken ? delay : 1).addEventListener('abort', aborted)
  }

  clear(handle: Handle, by: string): void {
    const timer = handle as Timer
    if (timer.close === undefined) clearImmediate(timer as never)
    else if (by === 'number') clearTimeout(+timer)
    else if (by === 'text') clearInterval(`${+timer}`)
    else if (by === 'close') timer.close()
    else if (by === 'dispose') timer[Symbol.dispose]()
    else clearTimeout(timer)
  }

  refresh = (handle: Handle): void => void (handle as Timer).refresh?.()
  ref = (handle: Handle): void => void (handle as Timer).ref()
  unref = (handle: Handle): void => void (handle as Timer).unref()
  hasRef = (handle: Handle): boolean => (handle as Timer).hasRef()
  jump = (ms: number): void => this.#clock.jumpWallTime(this.#clock.now().wallMs + ms)
  advance = (ms: number): Promise<void> => this.#clock.advance(ms)
  advanceAtOnce = (ms: number): void => this.#clock.advanceBy(ms)
  pending = (): number => this.#clock.getPendingTimerCount()

  async untilIdle(maxTimers: number): Promise<string> {
    try {
      return `idle after ${await this.#clock.runUntilIdle({ maxTimers })}`
    } catch (error) {
      if (!isClockNotIdleError(error)) throw error
      return 'not idle'
    }
  }

  reinstall(): void {
    this.#installed.uninstall()
    this.#installed = installClock(this.#clock)
  }

  async end(): Promise<void> {
    this.#installed.uninstall()
    this.#clock.close()
  }
}
