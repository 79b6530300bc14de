/** `AbortSignal.timeout`, on the timers of a clock. */
import type { FakeTimers, HostFunction } from './timers.ts'

/** The longest delay that the host takes, in ms. */
const LONGEST_MS = 2 ** 32 - 1

/** Returns the function that takes the place of the host's. What the host refuses is left to its own words. */
export function fakeTimeoutSignal(timers: FakeTimers, host: HostFunction): (delay: number) => AbortSignal {
  return (delay) => {
    if (!timers.isActive || !Number.isInteger(delay) || delay < 0 || delay > LONGEST_MS) {
      return Reflect.apply(host, AbortSignal, [delay]) as AbortSignal
    }
    const controller = new AbortController()
    const abort = (): void => {
      controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'))
    }
    Object.defineProperty(abort, 'name', { value: 'AbortSignal.timeout' })
    timers.timeout(abort, delay, []).unref()
    return controller.signal
  }
}
