/** docs/lifetime.md says what keeps a program alive; a program tries each row. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'

import { HANG_GUARD_MS } from '../support/hang-guard.ts'
import { root } from '../support/root.ts'

const page = readFileSync(`${root}docs/lifetime.md`, 'utf8')
const rows = Array.from(page.matchAll(/^\| (.+?) \| (yes|no)\b.*\|$/gm), ([, row, word]) => ({
  row: row as string,
  keeps: word === 'yes',
}))

let report: Readonly<Record<string, readonly [held: boolean, heldAfter: boolean]>> = {}

beforeAll(() => {
  const file = fileURLToPath(new URL('lifetime-program.mjs', import.meta.url))
  const { stdout, stderr, status } = spawnSync(process.execPath, [file], {
    cwd: root,
    encoding: 'utf8',
    timeout: HANG_GUARD_MS,
  })
  if (status !== 0) throw new Error(stderr)
  report = JSON.parse(stdout) as typeof report
})

describe('what keeps a program alive', () => {
  test('each row of the page is tried', () => {
    expect(rows.map(({ row }) => row)).toEqual(Object.keys(report))
  })

  test.each(rows)('$row: $keeps', ({ row, keeps }) => {
    expect(report[row]?.[0]).toBe(keeps)
  })

  test.each(rows)('nothing of it is left once the system is closed: $row', ({ row }) => {
    expect(report[row]?.[1]).toBe(false)
  })
})
