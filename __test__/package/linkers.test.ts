import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

import { linkerOf, linkerStamp } from '../../scripts/lib/linkers.mjs'
import { platforms } from '../../scripts/lib/platforms.mjs'

const folder = join(import.meta.dirname, '..', '..', 'scripts', 'linkers')
const glibc = (platforms() as { target: string; libc?: string }[]).filter(({ libc }) => libc === 'glibc')

test('each target with glibc has a linker, in an exact version, and no other target has one', () => {
  expect(readdirSync(folder).toSorted()).toEqual(glibc.map(({ target }) => target).toSorted())
  for (const { target } of glibc) {
    const { dependencies } = JSON.parse(readFileSync(join(folder, target, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>
    }
    expect(Object.values(dependencies)).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+$/)])
    expect(existsSync(join(folder, target, 'package-lock.json'))).toBe(true)
  }
})

describe('a target without a linker of its own', () => {
  test('is linked by the linker of the machine', async () => {
    expect(linkerStamp('x86_64-pc-windows-msvc')).toBe('system')
    expect(await linkerOf('x86_64-pc-windows-msvc')).toEqual({})
  })
})
