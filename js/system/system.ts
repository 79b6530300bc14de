import {
  callable,
  callbacks,
  flag,
  fieldOf,
  integer,
  isA,
  known,
  millis,
  optionalCallable,
  options as checkOptions,
  text,
} from '../internal/validate.ts'
import { BaseClock } from '../clock/base.ts'
import { type ErrorOwner, tellOwner, warnOwner } from '../internal/report-error.ts'
import type { Tracer } from '../internal/tracer.ts'
import { createSystemClock } from '../clock/system-clock.ts'
import type { Clock } from '../clock/types.ts'
import { ClosedError, InvalidArgumentError } from '../errors/errors.ts'
import { hot } from '../native.ts'
import { Audit, type AuditJournal, checkAuditJournal } from './audit.ts'
import { SystemCore } from './core.ts'
import { freshSeed } from './entropy.ts'
import { Names } from './names.ts'
import { observeIfAsked } from './observe-if-asked.ts'
import { Random } from './random.ts'

/** Options of {@link createSystem}. */
export interface SystemOptions {
  /** The name of the system in reports. Default `'system'`. */
  readonly name?: string
  /** The clock. Default: a system clock of its own, closed with the system. */
  readonly clock?: Clock
  /** Seeds its random source: an integer from 0 to 2^53 - 1. Default: a fresh one, readable as `seed`. */
  readonly seed?: number
  /** Owns errors that have no caller. Default: a process warning. */
  readonly onError?: ErrorOwner
  /**
   * The namespace of names that threads share: systems with the same namespace share, on any thread. Default: a
   * namespace of its own, so that two systems share nothing.
   */
  readonly namespace?: string
  /** Closes a clock that was passed in together with the system. Default false. */
  readonly closeClock?: boolean
  /** The time, in ms, that {@link System.close} waits for its processes to end. It kills the rest. Default 30 000. */
  readonly closeTimeout?: number
  /**
   * Writes what happens in the system to a journal: lifecycle events of processes and supervisors, commits of atoms,
   * events of gates. See {@link System.audit}. Default: none.
   */
  readonly journal?: AuditJournal
  /**
   * Prints crashes that a supervisor handles as process warnings (`KEELSON_CRASH`): the first ten of a child in a
   * minute, then one line with the count. The diagnostics channel `keelson:crash` has all of them. Default true.
   */
  readonly crashReports?: boolean
}

/** The prefix of namespaces that belong to one system alone. */
const PRIVATE = '#'

const CLOSE_TIMEOUT = 30_000
const ofClocks = new WeakMap<Clock, System>()

/** @internal The open system whose clock this is. */
export function systemOf(clock: Clock): System | undefined {
  const system = ofClocks.get(clock)
  return system?.closed === false ? system : undefined
}

/** A part that ends with its system, once you have passed it to {@link System.own}. */
export interface Closable {
  /** Ends the part. The system calls it once, waits for a promise, and reports an error. */
  close(): void | Promise<void>
}

/**
 * Owns a clock, a seeded random source, names, and an owner for errors without a caller. Two systems share nothing
 * unless you give them one `namespace`, so tests that make their own do not touch each other.
 */
export class System {
  /** The name in reports. */
  readonly name: string
  /** The seed of {@link random}; with the same seed and a controlled clock, a run repeats. */
  readonly seed: number
  /** The namespace of names that threads share. */
  readonly namespace: string
  /** The clock of everything in the system. */
  readonly clock: Clock
  /** The random source of everything in the system. */
  readonly random: Random
  /** The time, in ms, that {@link close} waits for processes. */
  readonly closeTimeout: number
  /** Prints supervised crashes as warnings. */
  readonly crashReports: boolean
  /** Its names. */
  readonly names: Names
  /** @internal Writes what happens to the journals of {@link audit}. */
  readonly trail: Audit
  /** @internal Follows messages to their handlers. Set by `keelson/opentelemetry`. */
  tracer: Tracer | undefined
  readonly #core: SystemCore
  readonly #onError: ErrorOwner
  readonly #ownsClock: boolean
  readonly #parts: Closable[] = []
  readonly #ends: (() => Promise<void>)[] = []
  readonly #own: ErrorOwner = (error, origin) => this.report(error, origin)
  #closing: Promise<void> | undefined

