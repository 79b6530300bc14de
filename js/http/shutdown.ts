import { limitOn } from '../clock/internal-timers.ts'
import { constants } from 'node:os'

import {
  flag,
  known,
  optionalCallable,
  options as checkOptions,
  positiveMillis,
  timeout as checkTimeout,
} from '../internal/validate.ts'
import { InvalidArgumentError, TimeoutError } from '../errors/errors.ts'
import type { System } from '../system/system.ts'
import { endings, type Part } from './process-shutdown.ts'
import { resolveSystem } from '../system/default.ts'

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
/** Signals that no program can catch. */
const CERTAIN: ReadonlySet<string> = new Set(['SIGKILL', 'SIGSTOP'])
const FAILED = 1

/** What a shutdown broke off, because it took longer than its timeout. */
export interface BrokenOff {
  readonly what: 'a request' | 'an answer that had begun' | 'half a request' | 'an upgraded connection'
  /** Of a request that had arrived. */
  readonly method?: string
  /** Without its query. */
  readonly path?: string
}

/** What stops a server. */
export interface Stoppable {
  /** Stops accepting; resolves once the work in flight is over. */
  drain(): Promise<void>
  /** Breaks off what is still in flight, and says what that was. */
  abort(): BrokenOff[]
  /** Looks at the server no more. */
  dispose(): void
}

/**
 * An orderly end: stop accepting, let work in flight end, clean up, close the system, exit. The exit code is 0 when all
 * of that was done in time and 1 when it was not; a second signal ends the process at once, with 128 and its number.
 *
 * All servers of a process end together: each drains, then each cleans up, then their systems are closed.
 */
export class Shutdown {
  /** Resolves with the exit code when all is done. Never rejects; what fails is reported to the system. */
  readonly done: Promise<number>
  readonly #part: Part
  readonly #server: Stoppable
  readonly #options: ShutdownOptions
  readonly #system: System
  #finish: (code: number) => void = ignore
  #begun = false
  #code = 0
  #brokenOff: readonly BrokenOff[] = []

  /** @internal */
  constructor(server: () => Stoppable, options: ShutdownOptions | undefined) {
    const given = checkOptions('options', options)
    known('options', given, NAMES)
    checkTimeout('options.timeout', TIMEOUT_MS, given.timeout)
    const closeTimeout = checkTimeout('options.closeTimeout', CLOSE_TIMEOUT_MS, given.closeTimeout)
    if (given.delay !== undefined && given.delay !== 0) positiveMillis('options.delay', given.delay)
    optionalCallable('options.cleanup', given.cleanup)
    const exits = flag('options.exit', true, given.exit)
    const signals = checkSignals(given.signals ?? SIGNALS)
    this.#options = given
    this.#system = resolveSystem(given.system)
    this.done = new Promise((resolve) => {
      this.#finish = resolve
    })
    // Nothing is listened to before all options hold.
    this.#server = server()
    this.#part = this.#makePart(exits, signals, closeTimeout)
    endings.add(this.#part)
  }

  /** Whether new work is welcome: false from the first signal on. For a readiness endpoint. */
  get ready(): boolean {
    return !this.#begun
  }

  /** What was broken off after `timeout`; empty when all was answered in time. */
  get brokenOff(): readonly BrokenOff[] {
    return this.#brokenOff
  }

  /**
   * Begins it, as a signal does. Resolves with the exit code, if the process is not ended (`exit: false`). Servers that
   * cannot go on begin with it: all of the process if that is ended, else those whose system is closed.
   */
  shutdown(): Promise<number> {
    if (!this.#begun) endings.begin(this.#part)
    return this.done
  }

  /** Lets signals be what they were. A shutdown that has begun goes on. */
  dispose(): void {
    if (this.#begun) return
    endings.remove(this.#part)
    this.#server.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #makePart(exits: boolean, signals: readonly NodeJS.Signals[], closeTimeout: number): Part {
    const code = (): number => this.#code
    return {
      system: this.#system,
      exits,
      signals,
      closeTimeout,
      get code() {
        return code()
      },
      begin: () => void (this.#begun = true),
      drain: () => this.#drain(),
      cleanUp: () => this.#cleanUp(closeTimeout),
      closeSystem: (timeoutMs) => this.#step('closing the system', timeoutMs, () => this.#system.close()),
      finish: (hasFailed) => {
        if (hasFailed) this.#code = FAILED
        this.#server.dispose()
        this.#finish(this.#code)
      },
    }
  }

  async #drain(): Promise<void> {
    const { timeout = TIMEOUT_MS, closeTimeout = CLOSE_TIMEOUT_MS, delay = 0 } = this.#options
    if (delay > 0) await this.#step('waiting', Infinity, () => this.#system.clock.sleep(delay))
    let drained: Promise<void> | undefined
    const isDrained = await this.#step('waiting for work in flight', timeout, () => (drained = this.#server.drain()))
    if (isDrained) return
    this.#brokenOff = this.#server.abort()
    if (this.#brokenOff.length > 0) {
      this.#system.report(
        new TimeoutError('work in flight', timeout, `broken off: ${this.#brokenOff.map(textOf).join(', ')}`),
        'graceful shutdown: broken off',
      )
    }
    // Whoever listens to the ends of connections hears of them before anything is cleaned up. What `drained` rejects
    // with was reported by its step.
    const closing = drained ?? Promise.resolve()
    await this.#step('closing connections', closeTimeout, () => closing.catch(ignore))
  }

  async #cleanUp(closeTimeout: number): Promise<void> {
    const { cleanup } = this.#options
    if (cleanup !== undefined) await this.#step('cleanup', closeTimeout, async () => void (await cleanup()))
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
}

const MOST_TOLD = 2048

const textOf = ({ what, method, path }: BrokenOff): string =>
  method === undefined ? what : `${what} (${method} ${path?.slice(0, MOST_TOLD)})`

function ignore(): void {}

function checkSignals(signals: unknown): readonly NodeJS.Signals[] {
  if (!Array.isArray(signals)) throw new InvalidArgumentError('options.signals', 'a list of signals', signals)
  if (signals.length === 0) throw new InvalidArgumentError('options.signals', 'one signal or more', 'none')
  for (const [index, name] of signals.entries()) {
    const isCatchable = typeof name === 'string' && Object.hasOwn(constants.signals, name) && !CERTAIN.has(name)
    if (!isCatchable) throw new InvalidArgumentError(`options.signals[${index}]`, "a signal such as 'SIGTERM'", name)
  }
  return [...new Set(signals as NodeJS.Signals[])]
}
