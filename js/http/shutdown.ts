import { limitOn } from '../clock/own-timers.ts'
import { constants } from 'node:os'

import { flag, known, optionalCallable, options as checkOptions, positiveMillis } from '../arguments.ts'
import { InvalidArgumentError, TimeoutError } from '../errors.ts'
import { systemOf, timeoutOf } from '../otp/start.ts'
import type { System } from '../system/system.ts'

/** Options of a graceful shutdown. Times are milliseconds of the system's clock. */
export interface ShutdownOptions {
  /** How long work in flight is waited for. Default 10 000. */
  readonly timeout?: number | undefined
  /** How long closing the system may take after that. Default 5000. */
  readonly closeTimeout?: number | undefined
  /** How long requests are still taken after the signal, while {@link Shutdown.ready} is false already. Default 0. */
  readonly delay?: number | undefined
  /** Which signals begin it. Default `SIGTERM` and `SIGINT`. */
  readonly signals?: readonly NodeJS.Signals[] | undefined
  /** What to end between the last answer and the system: a pool, a queue. */
  readonly cleanup?: (() => unknown) | undefined
  /** Whether the process is ended. Default true; false is for tests, and for programs that do so themselves. */
  readonly exit?: boolean | undefined
  /** The system to close. Default: the default system. */
  readonly system?: System
}

const NAMES = ['timeout', 'closeTimeout', 'delay', 'signals', 'cleanup', 'exit', 'system']
const TIMEOUT_MS = 10_000
const CLOSE_TIMEOUT_MS = 5000
const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT']
/** What a shell says of a process that a signal ended. */
const SIGNALLED = 128
const FAILED = 1

/** What stops a server. */
export interface Stoppable {
  /** Stops accepting; resolves once the work in flight is over. */
  drain(): Promise<void>
  /** Breaks off what is still in flight. */
  abort(): void
  /** Looks at the server no more. */
  dispose(): void
}

/**
 * An orderly end: stop accepting, let work in flight end, clean up, close the system, exit. The exit code is 0 when all
 * of that was done in time and 1 when it was not; a second signal ends the process at once, with 128 and its number.
 */
export class Shutdown {
  /** Resolves with the exit code when all is done. Never rejects; what fails is reported to the system. */
  readonly done: Promise<number>
  readonly #server: Stoppable
  readonly #options: ShutdownOptions
  readonly #system: System
  readonly #signals: readonly NodeJS.Signals[]
  #finish: (code: number) => void = ignore
  #begun = false
  #disposed = false
  #code = 0

  /** @internal */
  constructor(server: () => Stoppable, options: ShutdownOptions | undefined) {
    const given = checkOptions('options', options)
    known('options', given, NAMES)
    timeoutOf('options.timeout', given.timeout, TIMEOUT_MS)
    timeoutOf('options.closeTimeout', given.closeTimeout, CLOSE_TIMEOUT_MS)
    if (given.delay !== undefined && given.delay !== 0) positiveMillis('options.delay', given.delay)
    optionalCallable('options.cleanup', given.cleanup)
    flag('options.exit', true, given.exit)
    this.#signals = checkSignals(given.signals ?? SIGNALS)
    this.#options = given
    this.#system = systemOf(given.system)
    this.done = new Promise((resolve) => {
      this.#finish = resolve
    })
    // Nothing is listened to before all options hold.
    this.#server = server()
    for (const signal of this.#signals) process.on(signal, this.#onSignal)
  }

  /** Whether new work is welcome: false from the first signal on. For a readiness endpoint. */
  get ready(): boolean {
    return !this.#begun
  }

  /** Begins it, as a signal does. Resolves with the exit code, if the process is not ended (`exit: false`). */
  shutdown(): Promise<number> {
    if (!this.#begun) {
      this.#begun = true
      void this.#run()
    }
    return this.done
  }

  /** Lets signals be what they were. A shutdown that has begun goes on. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    for (const signal of this.#signals) process.off(signal, this.#onSignal)
    if (!this.#begun) this.#server.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (!this.#begun) void this.shutdown()
    else if (this.#options.exit !== false) this.#exit(SIGNALLED + constants.signals[signal])
  }

  async #run(): Promise<void> {
    const { timeout = TIMEOUT_MS, closeTimeout = CLOSE_TIMEOUT_MS, delay = 0, cleanup, exit } = this.#options
    const { clock } = this.#system
    if (delay > 0) await this.#step('waiting', Infinity, () => clock.sleep(delay))
    const isDrained = await this.#step('waiting for work in flight', timeout, () => this.#server.drain())
    if (!isDrained) this.#server.abort()
    if (cleanup !== undefined) await this.#step('cleanup', closeTimeout, async () => void (await cleanup()))
    await this.#step('closing the system', closeTimeout, () => this.#system.close())
    this.dispose()
    this.#server.dispose()
    this.#finish(this.#code)
    if (exit !== false) this.#exit(this.#code)
  }

  /** Whether a step ended well and in time. What it does later is nobody's business any more. */
  async #step(what: string, timeoutMs: number, body: () => Promise<void>): Promise<boolean> {
    try {
      await this.#within(what, timeoutMs, body)
      return true
    } catch (error) {
      this.#code = FAILED
      this.#system.report(error, `graceful shutdown: ${what}`)
      return false
    }
  }

  #within(what: string, timeoutMs: number, body: () => Promise<void>): Promise<void> {
    if (timeoutMs === Infinity || this.#system.closed) return body()
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new TimeoutError(what, timeoutMs))
      // Before the system begins to close: its clock is the last to go.
      const timer = limitOn(this.#system.clock, timeoutMs, 'a graceful shutdown', late)
      body()
        .then(resolve, reject)
        .finally(() => timer.cancel())
    })
  }

  #exit(code: number): void {
    process.exitCode = code
    // oxlint-disable-next-line unicorn/no-process-exit -- ending the process is what this is for
    process.exit(code)
  }
}

function ignore(): void {}

function checkSignals(signals: unknown): readonly NodeJS.Signals[] {
  const isList = Array.isArray(signals) && signals.length > 0
  if (isList && signals.every((name) => Object.hasOwn(constants.signals, name as string) && name !== 'SIGKILL')) {
    return [...new Set(signals as NodeJS.Signals[])]
  }
  throw new InvalidArgumentError('options.signals', 'a list of signals that can be caught', signals)
}
