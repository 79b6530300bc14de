import { inspect, type InspectOptions } from 'node:util'
import { callable, fieldOf, integer, known, optionalCallable, options as checkOptions } from '../internal/validate.ts'
import { BaseClock } from '../clock/base.ts'
import type { Instant } from '../clock/instant.ts'
import { AtomReentrancyError } from './errors.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { Listeners } from '../internal/listeners.ts'
import { type ErrorOwner, tellOwner, warnOwner } from '../internal/report-error.ts'
import { getDefaultSystem } from '../system/default.ts'
import { assertSystem } from '../system/system.ts'
import { checkChange } from './change.ts'
import { History } from './history.ts'
import type { Atom, AtomOptions, AtomSnapshot, Change, ChangeOptions, TimeSource, Watcher } from './types.ts'

/** Times of commits, which may be read less often than there are commits. */
interface CommitTime {
  recent(): Instant
}

/** The number of values an atom remembers by default. */
const HISTORY = 16

const IDLE = 0
/** User code runs that decides on a change: an updater, `equals`, the clock. */
const UPDATING = 1
/** Watchers are being told of one. */
const TELLING = 2

class LocalAtom<T> implements Atom<T> {
  readonly #clock: TimeSource
  readonly #time: CommitTime
  /** Absent for `Object.is`, which then compiles to a comparison in place. */
  readonly #equals: ((a: T, b: T) => boolean) | undefined
  readonly #watchers: Listeners<Change<T>>
  readonly #historySize: number
  /** Made by the first commit, for a history of more than the current value. */
  #history: History<T> | undefined
  #value: T
  #version: number
  #at: Instant
  /** Returns why a change is refused just now, or `undefined`. */
  #busy: typeof IDLE | typeof UPDATING | typeof TELLING = IDLE

  constructor(initial: T, clock: TimeSource, onError: ErrorOwner, options: AtomOptions<T>) {
    this.#clock = clock
    this.#time = clock instanceof BaseClock ? clock : { recent: () => clock.now() }
    this.#equals = options.equals
    this.#watchers = new Listeners('watcher', (error) => onError(error, 'a watcher of an atom'))
    this.#value = initial
    this.#version = options.baseVersion ?? 0
    this.#at = clock.now()
    this.#historySize = options.historySize ?? HISTORY
    this.#history = undefined
  }

  deref(): T {
    return this.#value
  }

  version(): number {
    return this.#version
  }

