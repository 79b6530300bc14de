/** Characters of a key that are looked at. */
const LOOKED_AT = 128

const number = new Float64Array(1)
const halves = new Uint32Array(number.buffer)

/**
 * A hash of a key in 32 bits: all that is remembered of an entry that was evicted. Of a long key, characters at even
 * distances are looked at; two keys of one hash are at worst kept longer than they should be.
 */
export function hashOf(key: string | number, seed: number): number {
  let hash = seed | 0
  if (typeof key === 'string') {
    const { length } = key
    hash = Math.imul(hash ^ length, 0x9e3779b1)
    if (length <= LOOKED_AT) {
      for (let index = 0; index < length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
    } else {
      const step = length / LOOKED_AT
      for (let index = 0; index < LOOKED_AT; index++)
        hash = Math.imul(hash ^ key.charCodeAt(Math.floor(index * step)), 0x01000193)
    }
  } else {
    number[0] = key + 0
    hash = Math.imul(hash ^ (halves[0] as number), 0x9e3779b1)
    hash = Math.imul(hash ^ (hash >>> 15) ^ (halves[1] as number), 0x85ebca6b)
  }
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) >>> 0
}
