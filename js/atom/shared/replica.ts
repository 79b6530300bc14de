import { AtomReentrancyError } from '../errors.ts'
import { ClosedError } from '../../errors/errors.ts'
import { soon } from '../../internal/inbox.ts'
import { hot, native, scratch } from '../../native.ts'
import { CONFLICT, SHOWN_IS_TEXT, SHOWN_NUMBER, SHOWN_VERSION } from '../../protocol/atom.ts'
import { encodePlain, revivePlain } from '../../plain/text.ts'
import type { Instant } from '../../clock/instant.ts'
import { deepFreeze } from './freeze.ts'
import { type OpenedWord, open } from './open.ts'

const HALF = 2 ** 32

/** A value with its version, as this thread has decoded it. */
export class CachedValue {
  readonly value: unknown
  readonly version: number
  /** The halves of the version as memory shows them. */
  readonly low: number
  readonly high: number

  constructor(version: number, value: unknown) {
    this.value = value
    this.version = version
    this.low = version | 0
    this.high = Math.floor(version / HALF)
  }
}

/** A value as it crosses: a number as it is, everything else as text. */
export type Encoded = number | string

export const encode = (field: string, value: unknown): Encoded =>
  typeof value === 'number' ? value : encodePlain(field, value)

/** The value that all readers of this thread share. */
export const decode = (text: string): unknown => deepFreeze(revivePlain(JSON.parse(text)))

/** Returns a committed value for readers: itself if nothing can change it, else a frozen copy. */
const frozen = (value: unknown, encoded: Encoded): unknown =>
  typeof value === 'object' && value !== null ? decode(encoded as string) : value

/** This thread's copy of a shared atom. All handles of the thread share it. */
export class Replica {
  readonly handle: number
  readonly #words: Int32Array
  readonly #index: number
  readonly #key: string
  #seen: CachedValue
  /** The number of this thread's subscriptions. */
  feeds = 0
  #holders = 0
  #updating = false

  constructor(key: string, { handle, place }: OpenedWord) {
    this.#key = key
    this.handle = handle
    this.#words = place.words
    this.#index = place.index
    this.#seen = new CachedValue(-1, undefined)
    hot.sharedRead(handle)
    this.#seen = this.shown()
  }

  /** Returns the current value. */
  read(): CachedValue {
    const seen = this.#seen
    // Low half first: see src/binding/atom/memory.rs. A plain read cannot overtake the atomic one before it.
    const words = this.#words
    const index = this.#index
    if (Atomics.load(words, index) === seen.low && words[index + 1] === seen.high) return seen
    return this.#refresh()
  }

  /** The version of the current value. Decodes nothing. */
  get version(): number {
    const low = Atomics.load(this.#words, this.#index) >>> 0
    return (this.#words[this.#index + 1] as number) * HALF + low
  }

  /** Commits over what was seen; nothing when another thread was first, whose commit is read next. */
  commit(
    over: CachedValue,
    value: unknown,
    encoded: Encoded,
    at: Instant,
    cause: string | undefined,
  ): CachedValue | undefined {
    const { handle } = this
    if (cause !== undefined) hot.sharedCause(cause, handle)
    const version =
      typeof encoded === 'number'
        ? hot.sharedSetNumber(handle, over.version, encoded, at.wallMs, at.monoMs)
        : hot.sharedSetText(encoded, handle, over.version, at.wallMs, at.monoMs)
    if (version === CONFLICT) {
      this.#seen = this.shown()
      return undefined
    }
    if (version < 0) throw new ClosedError('the shared atom')
    // Whoever watches here is told even if the thread has nothing else to do.
    if (this.feeds > 0) soon()
    return (this.#seen = new CachedValue(version, frozen(value, encoded)))
  }

  /** Returns the commit that the core has just shown in scratch, decoded unless this thread has it. */
  shown(): CachedValue {
    const version = scratch[SHOWN_VERSION] as number
    if (version === this.#seen.version) return this.#seen
    const number = scratch[SHOWN_NUMBER] as number
    const value = scratch[SHOWN_IS_TEXT] === 1 ? decode(native.sharedText(this.handle) ?? 'null') : number
    const seen = new CachedValue(version, value)
    // A watcher that is behind is shown what readers have left behind.
    if (version > this.#seen.version) this.#seen = seen
    return seen
  }

  /** Returns the cause of the commit that the core has just shown. */
  cause(): unknown {
    const text = native.sharedCause(this.handle)
    return text === null ? undefined : decode(text)
  }

  /** While user code decides on a change of this atom, it cannot make another. */
  begin(): void {
    if (this.#updating) throw new AtomReentrancyError('an update')
    this.#updating = true
  }

  end(): void {
    this.#updating = false
  }

  hold(): this {
    this.#holders++
    return this
  }

  release(): void {
    if (--this.#holders > 0) return
    replicas.delete(this.#key)
    hot.sharedClose(this.handle)
  }

  #refresh(): CachedValue {
    const version = hot.sharedRead(this.handle)
    if (version < 0) throw new ClosedError('the shared atom')
    return version === this.#seen.version ? this.#seen : (this.#seen = this.shown())
  }
}

const replicas = new Map<string, Replica>()

/** Returns the replica of a name, opened at its first use on this thread and closed with its last handle. */
export function replicaOf(namespace: string, name: string, initial: Encoded, at: Instant, history: number): Replica {
  const key = JSON.stringify([namespace, name])
  // Opened each time: the core has the say over the kind, and over the length of the history.
  const opened = open('atom', namespace, name, initial, { history, wall: at.wallMs, mono: at.monoMs })
  let replica = replicas.get(key)
  if (replica === undefined) replicas.set(key, (replica = new Replica(key, opened)))
  else hot.sharedClose(opened.handle)
  return replica.hold()
}
