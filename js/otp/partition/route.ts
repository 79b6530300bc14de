/** Maps keys to partitions, in the same way on every machine and in every version. */
import { InvalidArgumentError } from '../../errors/errors.ts'

const OFFSET = 0x811c9dc5
const PRIME = 0x01000193

/** Returns the FNV-1a hash (32 bits) of a text's UTF-8. Source: http://www.isthe.com/chongo/tech/comp/fnv/. */
export function fnv1a(text: string): number {
  let hash = OFFSET
  for (const byte of Buffer.from(text, 'utf8')) hash = Math.imul(hash ^ byte, PRIME)
  return hash >>> 0
}

/** Returns the partition of a key: an integer modulo their number, a text by its {@link fnv1a}. */
export function partitionOf(key: unknown, partitions: number): number {
  if (typeof key === 'string') return fnv1a(key) % partitions
  if (!Number.isSafeInteger(key)) throw new InvalidArgumentError('key', 'a text or a safe integer', key)
  return (((key as number) % partitions) + partitions) % partitions
}