  /** @internal Use {@link createSystem}. */
  constructor(options: SystemOptions) {
    this.name = options.name ?? 'system'
    this.seed = options.seed ?? freshSeed()
    this.namespace = options.namespace ?? `${PRIVATE}${hot.sharedNamespace()}`
    this.closeTimeout = options.closeTimeout ?? CLOSE_TIMEOUT
    this.crashReports = options.crashReports ?? true
    this.#core = new SystemCore(this.name, this.seed)
    this.random = new Random(this.#core)
    this.names = new Names(this.#core)
    this.#onError = options.onError ?? warnOwner
    this.trail = new Audit(this.#own, ...(options.journal === undefined ? [] : [options.journal]))
    this.#ownsClock = options.clock === undefined || options.closeClock === true
    this.clock = options.clock ?? createSystemClock()
    if (this.clock instanceof BaseClock && this.clock.owner === warnOwner) {
      this.clock.owner = this.#own
    }
    if (systemOf(this.clock) === undefined) ofClocks.set(this.clock, this)
  }

  /** Returns whether {@link close} was called. */
  get closed(): boolean {
    return this.#closing !== undefined
  }

  /** Hands an error that has no caller to the system's owner. Never throws. */
  report(error: unknown, origin: string): void {
    tellOwner(this.#onError, error, origin)
  }

  /**
   * Writes what happens from now on to a journal, in order, as plain data: lifecycle events of processes
   * (`process:started` …) and supervisors (`supervisor:restarted` …), and of atoms and gates that are made from now on,
   * their commits (`atom:commit`) and events (`gate:shed` …). A journal that fails stops nobody: the error goes to
   * `onError`. The returned function ends it.
   *
   * @throws InvalidArgumentError for what is no journal.
   * @example
   * ```ts
   * const end = system.audit(createJournal({ system }))
   * ```
   */
  audit(journal: AuditJournal): () => void {
    return this.trail.add(checkAuditJournal('journal', journal))
  }

  /**
   * Makes a part end with the system: parts are closed in reverse order of adding. Returns a function that forgets it.
   *
   * @throws ClosedError when the system is closed.
   */
  own(part: Closable): () => void {
    this.assertOpen()
    callbacks('part', part, ['close'])
    callable('part.close', fieldOf(part, 'close'))
    this.#parts.push(part)
    return () => {
      const index = this.#parts.lastIndexOf(part)
      if (index >= 0) this.#parts.splice(index, 1)
    }
  }

  /** @internal Runs as it closes, before any part is closed, while all of them still work. Must not reject. */
  beforeParts(end: () => Promise<void>): void {
    this.#ends.push(end)
  }

  /**
   * Ends the processes, the last first, then closes the parts in reverse order, then the clock if it is the system's
   * own. Nothing can be started meanwhile. Idempotent; errors are reported, and it never rejects. See
   * `docs/semantics.md`.
   */
  close(): Promise<void> {
    // Set before anything runs: a part may close the system again.
    this.#closing ??= Promise.resolve().then(() => this.#close())
    return this.#closing
  }

  /** `await using system = createSystem()` closes it at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @internal */
  assertOpen(): void {
    if (this.closed) throw new ClosedError(`the system ${this.name}`)
  }

  async #close(): Promise<void> {
    for (const end of this.#ends) await end()
    for (let part = this.#parts.pop(); part !== undefined; part = this.#parts.pop()) {
      try {
        await part.close()
      } catch (error) {
        this.report(error, `closing a part of ${this.name}`)
      }
    }
    if (this.#ownsClock) this.clock.close()
    else if (this.clock instanceof BaseClock && this.clock.owner === this.#own) this.clock.owner = warnOwner
    this.#core.close()
  }
}

const OPTIONS = [
  'name',
  'clock',
  'seed',
  'onError',
  'namespace',
  'closeClock',
  'closeTimeout',
  'journal',
  'crashReports',
]

/**
 * Makes a system of its own.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * const system = createSystem({ clock: createControlledClock(), seed: 42 })
 * console.log(system.random.int(6))
 * await system.close()
 * ```
 */
export function createSystem(options?: SystemOptions): System {
  const settings = checkOptions('options', options)
  known('options', settings, OPTIONS)
  if (settings.name !== undefined) text('options.name', settings.name)
  if (settings.seed !== undefined) integer('options.seed', 0, Number.MAX_SAFE_INTEGER, settings.seed)
  optionalCallable('options.onError', settings.onError)
  if (settings.namespace !== undefined) assertNamespace('options.namespace', settings.namespace)
  flag('options.closeClock', false, settings.closeClock)
  if (settings.journal !== undefined) checkAuditJournal('options.journal', settings.journal)
  flag('options.crashReports', true, settings.crashReports)
  if (settings.clock !== undefined) assertClock('options.clock', settings.clock)
  if (settings.closeTimeout !== undefined && millis('options.closeTimeout', settings.closeTimeout) < 0) {
    throw new InvalidArgumentError('options.closeTimeout', 'a number of milliseconds from 0', settings.closeTimeout)
  }
  const system = new System(settings)
  observeIfAsked(system)
  return system
}

/** @internal Refuses what is no name of a namespace, or could be a private one. */
export function assertNamespace(field: string, namespace: unknown): void {
  if (text(field, namespace).startsWith(PRIVATE)) {
    throw new InvalidArgumentError(field, `a text that does not begin with ${PRIVATE}`, namespace)
  }
}

/** @internal Refuses what is no system. */
export function assertSystem(field: string, system: unknown): asserts system is System {
  if (!isA(system, System)) throw new InvalidArgumentError(field, 'a System', system)
}

/** @internal Refuses what cannot serve as a clock. */
export function assertClock(field: string, clock: unknown): asserts clock is Clock {
  const methods = ['now', 'monoMs', 'sleep', 'schedule', 'interval', 'close'] as const
  const candidate = clock as Record<string, unknown> | null
  if (
    typeof candidate !== 'object' ||
    candidate === null ||
    methods.some((method) => typeof fieldOf(candidate, method) !== 'function')
  ) {
    throw new InvalidArgumentError(field, `a Clock (with ${methods.join(', ')})`, clock)
  }
}
