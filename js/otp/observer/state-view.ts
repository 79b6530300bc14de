/** Copies a state as plain data for whoever looks on. Reads data properties alone: no getter and no proxy runs. */
import { types } from 'node:util'

import { textOf } from '../../internal/thrown-values.ts'
import type { RedactHook } from './types.ts'

/** Shown in place of a value whose hook threw. */
export const HIDDEN = '[hidden]'

/** The size of a copy. What is beyond is named. */
export interface CopyLimits {
  /** The most values. */
  readonly values: number
  /** The deepest value. */
  readonly depth: number
  /** The letters of a text. */
  readonly letters: number
}

const LIMITS: CopyLimits = { values: 10_000, depth: 16, letters: 10_000 }

const mapEntries = Map.prototype.entries
const setValues = Set.prototype.values
const nextOfMap = (mapEntries.call(new Map()) as { next(): IteratorResult<[unknown, unknown]> }).next
const nextOfSet = (setValues.call(new Set()) as { next(): IteratorResult<unknown> }).next

/** Copies one state. */
export class StateCopy {
  readonly #hooks: readonly RedactHook[]
  readonly #above = new Set<object>()
  readonly #path: string[] = []
  readonly #limits: CopyLimits
  #left: number

  constructor(hooks: readonly (RedactHook | undefined)[], limits: CopyLimits = LIMITS) {
    this.#hooks = hooks.filter((hook) => hook !== undefined)
    this.#limits = limits
    this.#left = limits.values
  }

  of(value: unknown): unknown {
    if (this.#left-- <= 0) return '[more]'
    let shown = value
    for (const hook of this.#hooks) {
      try {
        shown = hook(shown, [...this.#path])
      } catch {
        return HIDDEN
      }
    }
    return this.#plain(shown)
  }

  #plain(value: unknown): unknown {
    switch (typeof value) {
      case 'string':
        return value.length > this.#limits.letters ? `${value.slice(0, this.#limits.letters)}…` : value
      case 'number':
        return Number.isFinite(value) ? value : String(value)
      case 'bigint':
        return `${value}n`
      case 'symbol':
        return textOf(value)
      case 'function':
        return '[function]'
      case 'object':
        return value === null ? null : this.#object(value)
      default:
        return value
    }
  }

  #object(value: object): unknown {
    if (types.isProxy(value)) return '[proxy]'
    if (this.#above.has(value)) return '[circular]'
    if (this.#path.length >= this.#limits.depth) return '[deeper]'
    this.#above.add(value)
    const copy = this.#content(value)
    this.#above.delete(value)
    return copy
  }

  #content(value: object): unknown {
    if (Array.isArray(value)) return this.#list(value)
    if (types.isMap(value)) return this.#map(value)
    if (types.isSet(value)) return this.#set(value)
    if (types.isDate(value)) return new Date(Date.prototype.valueOf.call(value)).toJSON()
    if (types.isArrayBufferView(value) || types.isAnyArrayBuffer(value)) return '[bytes]'
    if (types.isPromise(value)) return '[promise]'
    return this.#properties(value)
  }

  /** Copies a value below another. */
  #below(key: string, value: unknown): unknown {
    this.#path.push(key)
    const copy = this.of(value)
    this.#path.pop()
    return copy
  }

  #list(value: readonly unknown[]): unknown[] {
    const copy: unknown[] = []
    for (let index = 0; index < value.length && this.#left > 0; index++) {
      const own = Object.getOwnPropertyDescriptor(value, index)
      copy.push(own === undefined ? undefined : this.#property(String(index), own))
    }
    if (copy.length < value.length) copy.push(`[${value.length - copy.length} more]`)
    return copy
  }

  #map(value: ReadonlyMap<unknown, unknown>): unknown[] {
    const copy: unknown[] = []
    const entries = mapEntries.call(value)
    for (let entry = nextOfMap.call(entries as never); entry.done !== true; entry = nextOfMap.call(entries as never)) {
      if (this.#left <= 0) return [...copy, '[more]']
      const [key, item] = entry.value
      const name = typeof key === 'string' ? key : String(copy.length)
      copy.push([this.#below(name, key), this.#below(name, item)])
    }
    return copy
  }

  #set(value: ReadonlySet<unknown>): unknown[] {
    const copy: unknown[] = []
    const values = setValues.call(value)
    for (let entry = nextOfSet.call(values as never); entry.done !== true; entry = nextOfSet.call(values as never)) {
      if (this.#left <= 0) return [...copy, '[more]']
      copy.push(this.#below(String(copy.length), entry.value))
    }
    return copy
  }

  #properties(value: object): Record<string, unknown> {
    const copy: Record<string, unknown> = {}
    for (const key of Reflect.ownKeys(value)) {
      const own = Object.getOwnPropertyDescriptor(value, key)
      const isHidden = own === undefined || (own.enumerable !== true && !types.isNativeError(value))
      if (typeof key !== 'string' || isHidden) continue
      if (this.#left <= 0) {
        copy['…'] = '[more]'
        break
      }
      const item = this.#property(key, own)
      Object.defineProperty(copy, key, { value: item, enumerable: true, configurable: true, writable: true })
    }
    return copy
  }

  #property(key: string, own: PropertyDescriptor): unknown {
    return 'value' in own ? this.#below(key, own.value) : '[getter]'
  }
}
