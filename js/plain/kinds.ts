/** Decides what is plain data, in one place: one walk accepts, the other says what is wrong. */
import { isArrayBuffer, isDate, isMap, isSet, isTypedArray } from 'node:util/types'
import { isInstant } from '../clock/instant.ts'
import { NotPlainError } from './errors.ts'

/** The form in which a value can be written: JSON as it stands, JSON with tags, or none. */
export const AS_JSON = 0
export const WITH_TAGS = 1
export const REFUSED = 2
export type Way = typeof AS_JSON | typeof WITH_TAGS | typeof REFUSED

/** The property that marks a tagged value; an object that has one of its own is written with tags. */
export const TAG = '$'

/** Deeper values are refused; a stack overflow would be less clear. */
const DEEPEST = 1000

/** The objects from the root to the one looked at: meeting one of them again is a cycle. */
const ancestors: object[] = []

/** Returns the form in which a value can be written. */
export function wayOf(value: unknown): Way {
  try {
    return walk(value)
  } catch (error) {
    if (hasFault(value)) return REFUSED
    throw error
  } finally {
    // What a getter threw left it so; to set a length is slow.
    if (ancestors.length !== 0) ancestors.length = 0
  }
}

function walk(value: unknown): Way {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return AS_JSON
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? AS_JSON : WITH_TAGS
    case 'bigint':
    case 'undefined':
      return WITH_TAGS
    case 'object':
      return value === null ? AS_JSON : walkObject(value)
    default:
      return REFUSED
  }
}

function walkObject(value: object): Way {
  if (ancestors.length === DEEPEST || ancestors.includes(value)) return REFUSED
  ancestors.push(value)
  let way: Way = AS_JSON
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const item: unknown = value[index]
      const inner = item === undefined && !(index in value) ? REFUSED : walk(item)
      if (inner > way) way = inner
    }
    if (hasMore(value)) way = REFUSED
  } else if (isPlainObject(value)) {
    for (const key of Object.keys(value)) {
      const inner = walk((value as Record<string, unknown>)[key])
      if (inner > way) way = inner
      if (way === AS_JSON && key === TAG) way = WITH_TAGS
    }
    if (hasSymbols(value)) way = REFUSED
  } else {
    way = walkSpecial(value)
  }
  ancestors.pop()
  return way
}

/** Returns whether an array has more than its elements. Listing the values makes no texts of their indices. */
const hasMore = (list: readonly unknown[]): boolean => Object.values(list).length !== list.length || hasSymbols(list)

const hasSymbols = (value: object): boolean => Object.getOwnPropertySymbols(value).length !== 0

function walkSpecial(value: object): Way {
  if (isMap(value) || isSet(value) || isDate(value) || isArrayBuffer(value)) {
    // Values of shared atoms have methods of their own that refuse changes; they are not enumerable.
    if (Object.keys(value).length !== 0) return REFUSED
  }
  if (isInstant(value) || isDate(value) || isTypedArray(value) || isArrayBuffer(value)) return WITH_TAGS
  const inside = isMap(value) ? [...value.keys(), ...value.values()] : isSet(value) ? [...value] : undefined
  return inside !== undefined && inside.every((item) => walk(item) !== REFUSED) ? WITH_TAGS : REFUSED
}

/**
 * Returns whether something in a value is not plain data, as a revoked proxy; a getter that throws is no such fault.
 */
function hasFault(value: unknown): boolean {
  try {
    return firstFault(value, '', []) !== undefined
  } catch {
    return false
  }
}

const REVOKED = 'a revoked proxy'

/** Nothing can be asked of a revoked proxy, not even what it is. */
function isRevoked(value: object): boolean {
  try {
    Array.isArray(value)
    return false
  } catch {
    return true
  }
}

/** Returns whether an object is a record and not an instance of a class, of any realm. */
function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  // A realm's own `Object.prototype` is the only usual prototype without one of its own.
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null
}

/** Returns the error that names the first thing in a refused value that is not plain data. */
export function whyRefused(field: string, value: unknown): NotPlainError {
  const fault = firstFault(value, field, [])
  return new NotPlainError(fault?.path ?? field, fault?.reason ?? 'not plain data')
}

interface Fault {
  readonly path: string
  readonly reason: string
}

function firstFault(value: unknown, path: string, above: readonly object[]): Fault | undefined {
  if (typeof value === 'function' || typeof value === 'symbol') return { path, reason: `a ${typeof value}` }
  if (typeof value !== 'object' || value === null) return undefined
  if (isRevoked(value)) return { path, reason: REVOKED }
  if (above.includes(value)) return { path, reason: 'a cycle' }
  if (above.length >= DEEPEST) return { path: shortened(path), reason: `nested more than ${DEEPEST} levels deep` }
  const more = extra(value)
  if (more !== undefined) return { path: `${path}[${more}]`, reason: 'a property that is no part of plain data' }
  const below = [...above, value]
  for (const [name, item] of parts(value, path)) {
    const fault = item === HOLE ? { path: name, reason: 'a hole in an array' } : firstFault(item, name, below)
    if (fault !== undefined) return fault
  }
  return wayOfLeaf(value) === REFUSED ? { path, reason: nameOf(value) } : undefined
}

const HOLE = Symbol('hole')

/** Returns the first own property that the text would not hold. */
function extra(value: object): string | undefined {
  if (isTypedArray(value) || isInstant(value)) return undefined
  const symbol = Object.getOwnPropertySymbols(value)[0]
  if (symbol !== undefined && (Array.isArray(value) || isPlainObject(value))) return String(symbol)
  if (Array.isArray(value)) return Object.keys(value).find((key) => !(Number(key) < value.length))
  if (!isMap(value) && !isSet(value) && !isDate(value) && !isArrayBuffer(value)) return undefined
  return Object.keys(value)[0]
}

function parts(value: object, path: string): [string, unknown][] {
  if (Array.isArray(value)) {
    return Array.from(value, (item: unknown, index) => [`${path}[${index}]`, index in value ? item : HOLE])
  }
  if (isMap(value)) {
    return [...value].flatMap(([key, item], index): [string, unknown][] => [
      [`${path}.keys()[${index}]`, key],
      [`${path}.values()[${index}]`, item],
    ])
  }
  if (isSet(value)) return Array.from(value, (item, index) => [`${path}.values()[${index}]`, item])
  return isPlainObject(value) ? Object.entries(value).map(([key, item]) => [`${path}.${key}`, item]) : []
}

const wayOfLeaf = (value: object): Way =>
  Array.isArray(value) || isPlainObject(value) || isMap(value) || isSet(value) ? AS_JSON : walkSpecial(value)

const shortened = (path: string): string => (path.length > 60 ? `${path.slice(0, 60)}…` : path)

function nameOf(value: object): string {
  const { constructor } = value as { constructor?: unknown }
  const name = typeof constructor === 'function' ? constructor.name : ''
  return name === '' ? 'an instance of a class' : `an instance of ${name}`
}
