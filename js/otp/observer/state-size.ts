/** Estimates the size of a state. Reads data properties alone: no getter, no method and no proxy runs. */
import { types } from 'node:util'

/** The most values that are looked at. Beyond it, the estimate is a lower bound. */
export const MOST_VALUES = 10_000

const NUMBER = 8
const BOOLEAN = 4
const TEXT = 12
const LETTER = 2
const OBJECT = 16
const PROPERTY = 8
const LIST = 24
const ENTRY = 32

// As they were when this module was loaded: nothing that a program replaces later runs.
const mapEntries = Map.prototype.entries
const setValues = Set.prototype.values
const mapSize = Object.getOwnPropertyDescriptor(Map.prototype, 'size')?.get as () => number
const nextOfMap = (mapEntries.call(new Map()) as { next(): IteratorResult<[unknown, unknown]> }).next
const nextOfSet = (setValues.call(new Set()) as { next(): IteratorResult<unknown> }).next
const bytesOf = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength')?.get as () => number
const viewBytesOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype) as object, 'byteLength')
  ?.get as () => number

/** Walks a value with a list of what is left, so that depth does not matter. */
class StateWalk {
  bytes = 0
  #left = MOST_VALUES
  readonly #seen = new Set<object>()
  readonly #pending: unknown[]

  constructor(value: unknown) {
    this.#pending = [value]
  }

  run(): number {
    while (this.#pending.length > 0 && this.#left-- > 0) this.#add(this.#pending.pop())
    return this.bytes
  }

  #add(value: unknown): void {
    switch (typeof value) {
      case 'number':
      case 'symbol':
        this.bytes += NUMBER
        break
      case 'bigint':
        this.bytes += OBJECT
        break
      case 'boolean':
        this.bytes += BOOLEAN
        break
      case 'string':
        this.bytes += TEXT + LETTER * value.length
        break
      case 'object':
        if (value === null) this.bytes += NUMBER
        else this.#addObject(value)
        break
      default:
    }
  }

  #addObject(value: object): void {
    if (this.#seen.has(value)) return
    this.#seen.add(value)
    if (types.isProxy(value)) this.bytes += OBJECT
    else if (Array.isArray(value)) this.#addList(value)
    else if (types.isMap(value)) this.#addMap(value)
    else if (types.isSet(value)) this.#addSet(value)
    else if (types.isArrayBuffer(value)) this.bytes += OBJECT + bytesOf.call(value)
    else if (types.isTypedArray(value)) this.bytes += OBJECT + viewBytesOf.call(value)
    else this.#addProperties(value)
  }

  #addList(value: readonly unknown[]): void {
    this.bytes += LIST + PROPERTY * value.length
    const length = Math.min(value.length, this.#left)
    for (let index = 0; index < length; index++) {
      const own = Object.getOwnPropertyDescriptor(value, index)
      if (own !== undefined && 'value' in own) this.#pending.push(own.value)
    }
  }

  #addMap(value: ReadonlyMap<unknown, unknown>): void {
    this.bytes += OBJECT + ENTRY * mapSize.call(value)
    const entries = mapEntries.call(value)
    const most = this.#left
    for (let count = 0; count < most; count++) {
      const entry = nextOfMap.call(entries as never)
      if (entry.done === true) return
      this.#pending.push(entry.value[0], entry.value[1])
    }
  }

  #addSet(value: ReadonlySet<unknown>): void {
    this.bytes += OBJECT
    const values = setValues.call(value)
    const most = this.#left
    for (let count = 0; count < most; count++) {
      const entry = nextOfSet.call(values as never)
      if (entry.done === true) return
      this.bytes += ENTRY
      this.#pending.push(entry.value)
    }
  }

  #addProperties(value: object): void {
    this.bytes += OBJECT
    for (const key of Reflect.ownKeys(value)) {
      const own = Object.getOwnPropertyDescriptor(value, key)
      if (own === undefined || !('value' in own)) continue
      this.bytes += PROPERTY + (typeof key === 'string' ? LETTER * key.length : 0)
      this.#pending.push(own.value)
    }
  }
}

/** Returns an estimate of the bytes of a value. Looks at {@link MOST_VALUES} values at most. Never throws. */
export const estimateState = (value: unknown): number => new StateWalk(value).run()
