import { expect, test } from 'vitest'

import { History } from '../../web/history.js'

test('a rate is what a counter grew by, per second', () => {
  const history = new History()
  history.add(1000, {}, { calls: 10 })
  history.add(1500, {}, { calls: 20 })
  history.add(3500, {}, { calls: 20 })
  expect(history.lines['calls']).toEqual([null, 20, 0])
})

test('a counter that went back has no rate: its process began anew', () => {
  const history = new History()
  for (const [at, calls] of [
    [1000, 10],
    [2000, 4],
    [3000, 9],
  ] as const)
    history.add(at, {}, { calls })
  expect(history.lines['calls']).toEqual([null, null, 5])
})

test('a sample that is not later than the last one changes nothing', () => {
  const history = new History()
  history.add(1000, { size: 1 })
  history.add(1000, { size: 2 })
  history.add(900, { size: 3 })
  history.add(Number.NaN, { size: 4 })
  expect([history.times, history.lines['size']]).toEqual([[1000], [1]])
})

test('lines that begin later, or end, are unknown in the rest of the time', () => {
  const history = new History()
  history.add(1, { one: 1 })
  history.add(2, { two: 2 })
  expect({ ...history.lines }).toEqual({ one: [1, null], two: [null, 2] })
})

test('five minutes at two samples a second are kept, and no more', () => {
  const history = new History()
  for (let at = 1; at <= 700; at++) history.add(at, { at })
  expect([history.times.length, history.times[0], history.lines['at']?.[0], history.last('at')]).toEqual([
    600, 101, 101, 700,
  ])
})

test('names of lines are any text', () => {
  const history = new History()
  history.add(1, JSON.parse('{ "__proto__": 1, "constructor": 2 }') as Record<string, number>)
  expect([history.last('__proto__'), history.last('constructor'), history.last('toString')]).toEqual([1, 2, undefined])
})
