import { isArrayBuffer, isDate, isMap, isSet, isTypedArray } from 'node:util/types'
import { isInstant } from '../clock/instant.ts'
import { AS_JSON, REFUSED, TAG, wayOf, whyRefused } from './kinds.ts'

/**
 * Text that {@link revivePlain} makes the same value of: JSON as it stands where that loses nothing, JSON with tags
 * where it would (`undefined`, NaN, bigint, Date, Map, Set, bytes, `Instant`). The text says which by itself.
 *
 * @param field What the value is called in an error.
 * @throws NotPlainError for functions, symbols, cycles, holes in arrays and instances of other classes.
 */
export function encodePlain(field: string, value: unknown): string {
  return JSON.stringify(jsonOf(field, value))
}

/** Values to a text: one text of many costs half of many texts, but V8 builds a large one of pieces and copies it. */
const TOGETHER = 256

/**
 * Returns the texts that {@link encodePlain} makes of each, as JSON arrays, together in order.
 *
 * @throws as {@link encodePlain}.
 */
export function encodePlainEach(field: string, values: readonly unknown[]): string[] {
  // Libraries that gave all arrays a `toJSON` would have their say about ours.
  const own = (values as { toJSON?: unknown }).toJSON === undefined
  const texts: string[] = []
  for (let from = 0; from < values.length; from += TOGETHER) {
    // Pushed one by one: V8 is slow with an array that could have holes, as one of `map` or `slice` could.
    const some: unknown[] = []
    for (let at = from; at < values.length && at < from + TOGETHER; at++) some.push(jsonOf(field, values[at]))
    texts.push(own ? JSON.stringify(some) : `[${some.map((json) => JSON.stringify(json)).join(',')}]`)
  }
  return texts
}

/** Returns the value that `JSON.stringify` writes. */
function jsonOf(field: string, value: unknown): unknown {
  const way = wayOf(value)
  if (way === AS_JSON) return value
  if (way === REFUSED) throw whyRefused(field, value)
  return { [TAG]: 'plain', v: tagged(value) }
}

function tagged(value: unknown): unknown {
  switch (typeof value) {
    case 'undefined':
      return { [TAG]: 'undefined' }
    case 'bigint':
      return { [TAG]: 'bigint', v: value.toString() }
    case 'number':
      if (Number.isFinite(value) && !Object.is(value, -0)) return value
      return { [TAG]: 'number', v: Object.is(value, -0) ? '-0' : String(value) }
    case 'object':
      return value === null ? null : taggedObject(value)
    default:
      return value
  }
}

function taggedObject(value: object): unknown {
  if (Array.isArray(value)) return value.map((item) => tagged(item))
  if (isInstant(value)) return { [TAG]: 'instant', v: [value.wallMs, value.monoMs] }
  // An invalid date has no time, and JSON no NaN.
  if (isDate(value)) return { [TAG]: 'date', v: Number.isNaN(value.getTime()) ? null : value.getTime() }
  if (isMap(value)) return { [TAG]: 'map', v: Array.from(value, ([key, item]) => [tagged(key), tagged(item)]) }
  if (isSet(value)) return { [TAG]: 'set', v: Array.from(value, (item) => tagged(item)) }
  if (isTypedArray(value)) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    const type = Buffer.isBuffer(value) ? 'Buffer' : value[Symbol.toStringTag]
    return { [TAG]: 'bytes', t: type, v: bytes.toString('base64') }
  }
  if (isArrayBuffer(value)) return { [TAG]: 'bytes', t: 'ArrayBuffer', v: Buffer.from(value).toString('base64') }
  const entries = Object.entries(value).map(([key, item]) => [key, tagged(item)] as const)
  // As pairs, where a key of the user's would read as a tag.
  return Object.hasOwn(value, TAG) ? { [TAG]: 'object', v: entries } : Object.fromEntries(entries)
}
