import { inspect, type InspectOptions } from 'node:util'
import { NativeHandles } from '../../internal/native-handles.ts'
import { callable, flag, integer, known, optionalCallable, options as checkOptions } from '../../internal/validate.ts'
import { BaseClock } from '../../clock/base.ts'
import { type Instant, instant } from '../../clock/instant.ts'
import { ClosedError } from '../../errors/errors.ts'
import { native } from '../../native.ts'
import { Listeners } from '../../internal/listeners.ts'
import { assertInternal, INTERNAL } from '../../internal/private-constructor.ts'
import { tellOwner } from '../../internal/report-error.ts'
import { encodePlain } from '../../plain/text.ts'
import type { System } from '../../system/system.ts'
import { type Member, Members } from '../../tables/members.ts'
import { type CellReaders, offerMembers } from '../../tables/offers.ts'
import { checkChange } from '../change.ts'
import type { AtomSnapshot, ChangeOptions } from '../types.ts'
import { follow, fromNow } from './feed.ts'
import { located } from './open.ts'
import { decode, encode, type Replica, replicaOf, type CachedValue } from './replica.ts'
import type { SharedAtomOptions, SharedChange, SharedHandle, SharedWatchOptions } from './types.ts'

/** The watchers of a handle with the same options. */
interface Group {
  readonly watchers: Listeners<SharedChange<unknown>>
  unfollow: (() => void) | undefined
}

/** Lets go for handles that were dropped with their system, unclosed. */
const handles = new NativeHandles<Replica>((replica) => replica.release())

const sharedAtoms = new Members<SharedAtom<unknown>>(({ closed }) => closed)

let makeSharedAtom: <T>(name: string, system: System, replica: Replica, options: SharedAtomOptions<T>) => SharedAtom<T>

/**
 * One value for all threads of the process. Every commit has a version of its own, one more than the one before; no
 * commit is lost, and no thread sees an older value after a newer one, or misses what another thread told it of.
 *
 * Values are plain data. What is read is frozen, decoded once a version and thread, and the same object until the value
 * changes. (Bytes cannot be frozen in JavaScript: do not write into a typed array that was read.)
 *
 * `createSharedAtom` opens one; there is no public constructor.
 */
export class SharedAtom<T> implements SharedHandle {
  static {
    makeSharedAtom = (name, system, replica, options) => new SharedAtom(INTERNAL, name, system, replica, options)
    const readers: CellReaders<'atom', Member<SharedAtom<unknown>, undefined>> = {
      name: ({ item }) => item.name,
      version: ({ item }) => item.#replica.version,
      commits: ({ item }) => item.#replica.version,
      watchers: ({ item }) => item.#every.watchers.size + item.#newest.watchers.size,
      shared: () => 1,
    }
    offerMembers('atom', sharedAtoms, readers, 'shared')
  }

  /** Its name within the namespace. */
  readonly name: string
  readonly #system: System
  readonly #replica: Replica
  readonly #equals: ((a: T, b: T) => boolean) | undefined
  readonly #every: Group
  readonly #newest: Group
  readonly #disown: () => void
  #closed = false

  /** @throws PrivateConstructorError outside the package. */
  private constructor(
    internal: typeof INTERNAL,
    name: string,
    system: System,
    replica: Replica,
    options: SharedAtomOptions<T>,
  ) {
    assertInternal(internal, 'SharedAtom', 'createSharedAtom()')
    this.name = name
    this.#system = system
    this.#replica = replica
    this.#equals = options.equals
    const { onError } = options
    const owned = (error: unknown): void => {
      if (onError === undefined) system.report(error, 'a watcher of a shared atom')
      else tellOwner(onError, error, 'a watcher of a shared atom')
    }
    this.#every = { watchers: new Listeners('watcher', owned), unfollow: undefined }
    this.#newest = { watchers: new Listeners('watcher', owned), unfollow: undefined }
    this.#disown = system.own(this)
    handles.own(this, replica)
    sharedAtoms.add(system, this as SharedAtom<unknown>, undefined)
  }

  /** Returns whether {@link close} was called. */
  get closed(): boolean {
    return this.#closed
  }

