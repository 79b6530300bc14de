/** The most characters of a key that go into its hash. */
const MAX_CHARACTERS = 128

const number = new Float64Array(1)
const halves = new Uint32Array(number.buffer)

/**
 * Returns a 32-bit hash of a key, by which the core recognises keys that it evicted. Of a long key only characters at
 * even distances count. A collision at worst keeps an entry longer than it should be kept.
 */
export function hashOf(key: string | number, seed: number): number {
  let hash = seed | 0
  if (typeof key === 'string') {
    const { length } = key
    hash = Math.imul(hash ^ length, 0x9e3779b1)
    if (length <= MAX_CHARACTERS) {
      for (let index = 0; index < length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
    } else {
      const step = length / MAX_CHARACTERS
      for (let index = 0; index < MAX_CHARACTERS; index++)
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
