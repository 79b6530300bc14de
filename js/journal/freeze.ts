/** Freezes records and arrays all the way down; instances of classes are not ours to freeze. */
export function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return
  const prototype: unknown = Object.getPrototypeOf(value)
  const isPlain = Array.isArray(value) || prototype === null || Object.getPrototypeOf(prototype) === null
  if (!isPlain) return
  Object.freeze(value)
  for (const item of Object.values(value)) deepFreeze(item)
}
