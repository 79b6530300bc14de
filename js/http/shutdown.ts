import { constants } from 'node:os'

import { limitOn } from '../clock/internal-timers.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { TimeoutError } from '../errors/errors.ts'
import {
  duration,
  flag,
  known,
  optionalCallable,
  options as checkOptions,
  positiveMillis,
  timeout,
} from '../internal/validate.ts'
import { resolveSystem } from '../system/default.ts'
import type { System } from '../system/system.ts'
import { processShutdown, type ShutdownPart } from './process-shutdown.ts'
import type { DrainPace } from './web-socket-drain.ts'

/** Options of a graceful shutdown. Times are milliseconds of the system's clock. */
export interface ShutdownOptions {
  /**
   * Longest wait for requests in flight; what is not over then is broken off. `Infinity` waits for ever.
   * Default 10 000 ms.
   */
  readonly timeout?: number | undefined
  /** Longest time for `cleanup`, and again for closing the system; `Infinity` is no limit. Default 5000 ms. */
  readonly closeTimeout?: number | undefined
  /**
   * The time for which the server still accepts requests after the signal, while {@link Shutdown.ready} is false
   * already. Gives a load balancer time to notice. Default 0 ms.
   */
  readonly delay?: number | undefined
  /**
   * A WebSocket over which nothing was sent or received for this long is idle, and gets a Close frame (1001, "going
   * away"). Those that stay busy get it after half of `timeout`. 0 sends it to all at once. Default 1000 ms.
   */
  readonly webSocketIdleMs?: number | undefined
  /** The signals that begin the shutdown. Default `SIGTERM` and `SIGINT`. */
  readonly signals?: readonly NodeJS.Signals[] | undefined
  /**
   * Closes your own resources, such as a pool or a queue. Runs between the last response and the end of the system; a
   * promise is awaited for at most `closeTimeout`. What it throws is reported and makes the exit code 1. Default: none.
   */
  readonly cleanup?: (() => unknown) | undefined
  /** Exits the process at the end. Default true; false is for tests, and for programs that exit themselves. */
  readonly exit?: boolean | undefined
  /** The system to close. Default: the default system. */
  readonly system?: System
}

const NAMES = ['timeout', 'closeTimeout', 'delay', 'webSocketIdleMs', 'signals', 'cleanup', 'exit', 'system']
const TIMEOUT_MS = 10_000
const CLOSE_TIMEOUT_MS = 5000
const WEB_SOCKET_IDLE_MS = 1000
const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT']
/** Signals that no program can catch. */
const UNCATCHABLE: ReadonlySet<string> = new Set(['SIGKILL', 'SIGSTOP'])
const FAILED = 1

/** Work that a shutdown broke off, because it took longer than `timeout`. */
export interface BrokenOff {
  /** The kind of work. */
  readonly what: 'a request' | 'an answer that had begun' | 'half a request' | 'an upgraded connection'
  /** The method of a request that had arrived. */
  readonly method?: string
  /** The path of a request that had arrived, without its query. */
  readonly path?: string
}

/** A server that can be drained. */
export interface DrainableServer {
  /** Stops accepting. Resolves once the work in flight is over. */
  drain(): Promise<void>
  /** Breaks off the work that is still in flight, and returns it. */
  abort(): BrokenOff[]
  /** Removes all listeners from the server. */
  dispose(): void
}

/**
 * A graceful shutdown of one server: it stops accepting, waits for requests in flight, cleans up, closes the system,
 * and exits. `gracefulShutdown` returns one.
 *
 * The exit code is 0 when all of that was done in time, and 1 when it was not. A second signal ends the process at
 * once, with 128 plus the number of the signal. All servers of a process shut down together: each drains, then each
 * cleans up, then their systems are closed.
 */
export class Shutdown {
  /** Resolves with the exit code when all is done. Never rejects; failures are reported to the system's `onError`. */
  readonly done: Promise<number>
  readonly #part: ShutdownPart
  readonly #server: DrainableServer
  readonly #options: ShutdownOptions
  readonly #system: System
  #finish: (code: number) => void = ignore
  #begun = false
  #code = 0
  #brokenOff: readonly BrokenOff[] = []

