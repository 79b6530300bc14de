import {
  createAtom,
  createControlledClock,
  createSystem,
  isAtomReentrancyError,
  type Atom,
  type Change,
  type Instant,
} from 'keelson'
import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'

import { thrown } from '../support/rejection.ts'

describe('values and versions', () => {
  it('counts a version for each change, and none for an equal value', () => {
    const atom = createAtom(1, createControlledClock(), { baseVersion: 10 })
    expect(atom.swap((value) => value + 1)).toBe(2)
    expect(atom.reset(2)).toBe(2)
    expect(atom.version()).toBe(11)
    expect(atom.compareAndSet(2, 3)).toBe(true)
    expect(atom.compareAndSet(2, 4)).toBe(false)
    expect(atom.compareAndSet(3, 3)).toBe(false)
    expect([atom.deref(), atom.version()]).toEqual([3, 12])
  })

  it('returns the old value, and tells nobody, when the result is equal', () => {
    const first = { id: 1 }
    const atom = createAtom(first, createControlledClock(), { equals: (a, b) => a.id === b.id })
    const watcher = vi.fn()
    atom.watch(watcher)
    expect(atom.swap(() => ({ id: 1 }))).toBe(first)
    expect(atom.reset({ id: 1 })).toBe(first)
    expect([atom.version(), watcher.mock.calls.length]).toEqual([0, 0])
  })

  it('tells NaN from nothing and -0 from 0, as Object.is does', () => {
    const atom = createAtom(NaN, createControlledClock())
    atom.reset(NaN)
    expect(atom.version()).toBe(0)
    atom.reset(0)
    atom.reset(-0)
    expect(atom.version()).toBe(2)
  })

  it('goes by get, set, update and subscribe too, without a clock', () => {
    const atom = createAtom<string[]>([])
    const seen: string[][] = []
    const end = atom.subscribe((value) => seen.push(value))
    atom.update((list) => [...list, 'a'])
    atom.set(['b'])
    end()
    atom.set([])
    expect(seen).toEqual([['a'], ['b']])
    expect(atom.get()).toEqual([])
  })

  it('keeps identity: nothing is copied or frozen', () => {
    const value = { nested: {} }
    const atom = createAtom(value, createControlledClock())
    expect(atom.deref()).toBe(value)
    expect(Object.isFrozen(value)).toBe(false)
  })
})

