import { InvalidArgumentError } from '../../errors/errors.ts'
import { storedKey } from '../key-digest.ts'

/** Returns the name of the gate for one key; the name itself without a key. */
export const keyedName = (name: string, key: string | undefined): string =>
  key === undefined || key === '' ? name : `${name}:${storedKey(key)}`

/** Returns a key, or `undefined` for none. Throws for anything else. */
export function checkedKey(key: unknown): string | undefined {
  if (typeof key === 'string' || key === undefined || key === null) return key ?? undefined
  throw new InvalidArgumentError('key(req)', 'a string or undefined', key)
}