  swap(updater: (current: T) => T, options?: ChangeOptions): T {
    if (typeof updater !== 'function') callable('updater', updater)
    if (options !== undefined) checkChange(options)
    this.#begin()
    let next: T
    let at: Instant
    try {
      // Everything that is not ours runs before anything is changed.
      next = updater(this.#value)
      if (this.#same(next)) return this.#value
      at = this.#time.recent()
    } finally {
      this.#busy = IDLE
    }
    this.#commit(next, at, options)
    return next
  }

  reset(next: T, options?: ChangeOptions): T {
    if (options !== undefined) checkChange(options)
    return this.#replace(next, options) ? next : this.#value
  }

  compareAndSet(expected: T, next: T, options?: ChangeOptions): boolean {
    if (options !== undefined) checkChange(options)
    this.#begin()
    try {
      if (!this.#same(expected)) return false
    } finally {
      this.#busy = IDLE
    }
    return this.#replace(next, options)
  }

  snapshot(): AtomSnapshot<T> {
    return { value: this.#value, version: this.#version, at: this.#clock.now() }
  }

  watch(watcher: Watcher<T>): () => void {
    return this.#watchers.add(watcher)
  }

  history(): readonly AtomSnapshot<T>[] {
    const current = this.#current()
    return this.#history?.list(current) ?? [current]
  }

  clearHistory(): void {
    this.#history?.clear(this.#version)
  }

  get(): T {
    return this.#value
  }

  set(next: T, options?: ChangeOptions): T {
    return this.reset(next, options)
  }

  update(updater: (current: T) => T, options?: ChangeOptions): T {
    return this.swap(updater, options)
  }

  subscribe(subscriber: (value: T) => unknown): () => void {
    callable('subscriber', subscriber)
    return this.#watchers.add(({ to }) => subscriber(to))
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `Atom(version ${this.#version}) ${inspect(this.#value, options)}`
  }

  #same(value: T): boolean {
    return this.#equals === undefined ? Object.is(this.#value, value) : this.#equals(this.#value, value)
  }

  #replace(next: T, options: ChangeOptions | undefined): boolean {
    this.#begin()
    let at: Instant
    try {
      if (this.#same(next)) return false
      at = this.#time.recent()
    } finally {
      this.#busy = IDLE
    }
    this.#commit(next, at, options)
    return true
  }

  #begin(): void {
    if (this.#busy !== IDLE) throw new AtomReentrancyError(this.#busy === TELLING ? 'notification' : 'an update')
    this.#busy = UPDATING
  }

  /** Nothing in here can throw: by now the change is certain. */
  #commit(to: T, at: Instant, options: ChangeOptions | undefined): void {
    const from = this.#value
    const versionFrom = this.#version
    if (this.#history !== undefined) this.#history.push(versionFrom, from, this.#at)
    else if (this.#historySize > 1) this.#remember(versionFrom, from)
    this.#value = to
    this.#version = versionFrom + 1
    this.#at = at
    if (this.#watchers.size === 0) return
    const change = { from, to, versionFrom, versionTo: versionFrom + 1, at }
    this.#busy = TELLING
    // Never throws: each watcher's error has an owner.
    this.#watchers.tell(options?.cause === undefined ? change : { ...change, cause: options.cause })
    this.#busy = IDLE
  }

  /** Begins the history. */
  #remember(version: number, value: T): void {
    this.#history = new History(this.#historySize - 1, version)
    this.#history.push(version, value, this.#at)
  }

  #current(): AtomSnapshot<T> {
    return { value: this.#value, version: this.#version, at: this.#at }
  }
}

const OPTIONS = ['equals', 'baseVersion', 'historySize', 'onError', 'system']
const MOST_HISTORY = 2 ** 24

const isTimeSource = (value: object): value is TimeSource => typeof fieldOf(value, 'now') === 'function'

/**
 * Creates an atom of this thread. Its values stay what they are: nothing is copied or frozen.
 *
 * A commit's time is never earlier than a time that was read from its clock before it. Commits of one uninterrupted
 * run of JavaScript may share a reading of the system clock; a controlled clock and a clock of your own are read
 * once a commit.
 *
 * @param initial The first value, with version `baseVersion`.
 * @param clockOrOptions Where commit times come from, or the options. Default: the clock of the default system.
 * @throws InvalidArgumentError naming the argument or option that is refused.
 * @example
 * ```ts
 * const balance = createAtom(100)
 * balance.watch(({ from, to, cause }) => console.log(from, '->', to, cause))
 * balance.swap((amount) => amount - 30, { cause: 'coffee' })
 * ```
 */
export function createAtom<T>(initial: T, options?: AtomOptions<NoInfer<T>>): Atom<T>
export function createAtom<T>(initial: T, clock: TimeSource | undefined, options?: AtomOptions<NoInfer<T>>): Atom<T>
export function createAtom<T>(
  initial: T,
  clockOrOptions?: TimeSource | AtomOptions<T>,
  second?: AtomOptions<T>,
): Atom<T> {
  const clock = isClockGiven(clockOrOptions) ? clockOrOptions : undefined
  const settings = checkOptions('options', clock === undefined && second === undefined ? clockOrOptions : second)
  const options = settings as AtomOptions<T>
  known('options', options, OPTIONS)
  optionalCallable('options.equals', options.equals)
  optionalCallable('options.onError', options.onError)
  if (options.baseVersion !== undefined) integer('options.baseVersion', 0, 2 ** 52, options.baseVersion)
  if (options.historySize !== undefined) integer('options.historySize', 1, MOST_HISTORY, options.historySize)
  if (options.system !== undefined) assertSystem('options.system', options.system)
  if (clock !== undefined) return new LocalAtom(initial, clock, ownerFor(clock, options), options)
  const system = options.system ?? getDefaultSystem()
  return new LocalAtom(initial, system.clock, ownerFor(system.clock, { system, ...options }), options)
}

function isClockGiven<T>(value: TimeSource | AtomOptions<T> | undefined): value is TimeSource {
  if (typeof value !== 'object' || value === null) {
    if (value === undefined) return false
    throw new InvalidArgumentError('clock', 'a Clock', value)
  }
  return isTimeSource(value)
}

function ownerFor<T>(clock: TimeSource, { onError, system }: AtomOptions<T>): ErrorOwner {
  if (onError !== undefined) return (error, origin) => tellOwner(onError, error, origin)
  if (system !== undefined) return (error, origin) => system.report(error, origin)
  return clock instanceof BaseClock ? (error, origin) => clock.report(error, origin) : warnOwner
}
