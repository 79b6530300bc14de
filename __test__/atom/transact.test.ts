import {
  type Atom,
  type Change,
  createAtom,
  createControlledClock,
  createSharedAtom,
  isAtomReentrancyError,
  transact,
} from 'keelson'
import { describe, expect, it, vi } from 'vitest'

import { thrown } from '../support/rejection.ts'

const clock = createControlledClock()
const pair = (): [Atom<number>, Atom<number>] => [createAtom(100, clock), createAtom(0, clock)]
const state = (...atoms: Atom<number>[]): unknown => atoms.map((atom) => [atom.deref(), atom.version()])

describe('a transaction', () => {
  it('commits all atoms once, however often the body changed them, and returns what the body returns', () => {
    const [from, to] = pair()
    const result = transact([from, to], () => {
      for (let step = 0; step < 3; step++) {
        from.swap((balance) => balance - 10)
        to.swap((balance) => balance + 10)
      }
      return from.deref()
    })
    expect(result).toBe(70)
    expect(state(from, to)).toEqual([
      [70, 1],
      [30, 1],
    ])
    expect(from.history().map(({ value, version }) => [value, version])).toEqual([
      [100, 0],
      [70, 1],
    ])
  })

  it('shows staged values to reads, and the committed version and history', () => {
    const [from, to] = pair()
    transact([from, to], () => {
      from.reset(1)
      expect([from.deref(), from.get(), from.snapshot().value, from.version()]).toEqual([1, 1, 1, 0])
      expect(from.history().map(({ value }) => value)).toEqual([100])
      from.clearHistory()
      expect(from.compareAndSet(1, 2)).toBe(true)
      expect(from.compareAndSet(1, 3)).toBe(false)
    })
    expect(state(from)).toEqual([[2, 1]])
  })

  it('changes nothing when the body throws', () => {
    const [from, to] = pair()
    const watcher = vi.fn()
    from.watch(watcher)
    const failure = new Error('no')
    const attempt = (): void =>
      transact([from, to], () => {
        from.reset(1)
        throw failure
      })
    expect(thrown(attempt)).toBe(failure)
    expect(state(from, to)).toEqual([
      [100, 0],
      [0, 0],
    ])
    expect(watcher).not.toHaveBeenCalled()
    expect(from.reset(5)).toBe(5)
  })

  it.each(['equals', 'clock'])('changes nothing when the %s of one atom throws at the commit', (who) => {
    let failing = false
    let armed = true
    const fail = (): void => {
      if (failing) throw new Error(who)
    }
    const now = (): ReturnType<typeof clock.now> => {
      if (who === 'clock') fail()
      return clock.now()
    }
    const equals = (one: number, other: number): boolean => {
      if (who === 'equals') fail()
      return one === other
    }
    const first = createAtom(1, clock)
    const second = createAtom(1, { now }, { equals })
    const attempt = (): void =>
      transact([first, second], () => {
        first.reset(2)
        second.reset(2)
        failing = armed
      })
    expect(attempt).toThrow(who)
    expect(state(first, second)).toEqual([
      [1, 0],
      [1, 0],
    ])
    failing = armed = false
    attempt()
    expect(state(first, second)).toEqual([
      [2, 1],
      [2, 1],
    ])
  })

  it('tells watchers after all commits, atom by atom in the order of the list', () => {
    const [from, to] = pair()
    const seen: unknown[] = []
    to.watch(({ cause }) => seen.push(['to', from.deref(), to.deref(), cause]))
    from.watch((change: Change<number>) => seen.push(['from', change, to.version()]))
    clock.advanceBy(7)
    transact(
      [from, to],
      () => {
        to.reset(30)
        from.reset(70, { cause: 'own' })
      },
      { cause: 'both' },
    )
    const at = clock.now()
    expect(seen).toEqual([
      ['from', { from: 100, to: 70, versionFrom: 0, versionTo: 1, at, cause: 'own' }, 1],
      ['to', 70, 30, 'both'],
    ])
  })

  it('leaves an atom alone whose value comes back', () => {
    const [from, to] = pair()
    const watcher = vi.fn()
    from.watch(watcher)
    transact([from, to], () => {
      from.reset(5)
      from.reset(100)
    })
    expect([state(from), watcher.mock.calls.length]).toEqual([[[100, 0]], 0])
  })

  it('refuses watchers that change one of its atoms, and lets them change others', () => {
    const [from, to] = pair()
    const other = createAtom(0, clock)
    const errors: unknown[] = []
    from.watch(() => {
      errors.push(
        thrown(() => to.reset(9)),
        thrown(() => transact([to], () => 0)),
      )
      other.reset(1)
    })
    transact([from, to], () => {
      from.reset(1)
      to.reset(1)
    })
    expect(errors.map(isAtomReentrancyError)).toEqual([true, true])
    expect(state(to, other)).toEqual([
      [1, 1],
      [1, 1],
    ])
  })

  it('refuses an atom of another transaction, or of an updater that runs', () => {
    const [from, to] = pair()
    transact([from], () => {
      expect(isAtomReentrancyError(thrown(() => transact([to, from], () => 0)))).toBe(true)
      expect(transact([to], () => to.reset(3))).toBe(3)
    })
    from.swap((value) => {
      expect(isAtomReentrancyError(thrown(() => transact([from], () => 0)))).toBe(true)
      return value
    })
    expect(state(to)).toEqual([[3, 1]])
  })

  it('commits a change of an atom that is not listed at once, and keeps it', () => {
    const [from, to] = pair()
    thrown(() =>
      transact([from], () => {
        to.reset(1)
        throw new Error('no')
      }),
    )
    expect(state(from, to)).toEqual([
      [100, 0],
      [1, 1],
    ])
  })

  it('refuses a body that returns a promise, undoes it, and reports its failure', async () => {
    const onError = vi.fn()
    const atom = createAtom(0, clock, { onError })
    const failure = new Error('later')
    const attempt = (): unknown =>
      transact([atom], () => {
        atom.reset(1)
        return Promise.reject(failure)
      })
    expect(thrown(attempt)).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field: 'body' })
    await Promise.resolve()
    expect(onError.mock.calls).toEqual([[failure, 'the body of a transaction']])
    expect(state(atom)).toEqual([[0, 0]])
  })

  it('takes no atoms, and as many as 128', () => {
    expect(transact([], () => 'nothing')).toBe('nothing')
    const atoms = Array.from({ length: 128 }, (_, index) => {
      return createAtom(0, { now: () => ({ wallMs: index, monoMs: index }) as never })
    })
    transact(atoms, () => atoms.forEach((atom, index) => atom.reset(index)))
    expect(atoms.map((atom) => atom.version()).filter((version) => version === 1)).toHaveLength(127)
    expect(atoms[100]?.history().map(({ value, at }) => [value, at.wallMs])).toEqual([
      [0, 100],
      [100, 100],
    ])
  })
})

it.each([
  ['atoms', () => transact(5 as never, () => 0)],
  [
    'atoms',
    () =>
      transact(
        Array.from({ length: 129 }, () => createAtom(0)),
        () => 0,
      ),
  ],
  ['atoms[0]', () => transact([5 as never], () => 0)],
  ['atoms[1]', () => transact([createAtom(0), createSharedAtom('transact', 1) as never], () => 0)],
  [
    'atoms[1]',
    () => {
      const atom = createAtom(0)
      transact([atom, atom], () => 0)
    },
  ],
  ['body', () => transact([], 5 as never)],
  ['options.reason', () => transact([], () => 0, { reason: 'x' } as never)],
])('refuses a bad %s', (field, attempt) => {
  expect(attempt).toThrow(expect.objectContaining({ code: 'KEELSON_INVALID_ARGUMENT', field }))
})
