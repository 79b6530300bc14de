import { inspect } from 'node:util'
import { NativeHandles } from '../../internal/native-handles.ts'
import { flag, integer } from '../../internal/validate.ts'
import { ClosedError, InvalidArgumentError } from '../../errors/errors.ts'
import { hot } from '../../native.ts'
import type { System } from '../../system/system.ts'
import { located, open, type OpenedWord } from './open.ts'
import type { SharedCounter, SharedCounterOptions, SharedFlag, SharedFlagOptions, SharedHandle } from './types.ts'

const MAX = Number.MAX_SAFE_INTEGER

/** Lets go for handles that were dropped with their system, unclosed. */
const handles = new NativeHandles((handle) => hot.sharedClose(handle))

/** One handle of a name in a system. All callers share it, until each has closed it. */
class Use {
  readonly opened: OpenedWord
  isClosed = false
  #users = 0
  readonly #ended: () => void
  readonly #disown: () => void

  constructor(system: System, opened: OpenedWord, onClose: () => void) {
    this.opened = opened
    this.#ended = onClose
    this.#disown = system.own(this)
    handles.own(this, opened.handle)
  }

  join(): this {
    this.#users++
    return this
  }

  leave(): void {
    if (--this.#users === 0) this.close()
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#disown()
    this.#ended()
    handles.close(this, this.opened.handle)
  }
}

const uses = new WeakMap<System, Map<string, Use>>()

/** Returns a system's use of a name, which the first who asks opens. */
function useOf(system: System, kind: 'counter' | 'flag', namespace: string, name: string, initial: number): Use {
  const known = uses.get(system) ?? new Map<string, Use>()
  uses.set(system, known)
  const key = `${kind}\0${namespace}\0${name}`
  let use = known.get(key)
  if (use === undefined) {
    use = new Use(system, open(kind, namespace, name, initial), () => known.delete(key))
    known.set(key, use)
  }
  return use.join()
}

/** Implements what counters and flags share. */
abstract class Word implements SharedHandle {
  readonly name: string
  readonly #use: Use
  readonly #handle: number
  #closed = false

  constructor(name: string, use: Use) {
    this.name = name
    this.#use = use
    this.#handle = use.opened.handle
  }

  get closed(): boolean {
    return this.#closed || this.#use.isClosed
  }

  /** The handle, for a call now. */
  protected get handle(): number {
    if (this.#closed || this.#use.isClosed) throw new ClosedError(`the shared ${this.name}`)
    return this.#handle
  }

  close(): void {
    if (this.closed) return
    this.#closed = true
    this.#use.leave()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

class Counter extends Word implements SharedCounter {
  get value(): number {
    return hot.wordGet(this.handle)
  }

  add(amount: number): number {
    if (!Number.isSafeInteger(amount)) integer('amount', -MAX, MAX, amount)
    const sum = hot.wordAdd(this.handle, amount)
    if (Number.isNaN(sum)) throw new InvalidArgumentError('amount', 'small enough for the sum to stay exact', amount)
    return sum
  }

  increment(): number {
    return this.add(1)
  }

  decrement(): number {
    return this.add(-1)
  }

  set(value: number): number {
    return hot.wordSet(this.handle, integer('value', -MAX, MAX, value))
  }

  compareAndSet(expected: number, next: number): boolean {
    integer('expected', -MAX, MAX, expected)
    return hot.wordCompareAndSet(this.handle, expected, integer('next', -MAX, MAX, next)) === 1
  }

  [inspect.custom](): string {
    return `SharedCounter ${this.name} ${this.closed ? '(closed)' : this.value}`
  }
}

function bit(field: string, value: unknown): number {
  if (typeof value !== 'boolean') throw new InvalidArgumentError(field, 'true or false', value)
  return value ? 1 : 0
}

class Flag extends Word implements SharedFlag {
  readonly #words: Int32Array
  readonly #index: number
  readonly #mapped: boolean

  constructor(name: string, use: Use) {
    super(name, use)
    const { opened } = use
    this.#words = opened.place.words
    this.#index = opened.place.index
    this.#mapped = opened.place.mapped
  }

  get value(): boolean {
    const { handle } = this
    return (this.#mapped ? Atomics.load(this.#words, this.#index) : hot.wordGet(handle)) === 1
  }

  set(value: boolean): boolean {
    return hot.wordSet(this.handle, bit('value', value)) === 1
  }

  raise(): boolean {
    return !this.set(true)
  }

  lower(): boolean {
    return this.set(false)
  }

  compareAndSet(expected: boolean, next: boolean): boolean {
    return hot.wordCompareAndSet(this.handle, bit('expected', expected), bit('next', next)) === 1
  }

  [inspect.custom](): string {
    return `SharedFlag ${this.name} ${this.closed ? '(closed)' : this.value}`
  }
}

/**
 * Opens the counter of this name for all threads of the process; names and life are those of `createSharedAtom`. It has
 * neither versions nor watchers, and each operation is one atomic instruction away.
 *
 * @throws InvalidArgumentError naming the argument or option that is refused.
 * @throws SharedKindError when the name stands for an atom or a flag.
 */
export function sharedCounter(name: string, options?: SharedCounterOptions): SharedCounter {
  const { options: settings, system, namespace } = located(name, options, ['initial'])
  const initial = integer('options.initial', -MAX, MAX, settings.initial ?? 0)
  return new Counter(name, useOf(system, 'counter', namespace, name, initial))
}

/**
 * Opens the flag of this name for all threads of the process; names and life are those of `createSharedAtom`.
 *
 * @throws InvalidArgumentError naming the argument or option that is refused.
 * @throws SharedKindError when the name stands for an atom or a counter.
 */
export function sharedFlag(name: string, options?: SharedFlagOptions): SharedFlag {
  const { options: settings, system, namespace } = located(name, options, ['initial'])
  const initial = flag('options.initial', false, settings.initial) ? 1 : 0
  return new Flag(name, useOf(system, 'flag', namespace, name, initial))
}