  /** @internal */
  constructor(server: (pace: DrainPace) => DrainableServer, options: ShutdownOptions | undefined) {
    const opts = checkOptions('options', options)
    known('options', opts, NAMES)
    const timeoutMs = timeout('options.timeout', TIMEOUT_MS, opts.timeout)
    const closeTimeout = timeout('options.closeTimeout', CLOSE_TIMEOUT_MS, opts.closeTimeout)
    if (opts.delay !== undefined && opts.delay !== 0) positiveMillis('options.delay', opts.delay)
    const webSocketIdleMs = opts.webSocketIdleMs ?? WEB_SOCKET_IDLE_MS
    duration('options.webSocketIdleMs', webSocketIdleMs)
    optionalCallable('options.cleanup', opts.cleanup)
    const exits = flag('options.exit', true, opts.exit)
    const signals = checkSignals(opts.signals ?? SIGNALS)
    this.#options = opts
    this.#system = resolveSystem(opts.system)
    this.done = new Promise((resolve) => {
      this.#finish = resolve
    })
    // No listener is added before all options are checked.
    this.#server = server({ clock: this.#system.clock, webSocketIdleMs, timeoutMs })
    this.#part = this.#makePart(exits, signals, closeTimeout)
    processShutdown.add(this.#part)
  }

  /** True while the server wants new requests: until the first signal. Use it in a readiness endpoint. */
  get ready(): boolean {
    return !this.#begun
  }

  /** The work that was broken off after `timeout`; empty when everything was answered in time. */
  get brokenOff(): readonly BrokenOff[] {
    return this.#brokenOff
  }

  /**
   * Begins the shutdown, as a signal does. Returns {@link done}, which resolves with the exit code if the process does
   * not exit (`exit: false`). Idempotent.
   *
   * Servers that cannot go on shut down with this one: all of the process if it exits, else those of the same system.
   */
  shutdown(): Promise<number> {
    if (!this.#begun) processShutdown.begin(this.#part)
    return this.done
  }

  /** Stops listening to signals and to the server. A shutdown that has begun goes on. */
  dispose(): void {
    if (this.#begun) return
    processShutdown.remove(this.#part)
    this.#server.dispose()
  }

  /** Calls {@link dispose} at the end of a block: `using shutdown = gracefulShutdown(server)`. */
  [Symbol.dispose](): void {
    this.dispose()
  }

  #makePart(exits: boolean, signals: readonly NodeJS.Signals[], closeTimeout: number): ShutdownPart {
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
    const { timeout: drainTimeout = TIMEOUT_MS, closeTimeout = CLOSE_TIMEOUT_MS, delay = 0 } = this.#options
    if (delay > 0) await this.#step('waiting', Infinity, () => this.#system.clock.sleep(delay))
    let drained: Promise<void> | undefined
    const isDrained = await this.#step(
      'waiting for work in flight',
      drainTimeout,
      () => (drained = this.#server.drain()),
    )
    if (isDrained) return
    this.#brokenOff = this.#server.abort()
    if (this.#brokenOff.length > 0) {
      this.#system.report(
        new TimeoutError('work in flight', drainTimeout, `broken off: ${this.#brokenOff.map(textOf).join(', ')}`),
        'graceful shutdown: broken off',
      )
    }
    // Listeners to the ends of connections run before the clean-up. The step above has reported what `drained` rejects
    // with.
    const closing = drained ?? Promise.resolve()
    await this.#step('closing connections', closeTimeout, () => closing.catch(ignore))
  }

  async #cleanUp(closeTimeout: number): Promise<void> {
    const { cleanup } = this.#options
    if (cleanup !== undefined) await this.#step('cleanup', closeTimeout, async () => void (await cleanup()))
  }

  /** Runs a step. Resolves to whether it succeeded in time; what it does later is ignored. */
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
      // This timer is set before the system begins to close, which closes its clock last.
      const timer = limitOn(this.#system.clock, timeoutMs, 'a graceful shutdown', late)
      body()
        .then(resolve, reject)
        .finally(() => timer.cancel())
    })
  }
}

const MAX_PATH = 2048

const textOf = ({ what, method, path }: BrokenOff): string =>
  method === undefined ? what : `${what} (${method} ${path?.slice(0, MAX_PATH)})`

function ignore(): void {}

function checkSignals(signals: unknown): readonly NodeJS.Signals[] {
  if (!Array.isArray(signals)) throw new InvalidArgumentError('options.signals', 'a list of signals', signals)
  if (signals.length === 0) throw new InvalidArgumentError('options.signals', 'one signal or more', 'none')
  for (const [index, name] of signals.entries()) {
    const isCatchable = typeof name === 'string' && Object.hasOwn(constants.signals, name) && !UNCATCHABLE.has(name)
    if (!isCatchable) throw new InvalidArgumentError(`options.signals[${index}]`, "a signal such as 'SIGTERM'", name)
  }
  return [...new Set(signals as NodeJS.Signals[])]
}
