import { InvalidArgumentError } from '../../errors/errors.ts'
import { shortKey } from '../key-digest.ts'

/** The name of a gate for one key; without a key, the name itself. */
export const keyed = (name: string, key: string | undefined): string =>
  key === undefined || key === '' ? name : `${name}:${shortKey(key)}`

/** Refuses what is not a key. */
export function checkedKey(key: unknown): string | undefined {
  if (typeof key === 'string' || key === undefined || key === null) return key ?? undefined
  throw new InvalidArgumentError('key(req)', 'a string or undefined', key)
}
