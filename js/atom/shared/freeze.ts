import { isArrayBuffer, isDate, isMap, isSet, isTypedArray } from 'node:util/types'

function refuse(): never {
  throw new TypeError('a value that was read from a shared atom cannot be changed; commit a new one')
}

const lock = { value: refuse, enumerable: false }
const lockedSet: PropertyDescriptorMap = { add: lock, delete: lock, clear: lock }
const lockedMap: PropertyDescriptorMap = { set: lock, delete: lock, clear: lock }
const lockedDate: PropertyDescriptorMap = Object.fromEntries(
  Object.getOwnPropertyNames(Date.prototype)
    .filter((name) => name.startsWith('set'))
    .map((name) => [name, lock]),
)

/**
 * Freezes a decoded value all the way down, before anyone else sees it. Bytes stay as they are: no frozen bytes exist.
 */
export function deepFreeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || isTypedArray(value) || isArrayBuffer(value)) return value
  if (isMap(value)) {
    for (const [key, item] of value) {
      deepFreeze(key)
      deepFreeze(item)
    }
    Object.defineProperties(value, lockedMap)
  } else if (isSet(value)) {
    for (const item of value) deepFreeze(item)
    Object.defineProperties(value, lockedSet)
  } else if (isDate(value)) {
    Object.defineProperties(value, lockedDate)
  } else {
    for (const item of Object.values(value)) deepFreeze(item)
  }
  return Object.freeze(value)
}
