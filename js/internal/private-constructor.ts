import { PrivateConstructorError } from '../errors/errors.ts'

/** The first argument of a constructor that users cannot call. */
export const INTERNAL: unique symbol = Symbol('keelson.internal')

/**
 * Refuses a constructor's call from outside the package.
 *
 * @param key The first argument of the constructor.
 * @param factory The function that makes the objects, as its users write it.
 * @throws PrivateConstructorError unless the key is {@link INTERNAL}.
 */
export function assertInternal(key: unknown, className: string, factory: string): void {
  if (key !== INTERNAL) throw new PrivateConstructorError(className, factory)
}