  /** Returns the current value. Without a change since the last read of this thread, neither a call nor a copy. */
  deref(): T {
    if (this.#closed) this.#refuse()
    return this.#replica.read().value as T
  }

  /** Returns the version of the current value: 0 for the initial one, and one more with each change. */
  version(): number {
    if (this.#closed) this.#refuse()
    return this.#replica.read().version
  }

  /**
   * Commits what the updater makes of the current value and returns it. If another thread commits first, the updater
   * runs again on the newer value, so it should do nothing else. An equal result is no change, and the current value is
   * returned.
   *
   * @throws AtomReentrancyError from an updater of this atom on this thread; nothing changes.
   * @throws NotPlainError for a result that is not plain data; nothing changes.
   */
  swap(updater: (current: T) => T, options?: ChangeOptions): T {
    if (typeof updater !== 'function') callable('updater', updater)
    const cause = causeOf(options)
    for (;;) {
      const seen = this.#read()
      this.#replica.begin()
      let next: T
      try {
        next = updater(seen.value as T)
        if (this.#same(seen, next)) return seen.value as T
      } finally {
        this.#replica.end()
      }
      const done = this.#commit(seen, next, cause)
      if (done !== undefined) return done.value as T
    }
  }

  /** Commits a value, as {@link swap} does. */
  reset(next: T, options?: ChangeOptions): T {
    return this.#replace(() => true, next, options).value as T
  }

  /**
   * Commits `next` if the current value equals `expected` and `next` does not. True exactly when a change was
   * committed, so of two threads that expected the same value only one gets true. Objects that were read are the same
   * only until the value changes; for others give `equals`, or compare versions.
   */
  compareAndSet(expected: T, next: T, options?: ChangeOptions): boolean {
    return this.#replace((seen) => this.#same(seen, expected), next, options).committed
  }

  /** Commits `next` if the current version is this one and `next` does not equal the value; whether it did. */
  compareAndSetVersion(version: number, next: T, options?: ChangeOptions): boolean {
    integer('version', 0, Number.MAX_SAFE_INTEGER, version)
    return this.#replace((seen) => seen.version === version, next, options).committed
  }

  /** Returns the current value and version, which belong together, with the time of this call. */
  snapshot(): AtomSnapshot<T> {
    const { value, version } = this.#read()
    return { value: value as T, version, at: this.#system.clock.now() }
  }

  /** Returns the last values with their commit times, oldest first; the current one is the last. */
  history(): readonly AtomSnapshot<T>[] {
    const seen = this.#read()
    return native.sharedHistory(this.#replica.handle).map(({ version, number, text, wall, mono }) => {
      const value = version === seen.version ? seen.value : text === undefined ? number : decode(text)
      return { value: value as T, version, at: instant(wall, mono) }
    })
  }

  /**
   * Calls the watcher for each later change of any thread, this one included: in version order, soon after the commit,
   * never on its stack. Keeps the AsyncLocalStorage context of this call, and keeps no event loop open; still, the
   * watcher hears of this thread's own commits before the thread ends. Returns a function that removes the watcher.
   */
  watch(watcher: (change: SharedChange<T>) => unknown, options?: SharedWatchOptions): () => void {
    if (this.#closed) this.#refuse()
    callable('watcher', watcher)
    const settings = checkOptions('options', options)
    known('options', settings, ['coalesce'])
    const coalesce = flag('options.coalesce', false, settings.coalesce)
    const group = coalesce ? this.#newest : this.#every
    // Followed before the watcher begins, so that nothing falls between the two.
    group.unfollow ??= follow(this.#replica, group.watchers, coalesce)
    const unwatch = group.watchers.add(fromNow(this.#replica, watcher))
    return () => {
      unwatch()
      if (group.watchers.size > 0) return
      group.unfollow?.()
      group.unfollow = undefined
    }
  }

  /** Like {@link watch}, for the new value alone. */
  subscribe(subscriber: (value: T) => unknown, options?: SharedWatchOptions): () => void {
    callable('subscriber', subscriber)
    return this.watch(({ to }) => subscriber(to), options)
  }

  /** The same as {@link deref}. */
  get(): T {
    return this.deref()
  }

  /** The same as {@link reset}. */
  set(next: T, options?: ChangeOptions): T {
    return this.reset(next, options)
  }

  /** The same as {@link swap}. */
  update(updater: (current: T) => T, options?: ChangeOptions): T {
    return this.swap(updater, options)
  }

  /** Closes this handle. The value is forgotten with the last handle of the process. Idempotent. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#disown()
    for (const group of [this.#every, this.#newest]) {
      group.watchers.end()
      group.unfollow?.()
    }
    handles.close(this, this.#replica)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** @internal */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    if (this.#closed) return `SharedAtom ${this.name} (closed)`
    const { value, version } = this.#replica.read()
    return `SharedAtom ${this.name} (version ${version}) ${inspect(value, options)}`
  }

  #read(): CachedValue {
    if (this.#closed) this.#refuse()
    return this.#replica.read()
  }

  #refuse(): never {
    throw new ClosedError(`the shared atom ${this.name}`)
  }

  #same(seen: CachedValue, value: T): boolean {
    return this.#equals === undefined ? Object.is(seen.value, value) : this.#equals(seen.value as T, value)
  }

  #commit(
    over: CachedValue,
    next: T,
    cause: string | undefined,
    encoded = encode('value', next),
  ): CachedValue | undefined {
    const { clock } = this.#system
    const at: Instant = clock instanceof BaseClock ? clock.recent() : clock.now()
    // User code ran since the last look, and may have closed this.
    if (this.#closed) this.#refuse()
    return this.#replica.commit(over, next, encoded, at, cause)
  }

  /** Commits a value that is known beforehand, over whatever fits. */
  #replace(
    fits: (seen: CachedValue) => boolean,
    next: T,
    options: ChangeOptions | undefined,
  ): { value: unknown; committed: boolean } {
    const cause = causeOf(options)
    const encoded = encode('value', next)
    for (;;) {
      const seen = this.#read()
      this.#replica.begin()
      try {
        if (!fits(seen) || this.#same(seen, next)) return { value: seen.value, committed: false }
      } finally {
        this.#replica.end()
      }
      const done = this.#commit(seen, next, cause, encoded)
      if (done !== undefined) return { value: done.value, committed: true }
    }
  }
}

function causeOf(options: ChangeOptions | undefined): string | undefined {
  if (options === undefined) return undefined
  checkChange(options)
  return options.cause === undefined ? undefined : encodePlain('options.cause', options.cause)
}

const OPTIONS = ['equals', 'historySize', 'onError']
const MOST_HISTORY = 2 ** 24

/**
 * Opens the atom of this name for all threads of the process. The first caller gives it its initial value; for all
 * others, `initial` is ignored. It lives until the last handle of the process is closed, which also happens when a
 * system is closed or a worker ends.
 *
 * Inside the default system of each thread, a name means the same everywhere. Any other system has names of its own,
 * unless it or the atom is given a `namespace`.
 *
 * @param initial The first value, with version 0: plain data.
 * @throws InvalidArgumentError naming the argument or option that is refused.
 * @throws NotPlainError for an initial value that cannot be shared, saying what stands where.
 * @throws SharedKindError when the name stands for a counter or a flag.
 * @example
 * ```ts
 * const config = createSharedAtom('config', { limit: 10 })
 * config.watch(({ to }) => console.log('the limit is', to.limit)) // whichever thread changes it
 * config.swap((current) => ({ ...current, limit: 20 }), { cause: 'release' })
 * ```
 */
export function createSharedAtom<T>(name: string, initial: T, options?: SharedAtomOptions<NoInfer<T>>): SharedAtom<T> {
  const { options: settings, system, namespace } = located(name, options, OPTIONS)
  optionalCallable('options.equals', settings.equals)
  optionalCallable('options.onError', settings.onError)
  const history = settings.historySize ?? 1
  integer('options.historySize', 1, MOST_HISTORY, history)
  const replica = replicaOf(namespace, name, encode('initial', initial), system.clock.now(), history)
  return makeSharedAtom(name, system, replica, settings)
}
