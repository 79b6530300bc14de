import { inspect } from 'node:util'
import { createSharedAtom, createSystem, isSharedKindError, sharedCounter, sharedFlag, type System } from 'keelson'
import { afterEach, beforeEach, expect, it } from 'vitest'

let system: System

beforeEach(() => {
  system = createSystem()
})
afterEach(() => system.close())

const MAX = Number.MAX_SAFE_INTEGER

it('counts', () => {
  const counter = sharedCounter('c', { system, initial: 5 })
  const same = sharedCounter('c', { system, initial: 99 })
  expect(counter.add(10)).toBe(15)
  expect(same.increment()).toBe(16)
  expect(counter.decrement()).toBe(15)
  expect(same.set(-3)).toBe(15)
  expect(counter.value).toBe(-3)
  expect(counter.compareAndSet(0, 1)).toBe(false)
  expect(counter.compareAndSet(-3, MAX)).toBe(true)
  expect(inspect(same)).toBe(`SharedCounter c ${MAX}`)
})

it('refuses what would not stay exact, and changes nothing', () => {
  const counter = sharedCounter('c', { system, initial: MAX })
  expect(() => counter.increment()).toThrow(expect.objectContaining({ field: 'amount' }))
  for (const amount of [0.5, NaN, Infinity, 2 ** 53, '1' as never]) {
    expect(() => counter.add(amount)).toThrow(expect.objectContaining({ field: 'amount' }))
    expect(() => counter.set(amount)).toThrow(expect.objectContaining({ field: 'value' }))
    expect(() => counter.compareAndSet(MAX, amount)).toThrow(expect.objectContaining({ field: 'next' }))
    expect(() => sharedCounter('d', { system, initial: amount })).toThrow(
      expect.objectContaining({ field: 'options.initial' }),
    )
  }
  expect(counter.value).toBe(MAX)
  expect(counter.add(-MAX)).toBe(0)
  expect(counter.add(-MAX)).toBe(-MAX)
  expect(() => counter.decrement()).toThrow(/sum/)
})

it('raises and lowers flags, and tells who did', () => {
  const flag = sharedFlag('f', { system })
  const same = sharedFlag('f', { system, initial: true })
  expect([flag.value, same.value]).toEqual([false, false])
  expect([flag.raise(), same.raise(), same.value]).toEqual([true, false, true])
  expect([flag.lower(), same.lower(), same.value]).toEqual([true, false, false])
  expect([flag.set(true), flag.set(true), flag.set(false)]).toEqual([false, true, true])
  expect([flag.compareAndSet(true, false), flag.compareAndSet(false, true), same.value]).toEqual([false, true, true])
  expect(sharedFlag('g', { system, initial: true }).value).toBe(true)
  expect(() => flag.set(1 as never)).toThrow(/value must be true or false/)
  expect(inspect(flag)).toBe('SharedFlag f true')
})

it('keeps kinds apart', () => {
  createSharedAtom('a', 1, { system })
  sharedCounter('c', { system })
  sharedFlag('f', { system })
  const attempts: [() => unknown, string, string][] = [
    [() => sharedCounter('a', { system }), 'a', 'atom'],
    [() => sharedFlag('c', { system }), 'c', 'counter'],
    [() => createSharedAtom('f', 1, { system }), 'f', 'flag'],
  ]
  for (const [attempt, shared, kind] of attempts) {
    expect(attempt).toThrow(expect.objectContaining({ code: 'KEELSON_SHARED_KIND', shared, kind }))
  }
  try {
    attempts[0]![0]()
  } catch (error) {
    expect(isSharedKindError(error)).toBe(true)
  }
})

it('refuses use after closing, and begins anew', () => {
  const counter = sharedCounter('c', { system, initial: 1 })
  const flag = sharedFlag('f', { system, initial: true })
  counter.close()
  flag[Symbol.dispose]()
  flag.close()
  for (const use of [() => counter.value, () => counter.add(1), () => flag.value, () => flag.raise()]) {
    expect(use).toThrow(expect.objectContaining({ code: 'KEELSON_CLOSED' }))
  }
  expect(inspect(flag)).toBe('SharedFlag f (closed)')
  expect(sharedCounter('c', { system }).value).toBe(0)
  expect(sharedFlag('f', { system }).value).toBe(false)
})

it('has one handle a name, however often it is asked for, until all who asked have closed it', () => {
  const counters = Array.from({ length: 1000 }, () => sharedCounter('often', { system }))
  const flags = [sharedFlag('once', { system }), sharedFlag('once', { system })]
  for (const counter of counters) counter.increment()
  expect(counters[0]?.value).toBe(1000)
  for (const counter of counters.slice(1)) counter.close()
  expect([counters[1]?.closed, counters[0]?.closed, counters[0]?.value]).toEqual([true, false, 1000])
  counters[1]?.close()
  expect(counters[0]?.value).toBe(1000)
  counters[0]?.close()
  // Nobody holds it any more.
  expect(sharedCounter('often', { system, initial: 7 }).value).toBe(7)
  flags[0]?.close()
  expect(() => flags[0]?.value).toThrow(expect.objectContaining({ code: 'KEELSON_CLOSED' }))
  expect(flags[1]?.value).toBe(false)
})
