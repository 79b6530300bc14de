import { createHash } from 'node:crypto'

import { InvalidArgumentError } from '../errors/errors.ts'

/** Longer keys, such as tokens, are kept as their SHA-256: each takes memory, and some are listed. */
const MAX_KEY = 128

/** A key as it is kept. */
export const shortKey = (key: string): string => {
  if (typeof key !== 'string') throw new InvalidArgumentError('key', 'a string', key)
  return key.length > MAX_KEY ? sha256(key).toString('hex') : key
}

export const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()
