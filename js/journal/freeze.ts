import { types } from 'node:util'

/**
 * Freezes records and arrays all the way down; instances of classes are not ours to freeze. What refuses to be looked
 * at or frozen stays as it is.
 */
export function deepFreeze(value: object): void {
  try {
    if (Object.getPrototypeOf(value) !== Object.prototype) {
      freezeAll([value])
      return
    }
    // Before it is frozen: V8 walks over a frozen object slowly.
    for (const key in value) {
      const item = (value as Record<string, unknown>)[key]
      if (typeof item === 'object' && item !== null) {
        freezeAll([value])
        return
      }
    }
    Object.freeze(value)
  } catch {
    // A getter or a proxy of the user's: its errors are for those who read it.
  }
}

/** A list of what is to be done, since data may be nested deeper than calls may. */
function freezeAll(todo: object[]): void {
  for (let value = todo.pop(); value !== undefined; value = todo.pop()) {
    if (types.isProxy(value) || Object.isFrozen(value) || !isPlain(value)) continue
    Object.freeze(value)
    for (const { value: item } of Object.values(Object.getOwnPropertyDescriptors(value))) {
      if (typeof item === 'object' && item !== null) todo.push(item as object)
    }
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return Array.isArray(value) || prototype === null || Object.getPrototypeOf(prototype) === null
}
