import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

import { measure } from '../../bench/lib/measure.mjs'
import { pairedRounds } from '../../bench/lib/paired.mjs'
import { shuffled } from '../../bench/lib/random.mjs'
import { lineOf, missed, plainRows } from '../../bench/lib/report.mjs'
import { median, quantile, spread } from '../../bench/lib/stats.mjs'

const folder = mkdtempSync(join(tmpdir(), 'keelson-bench-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function program(name: string, code: string): string {
  const file = join(folder, `${name}.mjs`)
  writeFileSync(file, code)
  return file
}

test('medians and quantiles', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 2, 3])).toBe(2.5)
  expect(quantile([1, 2, 3, 4, 5], 0.25)).toBe(2)
  expect(spread([5])).toEqual([5, 5])
})

test('seeded work is the same work, and all of it', () => {
  expect(shuffled(100, 7)).toEqual(shuffled(100, 7))
  expect(shuffled(100, 7)).not.toEqual(shuffled(100, 8))
  expect(shuffled(100, 7).toSorted((a: number, b: number) => a - b)).toEqual(
    Array.from({ length: 100 }, (_, i) => i + 1),
  )
})

test('the sides take turns, the first one changing, warm-up included', async () => {
  const order: string[] = []
  const sides = {
    name: 'turns',
    ours: { setup: () => 'made', run: (made: string) => order.push(`ours ${made}`) },
    peer: { name: 'peer', fn: async () => order.push('peer') },
  }
  const [row] = await measure('suite', sides, { rounds: 2, warmup: 1 })
  expect(order).toEqual(['peer', 'ours made', 'ours made', 'peer', 'peer', 'ours made'])
  expect(row).toMatchObject({ suite: 'suite', case: 'turns', unit: 'ns/op', rounds: 2, peerName: 'peer' })
  expect(row.ratio).toBeCloseTo(row.ours / row.peer)
  expect(Object.keys(plainRows([row])[0])).toEqual(['suite', 'case', 'ours', 'peer', 'unit', 'ratio', 'rounds'])
})

describe('paired processes', () => {
  const ours = { file: program('ours', 'console.log("noise"); console.log(JSON.stringify(2))') }
  const peer = { file: program('peer', 'console.log(JSON.stringify(8))'), name: 'peer' }
  const broken = { file: program('broken', 'process.exit(3)') }

  test('give a ratio, and a bar says whether it is met', async () => {
    const paired = { name: 'memory', unit: 'MB', paired: { ours, peer } }
    const rows = [
      ...(await measure('suite', { ...paired, bar: { ratio: 0.25 } }, { rounds: 3 })),
      ...(await measure('suite', { ...paired, bar: { value: 1.9 } }, { rounds: 1 })),
    ]
    expect(rows.map(({ ratio }) => ratio)).toEqual([0.25, 0.25])
    expect(missed(rows)).toEqual([rows[1]])
    expect(lineOf(rows[0])).toBe('  0.25  [0.25 .. 0.25]        memory  — 2 MB against 8 (peer)  met (ratio <= 0.25)')
  })

  test('a program that fails fails the benchmark', async () => {
    await expect(pairedRounds({ ours: broken, peer, rounds: 1 })).rejects.toThrow(/broken\.mjs ended with code 3/)
  })
})

test('growth is measured against linear growth, and only the last step has the bar', async () => {
  const sizes: number[] = []
  const growth = { name: 'work', sizes: [10, 100, 1000], ours: (size: number) => sizes.push(size), bar: { growth: 13 } }
  const rows = await measure('suite', growth, { rounds: 1, warmup: 0 })
  expect(sizes).toEqual([10, 100, 1000])
  expect(rows.map((row: { case: string }) => row.case)).toEqual(['work: 100 against 10', 'work: 1000 against 100'])
  expect(rows.map((row: { bar?: { limit: number } }) => row.bar?.limit)).toEqual([undefined, 1.3])
})
