import { BaseClock } from '../clock/base.ts'
import type { ControlledClock } from '../clock/controlled-clock.ts'
import { ClockInstalledError } from '../clock/errors.ts'
import { rearmAlarms } from '../clock/host.ts'
import { ClosedError, InvalidArgumentError } from '../errors/errors.ts'
import { lazy } from '../internal/lazy.ts'
import type * as HostModule from './fakes/host.ts'

const fakes = lazy(() => require('./fakes/host.ts') as typeof HostModule)

/** A controlled clock in the place of the host's time. {@link installClock} returns it. */
export interface InstalledClock {
  /** True until the host's time is back. */
  readonly installed: boolean
  /** Puts the host's time back, and clears the timers that were made meanwhile. Repeated calls do nothing. */
  uninstall(): void
  /** Calls {@link uninstall} at the end of a block: `using installed = installClock(clock)`. */
  [Symbol.dispose](): void
}

/**
 * Puts a controlled clock in the place of the host's time, for code that reads it directly. These follow the clock then,
 * on the global object and in `node:timers` and `node:timers/promises`: `Date`, `performance.now`, `process.hrtime`,
 * `setTimeout`, `setInterval`, `setImmediate`, their `clear…`, and `AbortSignal.timeout`.
 *
 * The host's time comes back by `uninstall()`, at the end of a block with `using`, or when the clock is closed, as at
 * the end of `withSystem`.
 *
 * @throws InvalidArgumentError for anything but an open controlled clock; ClockInstalledError while a clock or other
 *   fake timers are installed. Nothing is changed then.
 * @example
 * ```ts
 * test('gives up after a minute', withSystem(async ({ clock }) => {
 *   using installed = installClock(clock)
 *   const answer = thirdParty.ask() // waits with setTimeout
 *   await clock.advance(60_000)
 *   await assert.rejects(answer)
 * }))
 * ```
 */
export function installClock(clock: ControlledClock): InstalledClock {
  if (!(clock instanceof BaseClock) || typeof clock.advance !== 'function') {
    throw new InvalidArgumentError('clock', 'a controlled clock, as createControlledClock() returns', clock)
  }
  if (clock.closed) throw new ClosedError('the clock')
  const { FakedHost, replacedBy } = fakes()
  const replaced = replacedBy()
  if (replaced !== undefined) throw new ClockInstalledError(replaced)
  const host = new FakedHost(clock)
  // Waits on system clocks move with the timers of now.
  rearmAlarms()
  let installed = true
  const uninstall = (): void => {
    if (!installed) return
    installed = false
    forget()
    host.restore()
    rearmAlarms()
  }
  const forget = clock.atClose(uninstall)
  return {
    get installed() {
      return installed
    },
    uninstall,
    [Symbol.dispose]: uninstall,
  }
}
