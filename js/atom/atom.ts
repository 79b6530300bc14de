import { inspect, type InspectOptions } from 'node:util'
import { BaseClock } from '../clock/base.ts'
import type { Instant } from '../clock/instant.ts'
import { Listeners } from '../internal/listeners.ts'
import { assertInternal, INTERNAL } from '../internal/private-constructor.ts'
import type { ErrorOwner } from '../internal/report-error.ts'
import { callable } from '../internal/validate.ts'
import type { System } from '../system/system.ts'
import { Members } from '../tables/members.ts'
import { offerMembers } from '../tables/offers.ts'
import { checkChange } from './change.ts'
import { forgetCommits, keptCommits, openAtom, report } from './commits.ts'
import { AtomReentrancyError } from './errors.ts'
import type { AtomOptions, AtomSnapshot, Change, ChangeOptions, TimeSource, Watcher } from './types.ts'

/** Times of commits, which may be read less often than there are commits. */
interface CommitTime {
  recent(): Instant
}

/** A name for an atom in the tables of its system. */
export class AtomName {
  readonly system: System
  readonly name: string

  constructor(system: System, name: string) {
    this.system = system
    this.name = name
  }
}

/** What lists an atom for observers: its system, or its name there. */
export type AtomListing = System | AtomName

/** Atoms that were changed or watched, with their names and their first versions. */
const atoms = new Members<Atom<unknown>, { readonly name: string | undefined; readonly base: number }>()

/** The number of values an atom remembers by default. */
const HISTORY = 16
/** The handle of an atom that has not changed yet. */
const UNOPENED = -1

const IDLE = 0
/** User code runs that decides on a change: an updater, `equals`, the clock. */
const UPDATING = 1
/** Watchers are being told of one. */
const TELLING = 2

/** Changes of a transaction that has not committed yet. */
interface Staged<T> {
  /** The committed value. */
  readonly from: T
  cause: unknown
  /** The time of the commit, once it is certain that there is a change. */
  at: Instant | undefined
}

/** @internal Makes an atom. */
export let makeAtom: <T>(
  initial: T,
  clock: TimeSource,
  onError: ErrorOwner,
  options: AtomOptions<T>,
  listing: AtomListing | undefined,
) => Atom<T>

/** @internal What a transaction asks of its atoms. */
export let participant: {
  /** Refuses to take part while another change is under way. */
  readonly assertFree: (atom: Atom<unknown>) => void
  /** From now on changes are staged: they are visible at once, and commit together or not at all. */
  readonly stage: (atom: Atom<unknown>) => void
  /** Drops what was staged. */
  readonly unstage: (atom: Atom<unknown>) => void
  /** Runs all user code that decides on the commit, and refuses changes meanwhile. Returns whether there is a change. */
  readonly prepare: (atom: Atom<unknown>) => boolean
  /** Reports the commit to the core. */
  readonly propose: (atom: Atom<unknown>) => void
  /** Takes the change over, and refuses others until {@link release}. Returns the change, if there is one. */
  readonly conclude: (atom: Atom<unknown>, cause: unknown) => Change<unknown> | undefined
  /** Calls the watchers. Never throws. */
  readonly tell: (atom: Atom<unknown>, change: Change<unknown>) => void
  readonly release: (atom: Atom<unknown>) => void
  /** Passes an error to the owner. */
  readonly report: (atom: Atom<unknown>, error: unknown, origin: string) => void
}

/**
 * A value that changes in whole steps, one version each: who reads it sees a committed value, never half a change.
 * A change is all or nothing: if the updater, `equals` or the clock throws, value, version and history stay.
 *
 * `createAtom` makes one; there is no public constructor.
 */
