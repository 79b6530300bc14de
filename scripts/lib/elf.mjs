// Reads which versions of which libraries an ELF file (a Linux binary) asks for: its section `.gnu.version_r`.
// Only 64-bit little-endian files are read, which is what every target of keelson is.
import { Failure } from './failure.mjs'

const MAGIC = 0x7f454c46
const SHT_GNU_VERNEED = 0x6ffffffe

/** The sections of a file, each `{ type, offset, link, count }`; `count` is the number of entries of some types. */
function sectionsOf(bytes) {
  const isElf = bytes.length >= 64 && bytes.readUInt32BE(0) === MAGIC
  if (!isElf || bytes[4] !== 2 || bytes[5] !== 1) throw new Failure('This is no 64-bit little-endian ELF file.')
  const start = Number(bytes.readBigUInt64LE(0x28))
  const [size, count] = [bytes.readUInt16LE(0x3a), bytes.readUInt16LE(0x3c)]
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * size
    return {
      type: bytes.readUInt32LE(at + 4),
      offset: Number(bytes.readBigUInt64LE(at + 0x18)),
      link: bytes.readUInt32LE(at + 0x28),
      count: bytes.readUInt32LE(at + 0x2c),
    }
  })
}

/** The text at a place of a string table, up to its zero byte. */
const textAt = (bytes, at) => bytes.toString('latin1', at, bytes.indexOf(0, at))

/** Returns the versions that a file needs, as `[{ library: 'libc.so.6', version: 'GLIBC_2.17' }, …]`. */
export function neededVersions(bytes) {
  const sections = sectionsOf(bytes)
  const needs = sections.find(({ type }) => type === SHT_GNU_VERNEED)
  if (needs === undefined) return []
  const strings = sections[needs.link].offset
  const found = []
  let library = needs.offset
  for (let left = needs.count; left > 0; left--) {
    const name = textAt(bytes, strings + bytes.readUInt32LE(library + 4))
    let version = library + bytes.readUInt32LE(library + 8)
    for (let more = bytes.readUInt16LE(library + 2); more > 0; more--) {
      found.push({ library: name, version: textAt(bytes, strings + bytes.readUInt32LE(version + 8)) })
      version += bytes.readUInt32LE(version + 12)
    }
    library += bytes.readUInt32LE(library + 12)
  }
  return found
}

const partsOf = (version) => version.split('.').map(Number)

/** Compares versions such as `2.9` and `2.28` by number: below zero when the first is the older one. */
export function compareVersions(one, other) {
  const [left, right] = [partsOf(one), partsOf(other)]
  const index = left.findIndex((part, i) => part !== (right[i] ?? 0))
  if (index === -1) return left.length < right.length ? -1 : 0
  return left[index] - (right[index] ?? 0)
}

/** Returns the newest glibc that a file needs, such as `2.17`; `undefined` for a file that needs none. */
export function neededGlibc(bytes) {
  const versions = neededVersions(bytes).map(({ version }) => /^GLIBC_([\d.]+)$/.exec(version)?.[1])
  return versions
    .filter((version) => version !== undefined)
    .toSorted(compareVersions)
    .at(-1)
}
