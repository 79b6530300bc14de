/** The functions of `node:timers/promises`, on the timers of a controlled clock. */
import { whenAborted } from '../../internal/abort-hub.ts'
import type { FakeTimer, FakeTimers, HostFunction } from './timers.ts'

/** Options of the host's functions. */
interface TimerOptions {
  readonly signal?: AbortSignal | undefined
  readonly ref?: boolean | undefined
}

/** The functions of the host that this replaces. */
export interface HostTimerPromises {
  readonly setTimeout: HostFunction
  readonly setImmediate: HostFunction
  readonly setInterval: HostFunction
  readonly scheduler: { readonly wait: HostFunction; readonly yield: HostFunction }
}

const nothing = (): void => undefined

/** Returns whether the host would take these options. Others are left to it, so that it refuses them in its own words. */
function isTaken(options: unknown): options is TimerOptions | undefined {
  if (options === undefined) return true
  if (typeof options !== 'object' || options === null) return false
  const { signal, ref } = options as { signal?: unknown; ref?: unknown }
  const isSignal = signal === undefined || (typeof signal === 'object' && signal !== null && 'aborted' in signal)
  return isSignal && (ref === undefined || typeof ref === 'boolean')
}

/** Returns the functions that take the place of the host's. */
export function fakePromises(timers: FakeTimers, host: HostTimerPromises): HostTimerPromises {
  /** Rejects as the host does when a signal has aborted: with its own kind of error. */
  const aborted = (reason: unknown): unknown =>
    host.setTimeout(1, undefined, { signal: AbortSignal.abort(reason), ref: false })

  const wait = (
    value: unknown,
    options: TimerOptions = {},
    begin: (wake: () => void) => FakeTimer,
  ): Promise<unknown> => {
    const { signal, ref } = options
    if (signal?.aborted === true) return aborted(signal.reason) as Promise<unknown>
    return new Promise((resolve) => {
      const timer = begin(() => {
        stop()
        resolve(value)
      })
      if (ref === false) timer.unref()
      const stop = whenAborted(signal, (reason) => {
        timer.end()
        resolve(aborted(reason))
      })
    })
  }

  const setTimeout: HostFunction = (delay, value, options) => {
    const isFaked = timers.isActive && isTaken(options) && (delay === undefined || typeof delay === 'number')
    if (!isFaked) return host.setTimeout(delay, value, options)
    return wait(value, options as TimerOptions | undefined, (wake) => timers.timeout(wake, delay, []))
  }
  const setImmediate: HostFunction = (value, options) => {
    if (!timers.isActive || !isTaken(options)) return host.setImmediate(value, options)
    return wait(value, options, (wake) => timers.immediate(wake, []))
  }

  /** Yields once a period, also for the periods that passed while nobody asked. */
  async function* ticks(delay: unknown, value: unknown, { signal, ref }: TimerOptions): AsyncGenerator<unknown> {
    if (signal?.aborted === true) await aborted(signal.reason)
    const news: { ticks: number; failure?: { readonly reason: unknown }; wake: () => void } = {
      ticks: 0,
      wake: nothing,
    }
    const timer = timers.interval(
      () => {
        news.ticks++
        news.wake()
      },
      delay,
      [],
    )
    if (ref === false) timer.unref()
    const stop = whenAborted(signal, (reason) => {
      news.failure = { reason }
      timer.end()
      news.wake()
    })
    try {
      while (true) {
        while (news.ticks === 0 && news.failure === undefined) {
          await new Promise<void>((resolve) => {
            news.wake = resolve
          })
        }
        for (; news.ticks > 0; news.ticks--) yield value
        if (news.failure !== undefined) await aborted(news.failure.reason)
      }
    } finally {
      stop()
      timer.end()
    }
  }

  const setInterval: HostFunction = (delay, value, options) => {
    const isFaked = timers.isActive && isTaken(options) && (delay === undefined || typeof delay === 'number')
    return isFaked ? ticks(delay, value, options ?? {}) : host.setInterval(delay, value, options)
  }
  return {
    setTimeout,
    setImmediate,
    setInterval,
    scheduler: {
      wait: (delay, options) => setTimeout(delay, undefined, options),
      yield: () => setImmediate(),
    },
  }
}
