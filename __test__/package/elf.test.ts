import { describe, expect, test } from 'vitest'

import { compareVersions, neededGlibc, neededVersions } from '../../scripts/lib/elf.mjs'

const SECTION = 64
const STRINGS = 3
const VERSIONS_NEEDED = 0x6ffffffe

/** A 64-bit little-endian ELF file that needs these versions, each of a library of its own list. */
function elf(needs: Readonly<Record<string, readonly string[]>>): Buffer {
  let strings = '\0'
  const place = (text: string): number => {
    const at = strings.length
    strings += `${text}\0`
    return at
  }
  const libraries = Object.entries(needs)
  const entries = libraries.map(([library, versions], index) => {
    const bytes = Buffer.alloc(16 + 16 * versions.length)
    bytes.writeUInt16LE(1, 0)
    bytes.writeUInt16LE(versions.length, 2)
    bytes.writeUInt32LE(place(library), 4)
    bytes.writeUInt32LE(16, 8)
    bytes.writeUInt32LE(index === libraries.length - 1 ? 0 : bytes.length, 12)
    for (const [i, version] of versions.entries()) {
      bytes.writeUInt32LE(place(version), 16 + 16 * i + 8)
      bytes.writeUInt32LE(i === versions.length - 1 ? 0 : 16, 16 + 16 * i + 12)
    }
    return bytes
  })
  const header = Buffer.alloc(64)
  header.write('\x7fELF\x02\x01', 'latin1')
  const table = Buffer.from(strings, 'latin1')
  const verneed = Buffer.concat(entries)
  const sections = [
    { type: STRINGS, offset: 64, link: 0, count: 0 },
    { type: VERSIONS_NEEDED, offset: 64 + table.length, link: 0, count: libraries.length },
  ].map(({ type, offset, link, count }) => {
    const bytes = Buffer.alloc(SECTION)
    bytes.writeUInt32LE(type, 4)
    bytes.writeBigUInt64LE(BigInt(offset), 0x18)
    bytes.writeUInt32LE(link, 0x28)
    bytes.writeUInt32LE(count, 0x2c)
    return bytes
  })
  header.writeBigUInt64LE(BigInt(64 + table.length + verneed.length), 0x28)
  header.writeUInt16LE(SECTION, 0x3a)
  header.writeUInt16LE(sections.length, 0x3c)
  return Buffer.concat([header, table, verneed, ...sections])
}

describe('the versions that an ELF file needs', () => {
  test('are read by library', () => {
    const file = elf({ 'libgcc_s.so.1': ['GCC_3.0'], 'libc.so.6': ['GLIBC_2.2.5', 'GLIBC_2.34'] })
    expect(neededVersions(file)).toEqual([
      { library: 'libgcc_s.so.1', version: 'GCC_3.0' },
      { library: 'libc.so.6', version: 'GLIBC_2.2.5' },
      { library: 'libc.so.6', version: 'GLIBC_2.34' },
    ])
  })

  test('give the newest glibc by number, whichever library asks for it', () => {
    expect(neededGlibc(elf({ 'libc.so.6': ['GLIBC_2.9', 'GLIBC_2.17'], 'libm.so.6': ['GLIBC_2.29'] }))).toBe('2.29')
    expect(neededGlibc(elf({ 'libc.so.6': ['GLIBC_2.9', 'GLIBC_2.2.5'] }))).toBe('2.9')
    expect(neededGlibc(elf({ 'libc.so': ['GCC_3.0'] }))).toBeUndefined()
  })

  test.each(['', '#!/bin/sh\n', 'x'.repeat(100)])('are not read from another file: %j', (text) => {
    expect(() => neededVersions(Buffer.from(text))).toThrow(/no 64-bit little-endian ELF file/)
  })
})

test('versions compare by number, part by part', () => {
  const sorted = ['2.2.5', '2.3', '2.3.4', '2.9', '2.17', '2.28', '3.0']
  expect(sorted.toReversed().toSorted(compareVersions)).toEqual(sorted)
  expect(compareVersions('2.28', '2.28')).toBe(0)
})
