import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

import { measure } from '../../bench/lib/measure.mjs'
import { highlightTable, pageText } from '../../bench/lib/page.mjs'
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

test('figures are samples that a case counts itself; a peer of zero gives no ratio', async () => {
  const figures = async () => ({ ours: [4, 2, 3], peer: [6, 6, 6] })
  const counted = { name: 'runs', unit: 'runs', peer: { name: 'peer' }, figures, bar: { value: 3 } }
  const none = { ...counted, figures: async () => ({ ours: [1], peer: [0] }) }
  const [row] = await measure('suite', counted, {})
  expect(row).toMatchObject({ ours: 3, peer: 6, ratio: 0.5, unit: 'runs', rounds: 3, bar: { met: true } })
  expect(row.spread[0]).toBeCloseTo(2.5 / 6)
  expect(await measure('suite', none, {})).toMatchObject([{ ours: 1, peer: 0, ratio: null, spread: [1, 1] }])
  expect(await measure('suite', counted, { alone: true })).toMatchObject([{ ours: 3, peer: null, ratio: null }])
})

test('growth is measured against linear growth, and only the last step has the bar', async () => {
  const sizes: number[] = []
  const growth = { name: 'work', sizes: [10, 100, 1000], ours: (size: number) => sizes.push(size), bar: { growth: 13 } }
  const rows = await measure('suite', growth, { rounds: 1, warmup: 0 })
  expect(sizes).toEqual([10, 100, 1000])
  expect(rows.map((row: { case: string }) => row.case)).toEqual(['work: 100 against 10', 'work: 1000 against 100'])
  expect(rows.map((row: { bar?: { limit: number } }) => row.bar?.limit)).toEqual([undefined, 1.3])
})

test('the page has a row a case, marks missed bars and lists them, and gives the README its rows', () => {
  const row = { suite: 'clock', unit: 'ns/op', rounds: 7, peer: 100, peerName: 'peer' }
  const rows = [
    {
      ...row,
      case: 'schedule and fire 100,000 timers',
      ours: 9,
      ratio: 0.09,
      spread: [0.08, 0.1],
      bar: { kind: 'ratio', limit: 0.1, met: true },
    },
    {
      ...row,
      case: 'now()',
      ours: 30,
      ratio: null,
      peer: null,
      spread: [28, 31],
      bar: { kind: 'value', limit: 20, met: false },
    },
  ]
  const counts = [{ case: 'call', operation: 'call and answer', ours: 729.04 }]
  const text = pageText({ machine: 'm', versions: 'v', suites: [{ name: 'clock', rows }], counts })
  expect(text).toContain('1 of 2 bars met.\n\n- clock: now(): 30 ns/op, bar 20 (range 28 to 31)')
  expect(text).toContain('| schedule and fire 100,000 timers | 9 ns/op | peer: 100 | 0.09 | 0.08 to 0.1 | ≤ 0.1 |')
  expect(text).toContain('| now() | 30 ns/op |  |  | 28 to 31 | ours ≤ 20 **missed** |')
  expect(text).toContain('| `call` | call and answer | 729.0 |')
  expect(highlightTable(rows)).toContain('| schedule and fire 100,000 timers | peer | 0.09 | 0.08 to 0.1 |')
})