export class Atom<T> {
  static {
    makeAtom = (initial, clock, onError, options, listing) =>
      new Atom(INTERNAL, initial, clock, onError, options, listing)
    offerMembers('atom', atoms, {
      name: ({ note, number }) => note.name ?? `atom_${number}`,
      version: ({ item }) => item.#version,
      commits: ({ item, note }) => item.#version - note.base,
      watchers: ({ item }) => item.#watchers.size,
      shared: () => 0,
    })
    participant = {
      assertFree: (atom) => atom.#assertFree(),
      stage: (atom) => (atom.#staged = { from: atom.#value, cause: undefined, at: undefined }),
      unstage: (atom) => atom.#unstage(),
      prepare: (atom) => atom.#prepare(),
      propose: (atom) => {
        const { from, at } = atom.#staged as Staged<unknown>
        report(atom.#opened(from), atom.#version + 1, at as Instant)
      },
      conclude: (atom, cause) => atom.#conclude(cause),
      tell: (atom, change) => atom.#watchers.tell(change),
      release: (atom) => (atom.#busy = IDLE),
      report: (atom, error, origin) => atom.#onError(error, origin),
    }
  }

  readonly #clock: TimeSource
  readonly #time: CommitTime
  /** Absent for `Object.is`, which then compiles to a comparison in place. */
  readonly #equals: ((a: T, b: T) => boolean) | undefined
  readonly #onError: ErrorOwner
  readonly #watchers: Listeners<Change<T>>
  readonly #historySize: number
  /** Values by version, the current one included, from the first commit on. The core knows which are kept. */
  #values: T[] | undefined = undefined
  /** One less than a power of two: the lowest bits of a version are the place of its value. */
  #mask = 0
  /** The atom of the core, opened at the first commit. */
  #atom: number = UNOPENED
  #value: T
  #version: number
  /** The time of the initial value. */
  readonly #createdAt: Instant
  /** Returns why a change is refused just now, or `undefined`. */
  #busy: typeof IDLE | typeof UPDATING | typeof TELLING = IDLE
  #staged: Staged<T> | undefined
  /** Where it is listed once it is changed or watched; `undefined` when it is, or belongs to no system. */
  #unlisted: AtomListing | undefined

  /** @throws PrivateConstructorError outside the package. */
  private constructor(
    internal: typeof INTERNAL,
    initial: T,
    clock: TimeSource,
    onError: ErrorOwner,
    options: AtomOptions<T>,
    listing: AtomListing | undefined,
  ) {
    assertInternal(internal, 'Atom', 'createAtom()')
    this.#clock = clock
    this.#time = clock instanceof BaseClock ? clock : { recent: () => clock.now() }
    this.#equals = options.equals
    this.#onError = onError
    this.#watchers = new Listeners('watcher', (error) => onError(error, 'a watcher of an atom'))
    this.#value = initial
    this.#version = options.baseVersion ?? 0
    this.#createdAt = clock.now()
    this.#historySize = options.historySize ?? HISTORY
    this.#staged = undefined
    this.#unlisted = listing
  }

  /** Returns the current value. */
  deref(): T {
    return this.#value
  }

  /** Returns the version of the current value: `baseVersion`, and one more with each change. */
  version(): number {
    return this.#version
  }

  /**
   * Commits what the updater makes of the current value and returns it. An equal result is no change: no version, no
   * notification, and the old value is returned. What the updater throws is thrown.
   *
   * @throws AtomReentrancyError from an updater or a watcher of this atom; nothing changes.
   */
  swap(updater: (current: T) => T, options?: ChangeOptions): T {
    if (typeof updater !== 'function') callable('updater', updater)
    if (options !== undefined) checkChange(options)
    this.#begin()
    let next: T
    let isSame: boolean
    let at: Instant | undefined
    // V8 makes better code for a `catch` than for a `finally` with a `return` inside.
    try {
      // Everything that is not ours runs before anything is changed.
      next = updater(this.#value)
      isSame = this.#same(next)
      if (!isSame && this.#staged === undefined) at = this.#time.recent()
    } catch (error) {
      this.#busy = IDLE
      throw error
    }
    this.#busy = IDLE
    if (isSame) return this.#value
    this.#commit(next, at, options)
    return next
  }

  /** Commits a value, as {@link swap} does. */
  reset(next: T, options?: ChangeOptions): T {
    if (options !== undefined) checkChange(options)
    return this.#replace(next, options) ? next : this.#value
  }

  /**
   * Commits `next` if the current value equals `expected` and `next` does not. True exactly when a change was
   * committed, so of two writers that expected the same value only one gets true.
   */
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

  /** Returns the current value and version with the time of this call. */
  snapshot(): AtomSnapshot<T> {
    return { value: this.#value, version: this.#version, at: this.#clock.now() }
  }

  /**
   * Calls the watcher for each later change, on the stack of the change, in order of registration. A watcher that is
   * added during a notification starts with the next change. Returns a function that removes the watcher; each call of
   * `watch` counts on its own.
   */
  watch(watcher: Watcher<T>): () => void {
    if (this.#unlisted !== undefined) this.#list(this.#unlisted)
    return this.#watchers.add(watcher)
  }

  /** Returns the last `historySize` values with their commit times, oldest first; the current one is the last. */
  history(): readonly AtomSnapshot<T>[] {
    const current = this.#version
    const value = this.#staged === undefined ? this.#value : this.#staged.from
    if (this.#atom === UNOPENED) return [{ value, version: current, at: this.#createdAt }]
    return keptCommits(this.#atom).map(({ version, at }) => {
      return { value: version === current ? value : (this.#values?.[version & this.#mask] as T), version, at }
    })
  }

  /** Forgets all values but the current one. */
  clearHistory(): void {
    if (this.#atom === UNOPENED) return
    forgetCommits(this.#atom)
    if (this.#values !== undefined) this.#values = []
    this.#keep(this.#staged === undefined ? this.#value : this.#staged.from)
  }

  /** The same as {@link deref}. */
  get(): T {
    return this.#value
  }

  /** The same as {@link reset}. */
  set(next: T, options?: ChangeOptions): T {
    return this.reset(next, options)
  }

  /** The same as {@link swap}. */
  update(updater: (current: T) => T, options?: ChangeOptions): T {
    return this.swap(updater, options)
  }

  /** Like {@link watch}, for the new value alone. Not called for the current one. */
  subscribe(subscriber: (value: T) => unknown): () => void {
    callable('subscriber', subscriber)
    return this.watch(({ to }) => subscriber(to))
  }

  /** @internal */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `Atom(version ${this.#version}) ${inspect(this.#value, options)}`
  }

  #assertFree(): void {
    if (this.#staged !== undefined) throw new AtomReentrancyError('a transaction')
    this.#begin()
    this.#busy = IDLE
  }

  #unstage(): void {
    this.#value = (this.#staged as Staged<T>).from
    this.#staged = undefined
    this.#busy = IDLE
  }

  #prepare(): boolean {
    this.#begin()
    const staged = this.#staged as Staged<T>
    const to = this.#value
    if (this.#equals === undefined ? Object.is(staged.from, to) : this.#equals(staged.from, to)) return false
    staged.at = this.#time.recent()
    return true
  }

  #conclude(cause: unknown): Change<T> | undefined {
    const { at, from, cause: own } = this.#staged as Staged<T>
    const to = this.#value
    this.#unstage()
    if (at === undefined) return undefined
    this.#take(to)
    this.#busy = TELLING
    return this.#changed(from, at, own ?? cause)
  }

  #same(value: T): boolean {
    return this.#equals === undefined ? Object.is(this.#value, value) : this.#equals(this.#value, value)
  }

  #replace(next: T, options: ChangeOptions | undefined): boolean {
    this.#begin()
    let isSame: boolean
    let at: Instant | undefined
    try {
      isSame = this.#same(next)
      if (!isSame && this.#staged === undefined) at = this.#time.recent()
    } catch (error) {
      this.#busy = IDLE
      throw error
    }
    this.#busy = IDLE
    if (isSame) return false
    this.#commit(next, at, options)
    return true
  }

  #begin(): void {
    if (this.#busy !== IDLE) throw new AtomReentrancyError(this.#busy === TELLING ? 'notification' : 'an update')
    this.#busy = UPDATING
  }

  /** Commits, or stages the change in a transaction, which has no time yet. */
  #commit(to: T, at: Instant | undefined, options: ChangeOptions | undefined): void {
    const from = this.#value
    if (at === undefined) {
      this.#value = to
      if (options?.cause !== undefined) (this.#staged as Staged<T>).cause = options.cause
      return
    }
    report(this.#atom === UNOPENED ? this.#opened(from) : this.#atom, this.#version + 1, at)
    this.#take(to)
    if (this.#watchers.size === 0) return
    this.#busy = TELLING
    // Never throws: each watcher's error has an owner.
    this.#watchers.tell(this.#changed(from, at, options?.cause))
    this.#busy = IDLE
  }

  /** Returns the atom of the core, opened before the first commit, over the initial value. */
  #opened(initial: T): number {
    if (this.#atom !== UNOPENED) return this.#atom
    if (this.#unlisted !== undefined) this.#list(this.#unlisted)
    const atom = openAtom(this, this.#version, this.#createdAt, this.#historySize)
    this.#atom = atom
    if (this.#historySize > 1) this.#values = []
    this.#mask = 2 ** Math.ceil(Math.log2(this.#historySize)) - 1
    this.#keep(initial)
    return atom
  }

  /** Lists it for observers of its system. */
  #list(listing: AtomListing): void {
    this.#unlisted = undefined
    const [system, name] = listing instanceof AtomName ? [listing.system, listing.name] : [listing, undefined]
    atoms.add(system, this as Atom<unknown>, { name, base: this.#version })
  }

  /** Takes over a value with the next version. */
  #take(to: T): void {
    this.#value = to
    this.#version++
    this.#keep(to)
  }

  /** Keeps the value of the current version for the history. */
  #keep(value: T): void {
    if (this.#values !== undefined) this.#values[this.#version & this.#mask] = value
  }

  /** Returns the change to the current value. */
  #changed(from: T, at: Instant, cause: unknown): Change<T> {
    const versionTo = this.#version
    const change = { from, to: this.#value, versionFrom: versionTo - 1, versionTo, at }
    return cause === undefined ? change : { ...change, cause }
  }
}
