import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { areaPath, largest, linePath, nearest, place, stack, ticks } from '../../web/charts.js'

const plot = { from: 0, to: 100, top: 10, width: 200, height: 50 }

describe('ticks', () => {
  test('are round, begin at 0, and reach the largest value', () => {
    expect([ticks(9), ticks(100), ticks(0.3), ticks(12)]).toEqual([
      [0, 5, 10],
      [0, 50, 100],
      [0, 0.1, 0.2, expect.closeTo(0.3, 9)],
      [0, 5, 10, 15],
    ])
  })

  test('are at most five for any largest value, and the last is at least that value', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e15, noNaN: true }), (max) => {
        const all = ticks(max)
        expect(all.length).toBeLessThanOrEqual(5)
        expect(all.at(-1)! * (1 + 1e-6)).toBeGreaterThanOrEqual(max)
        expect(all.at(-1)!).toBeLessThanOrEqual(3 * max)
      }),
    )
  })

  test('exist where there is nothing to show', () => {
    for (const max of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) expect(ticks(max)).toEqual([0, 0.5, 1])
  })
})

test('a value stands at its share of time and height, and never outside', () => {
  expect(place(plot, 50, 5)).toEqual([100, 25])
  expect(place(plot, 100, 99)).toEqual([200, 0])
  expect(place(plot, 0, -3)).toEqual([0, 50])
  expect(place({ ...plot, from: 7, to: 7 }, 7, 0)).toEqual([200, 50])
})

test('a line has a gap where a value is unknown, and a dash where it stands alone', () => {
  expect(linePath(plot, [0, 25, 50, 75, 100], [0, 5, null, 10, undefined])).toBe('M0 50L50 25M150 0h1')
  expect(linePath(plot, [0, 50], [Number.NaN, Number.POSITIVE_INFINITY])).toBe('')
})

test('values before the plot are left out', () => {
  expect(linePath({ ...plot, from: 50 }, [0, 50, 100], [1, 5, 5])).toBe('M0 25L200 25')
})

test('layers are stacked: each area lies on the one before it', () => {
  const sums = stack([
    [1, 2],
    [3, null],
  ])
  expect(sums).toEqual([
    [1, 2],
    [4, 2],
  ])
  expect(areaPath(plot, [0, 100], sums[0]!, sums[1]!)).toBe('M0 30L200 40L200 40L0 45Z')
  expect(areaPath(plot, [0, 100], [], sums[0]!)).toBe('M0 45L200 40L200 50L0 50Z')
})

test('the largest value of some lines', () => {
  expect([
    largest([]),
    largest([
      [1, null, 7],
      [undefined, 3],
    ]),
  ]).toEqual([0, 7])
})

test('the nearest sample', () => {
  expect([nearest([], 5), nearest([1, 4, 9], 6), nearest([1, 4, 9], 99)]).toEqual([-1, 1, 2])
})
