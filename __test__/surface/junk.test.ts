/** Calls every function of the package with random junk, in a process of its own: what is refused says which field. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { programs } from '../support/programs.ts'
import { entries, surface } from './surface.ts'
import { HANG_GUARD_MS } from '../support/hang-guard.ts'

const program = fileURLToPath(new URL('junk.mjs', import.meta.url))
const folder = mkdtempSync(`${tmpdir()}/keelson-junk-`)
afterAll(() => rmSync(folder, { recursive: true }))

/** The names of the options of each function. */
const names = Object.fromEntries(
  [...surface(entries).values()].map(({ path, parameters }) => [
    path.replace(/^new \w+ /, '').replace(/^\w+ /, ''),
    [
      ...new Set(
        parameters.flatMap(({ shapes }) =>
          shapes.flatMap((shape) => shape.names.filter((name) => !name.startsWith('__'))),
        ),
      ),
    ],
  ]),
)
const file = `${folder}/names.json`
writeFileSync(file, JSON.stringify(names))

interface Told {
  readonly failures: readonly object[]
  readonly refused: number
  readonly worked: number
  readonly uncalled: readonly string[]
}

const SLICE = 5000
const total = programs(SLICE)

test.each(Array.from({ length: Math.ceil(total / SLICE) }, (_, index) => index + 1))(
  'junk is refused by the name of its field, or works, and ends nothing (seed %i)',
  (seed) => {
    const child = spawnSync(process.execPath, [program, folder, String(seed), String(Math.min(total, SLICE)), file], {
      encoding: 'utf8',
      timeout: HANG_GUARD_MS,
      maxBuffer: 1 << 28,
    })
    const last = readFileSync(`${folder}/last-call`, 'utf8').trim()
    const line = child.stdout.trim().split('\n').at(-1) ?? ''
    expect(child.status, `ended in ${last}\n${child.stderr.slice(-3000)}`).toBe(0)
    const told = JSON.parse(line) as Told
    expect(told.failures).toEqual([])
    expect(told.uncalled).toEqual([])
    expect(told.worked).toBeGreaterThan(told.refused / 10)
  },
)
