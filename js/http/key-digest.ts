import { InvalidArgumentError } from '../errors/errors.ts'
import { builtin } from '../internal/builtin.ts'

/** Longer keys, such as tokens, are stored as their SHA-256: each takes memory, and some are listed. */
const MAX_KEY = 128

/** Returns a key as it is stored: itself, or its SHA-256 in hexadecimal if it is longer than 128 characters. */
export const storedKey = (key: string): string => {
  if (typeof key !== 'string') throw new InvalidArgumentError('key', 'a string', key)
  return key.length > MAX_KEY ? sha256(key).toString('hex') : key
}

export const sha256 = (text: string): Buffer => builtin('node:crypto').createHash('sha256').update(text).digest()
