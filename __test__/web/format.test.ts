import { expect, test } from 'vitest'

import { bytes, cell, duration, plural, short, wall, words } from '../../web/format.js'

test('numbers are short', () => {
  expect([0, 0.126, 9.5, 42.25, 950, 1200, 123_456, 34e6, 2.5e9].map(short)).toEqual([
    '0',
    '0.13',
    '9.5',
    '42.3',
    '950',
    '1.2k',
    '123k',
    '34M',
    '2.5G',
  ])
})

test('bytes have their unit', () => {
  expect([0, 999, 182_000, 148e6].map(bytes)).toEqual(['0 B', '999 B', '182 kB', '148 MB'])
})

test('durations have their two largest units', () => {
  expect([0.126, 18.33, 250.4, 1234, 200_000, 3_725_000, 180_000_000].map(duration)).toEqual([
    '0.13 ms',
    '18.3 ms',
    '250 ms',
    '1.2 s',
    '3 min 20 s',
    '1 h 2 min',
    '2 d 2 h',
  ])
})

test('a time of another day has its date', () => {
  const noon = new Date(2026, 4, 17, 12, 30, 5).getTime()
  expect([wall(noon), wall(noon, noon + 1000), wall(noon, noon + 86_400_000)]).toEqual([
    '12:30:05',
    '12:30:05',
    '2026-05-17 12:30:05',
  ])
})

test('cells are shown by their type', () => {
  const shown = [
    cell('text', 'cart'),
    cell('text', ''),
    cell('text', null),
    cell('flag', true),
    cell('flag', false),
    cell('count', 1_234_567.4),
    cell('gauge', 0.126),
    cell('ms', 1500),
    cell('bytes', 2000),
    cell('wall', 0),
    cell('gauge', Number.NaN),
  ]
  expect(shown).toEqual(['cart', '–', '–', 'yes', 'no', '1,234,567', '0.13', '1.5 s', '2 kB', '–', 'NaN'])
})

test('names of the protocol are words', () => {
  expect([words('inFlight'), words('queueDelayMs'), words('R'), words('shedQueueFull')]).toEqual([
    'in flight',
    'queue delay',
    'R',
    'shed queue full',
  ])
  expect([plural('process'), plural('policy'), plural('route')]).toEqual(['processes', 'policies', 'routes'])
})
