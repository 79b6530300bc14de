/**
 * Returns the name of the class that an object is an instance of, or `undefined` for a plain object and for a class
 * without a name. Never throws.
 */
export function classNameOf(value: object): string | undefined {
  try {
    const type: unknown = Object.getPrototypeOf(value)?.constructor
    if (typeof type !== 'function' || type === Object) return undefined
    return typeof type.name === 'string' && type.name !== '' ? type.name : undefined
  } catch {
    // A proxy may throw.
    return undefined
  }
}