describe('time and history', () => {
  it('remembers the last values with their commit times, the current one last', () => {
    const clock = createControlledClock(100)
    const atom = createAtom('a', clock, { historySize: 3 })
    for (const next of ['b', 'c', 'd']) {
      clock.advanceBy(10)
      atom.reset(next)
    }
    const seen = atom.history().map(({ value, version, at }) => [value, version, at.wallMs])
    expect(seen).toEqual([
      ['b', 1, 110],
      ['c', 2, 120],
      ['d', 3, 130],
    ])
    clock.advanceBy(5)
    expect(atom.snapshot()).toEqual({ value: 'd', version: 3, at: clock.now() })
    atom.clearHistory()
    expect(atom.history().map(({ value, at }) => [value, at.wallMs])).toEqual([['d', 130]])
    expect(atom.version()).toBe(3)
  })

  it('keeps the last 16 values by default, and the current one alone if it is told to', () => {
    const clock = createControlledClock()
    const atom = createAtom(0, clock)
    const alone = createAtom(0, clock, { historySize: 1 })
    for (let value = 1; value <= 20; value++) {
      clock.advanceBy(7)
      atom.reset(value)
      alone.reset(value)
    }
    const at = (value: number): unknown => [value, value, value * 7]
    const seen = (one: Atom<number>): unknown =>
      one.history().map((entry) => [entry.value, entry.version, entry.at.monoMs])
    expect(seen(atom)).toEqual(Array.from({ length: 16 }, (_, index) => at(index + 5)))
    expect(seen(alone)).toEqual([at(20)])
  })

  it('reads a clock of the user once at the start and once a commit', () => {
    const source = createControlledClock()
    const now = vi.fn(() => source.now())
    const atom = createAtom(0, { now })
    atom.reset(1)
    atom.reset(1)
    atom.reset(2)
    expect(now).toHaveBeenCalledTimes(3)
  })

  it('never dates a commit before a time read earlier, and moves with the system clock', async () => {
    const system = createSystem()
    const atom = createAtom(0, { system, historySize: 1000 })
    for (let index = 1; index <= 300; index++) {
      const before = system.clock.now()
      atom.reset(index)
      expect(atom.history().at(-1)?.at.monoMs).toBeGreaterThanOrEqual(before.monoMs)
      atom.reset(-index)
    }
    await system.clock.sleep(5)
    const before = system.clock.now()
    atom.reset(0.5)
    const after = system.clock.now()
    const at = atom.history().at(-1)?.at as Instant
    expect(at.monoMs).toBeGreaterThanOrEqual(before.monoMs)
    expect(at.monoMs).toBeLessThanOrEqual(after.monoMs)
    const times = atom.history().map((entry) => entry.at.monoMs)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    await system.close()
  })

  it('follows fake timers within one run', () => {
    vi.useFakeTimers()
    try {
      const atom = createAtom(0, { historySize: 3 })
      atom.reset(1)
      vi.advanceTimersByTime(1000)
      atom.reset(2)
      const [, first, second] = atom.history().map(({ at }) => at.wallMs)
      expect((second as number) - (first as number)).toBe(1000)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('watchers', () => {
  it('are told in order of registration, with the change and its cause', () => {
    const clock = createControlledClock(5)
    const atom = createAtom(1, clock)
    const seen: [string, Change<number>][] = []
    atom.watch((change) => seen.push(['first', change]))
    atom.watch((change) => seen.push(['second', change]))
    atom.swap((value) => value + 1, { cause: 'test' })
    atom.reset(3)
    const at = clock.now()
    expect(seen).toEqual([
      ['first', { from: 1, to: 2, versionFrom: 0, versionTo: 1, at, cause: 'test' }],
      ['second', { from: 1, to: 2, versionFrom: 0, versionTo: 1, at, cause: 'test' }],
      ['first', { from: 2, to: 3, versionFrom: 1, versionTo: 2, at }],
      ['second', { from: 2, to: 3, versionFrom: 1, versionTo: 2, at }],
    ])
  })

  it('start with the next change when added during a notification, and stop at once when ended in one', () => {
    const atom = createAtom(0, createControlledClock())
    const seen: string[] = []
    let endSecond = (): void => {}
    const endFirst = atom.watch(({ to }) => {
      seen.push(`first ${to}`)
      endFirst()
      endSecond()
      atom.watch((change) => seen.push(`late ${change.to}`))
    })
    endSecond = atom.watch(({ to }) => seen.push(`second ${to}`))
    atom.reset(1)
    atom.reset(2)
    expect(seen).toEqual(['first 1', 'late 2'])
  })

  it('are each their own, also the same function twice', () => {
    const atom = createAtom(0, createControlledClock())
    const watcher = vi.fn()
    const end = atom.watch(watcher)
    atom.watch(watcher)
    atom.reset(1)
    expect(watcher).toHaveBeenCalledTimes(2)
    end()
    end()
    atom.reset(2)
    expect(watcher).toHaveBeenCalledTimes(3)
  })

  it('stay in order while many come and go', () => {
    const atom = createAtom(0, createControlledClock())
    let seen: number[] = []
    const ends = Array.from({ length: 1000 }, (_, index) => atom.watch(() => seen.push(index)))
    for (const [index, end] of ends.entries()) if (index % 3 !== 0) end()
    atom.reset(1)
    expect(seen).toEqual(Array.from({ length: 334 }, (_, index) => index * 3))
    seen = []
    for (const end of ends) end()
    atom.reset(2)
    expect(seen).toEqual([])
  })

  it('hand their errors, thrown or rejected, to the error hook; the others are told', async () => {
    const onError = vi.fn()
    const atom = createAtom(0, createControlledClock(), { onError })
    const sync = new Error('sync')
    const later = new Error('later')
    const last = vi.fn()
    atom.watch(() => {
      throw sync
    })
    atom.watch(() => Promise.reject(later))
    atom.watch(last)
    atom.reset(1)
    await Promise.resolve()
    await Promise.resolve()
    expect(onError.mock.calls).toEqual([
      [sync, 'a watcher of an atom'],
      [later, 'a watcher of an atom'],
    ])
    expect(last).toHaveBeenCalledOnce()
  })

  it('have the system, or the owner of the clock, for errors by default', async () => {
    const onError = vi.fn()
    const system = createSystem({ clock: createControlledClock(), onError })
    for (const atom of [createAtom(0, { system }), createAtom(0, system.clock)]) {
      atom.watch(() => {
        throw new Error('x')
      })
      atom.reset(1)
    }
    expect(onError).toHaveBeenCalledTimes(2)
    await system.close()
  })
})

describe('all or nothing', () => {
  const state = (atom: Atom<number>): unknown => [atom.deref(), atom.version(), atom.history().length]

  it.each(['updater', 'equals', 'clock'])('changes nothing when the %s throws, and works again after', (who) => {
    const source = createControlledClock()
    let failing = ''
    const fail = (name: string): void => {
      if (failing === name) throw new Error(name)
    }
    const clock = {
      now: () => {
        fail('clock')
        return source.now()
      },
    }
    const equals = (a: number, b: number): boolean => {
      fail('equals')
      return a === b
    }
    const atom = createAtom(1, clock, { equals, historySize: 5 })
    const watcher = vi.fn()
    atom.watch(watcher)
    failing = who
    const before = state(atom)
    const attempt = (): unknown =>
      atom.swap((value) => {
        fail('updater')
        return value + 1
      })
    expect(attempt).toThrow(who)
    if (who !== 'updater') {
      expect(() => atom.reset(9)).toThrow(who)
      expect(() => atom.compareAndSet(1, 9)).toThrow(who)
    }
    expect(state(atom)).toEqual(before)
    expect(watcher).not.toHaveBeenCalled()
    failing = ''
    expect(attempt()).toBe(2)
    expect(watcher).toHaveBeenCalledOnce()
  })

  it('refuses every change from an updater, which would be lost', () => {
    const atom = createAtom(0, createControlledClock())
    for (const nested of [
      () => atom.swap((value) => value + 1),
      () => atom.reset(5),
      () => atom.compareAndSet(0, 5),
      () => atom.compareAndSet(7, 5),
    ]) {
      const error = thrown(() =>
        atom.swap((value) => {
          nested()
          return value + 1
        }),
      )
      expect(isAtomReentrancyError(error)).toBe(true)
      expect([atom.deref(), atom.version()]).toEqual([0, 0])
    }
  })

  it('refuses every change from a watcher, also one that would not match', () => {
    const atom = createAtom(0, createControlledClock())
    const errors: unknown[] = []
    atom.watch(() => {
      for (const nested of [() => atom.swap((value) => value), () => atom.reset(1), () => atom.compareAndSet(9, 5)]) {
        errors.push(thrown(nested))
      }
    })
    atom.reset(1)
    expect(errors.map((error) => (error as Error).message)).toEqual(
      Array.from({ length: 3 }, () => 'Cannot update atom during notification (reentrant update)'),
    )
    expect([atom.deref(), atom.version()]).toEqual([1, 1])
    expect(atom.reset(2)).toBe(2)
  })

  it('lets an updater read, and change other atoms', () => {
    const other = createAtom(0, createControlledClock())
    const atom = createAtom(1, createControlledClock())
    atom.swap((value) => value + atom.deref() + other.reset(3))
    expect(atom.deref()).toBe(5)
  })
})

it.each([
  ['options.equals', () => createAtom(0, { equals: 1 as never })],
  ['options.historySize', () => createAtom(0, { historySize: 0 })],
  ['options.historySize', () => createAtom(0, createControlledClock(), { historySize: NaN })],
  ['options.baseVersion', () => createAtom(0, { baseVersion: -1 })],
  ['options.history', () => createAtom(0, { history: 5 } as never)],
  ['options.onError', () => createAtom(0, { onError: 'log' as never })],
  ['options.system', () => createAtom(0, { system: {} as never })],
  ['clock', () => createAtom(0, 5 as never)],
  ['updater', () => createAtom(0).swap(5 as never)],
  ['watcher', () => createAtom(0).watch(undefined as never)],
  ['subscriber', () => createAtom(0).subscribe('x' as never)],
])('refuses a bad %s', (field, attempt) => {
  expect(attempt).toThrow(expect.objectContaining({ code: 'KEELSON_INVALID_ARGUMENT', field }))
})

/** A model of an atom, written as simply as possible. */
class Model {
  log: string[] = []
  versions: [number, number, number][] = [[0, 0, 0]]
  #value = 0
  #version = 0
  readonly #size: number
  constructor(size: number) {
    this.#size = size
  }
  set(next: number, now: number): void {
    if (next === this.#value) return
    this.log.push(`${this.#value}>${next}@${this.#version + 1}`)
    this.#value = next
    this.versions.push([next, ++this.#version, now])
    this.versions = this.versions.slice(-this.#size)
  }
  get(): number {
    return this.#value
  }
}

it('does what a simple model does, for any sequence of calls', () => {
  const op = fc.oneof(
    fc.record({ op: fc.constant('reset' as const), to: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ op: fc.constant('swap' as const), to: fc.integer({ min: -1, max: 1 }) }),
    fc.record({
      op: fc.constant('cas' as const),
      to: fc.integer({ min: 0, max: 3 }),
      of: fc.integer({ min: 0, max: 3 }),
    }),
    fc.record({ op: fc.constant('time' as const), to: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ op: fc.constant('throw' as const), to: fc.constant(0) }),
  )
  fc.assert(
    fc.property(fc.array(op, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (ops, historySize) => {
      const clock = createControlledClock()
      const atom = createAtom(0, clock, { historySize })
      const model = new Model(historySize)
      const log: string[] = []
      atom.watch(({ from, to, versionTo }) => log.push(`${from}>${to}@${versionTo}`))
      for (const step of ops) {
        const now = clock.now().wallMs
        if (step.op === 'reset') {
          atom.reset(step.to)
          model.set(step.to, now)
        } else if (step.op === 'swap') {
          atom.swap((value) => value + step.to)
          model.set(model.get() + step.to, now)
        } else if (step.op === 'cas') {
          const changes = model.get() === step.of && step.to !== step.of
          expect(atom.compareAndSet(step.of, step.to)).toBe(changes)
          if (changes) model.set(step.to, now)
        } else if (step.op === 'time') {
          clock.advanceBy(step.to)
        } else {
          thrown(() =>
            atom.swap(() => {
              throw new Error('x')
            }),
          )
        }
        expect(atom.history().map(({ value, version, at }) => [value, version, at.wallMs])).toEqual(model.versions)
      }
      expect(log).toEqual(model.log)
    }),
    { seed: 7, numRuns: 300 },
  )
})
