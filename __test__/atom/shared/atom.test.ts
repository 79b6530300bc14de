import { AsyncLocalStorage } from 'node:async_hooks'
import { inspect } from 'node:util'
import {
  AtomReentrancyError,
  ClosedError,
  createSharedAtom,
  createSystem,
  getDefaultSystem,
  InvalidArgumentError,
  NotPlainError,
  type SharedAtom,
  type SharedChange,
  type System,
} from 'keelson'
import { createTestSystem } from 'keelson/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { native as addon } from '../../support/native.ts'

const { hot } = addon as { hot: { sharedCount(): number } }

let system: System
const errors: unknown[] = []

beforeEach(() => {
  system = createSystem({ onError: (error) => errors.push(error) })
})

afterEach(async () => {
  await system.close()
  expect(hot.sharedCount()).toBe(0)
  expect(errors.splice(0)).toEqual([])
})

/** News come through the event loop; a few turns are enough on one thread. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 20))

const open = <T>(initial: T, options = {}): SharedAtom<T> => createSharedAtom('atom', initial, { system, ...options })

describe('values', () => {
  it.each([
    0,
    -0,
    NaN,
    1.5,
    'text',
    '',
    true,
    null,
    undefined,
    10n,
    'a lone \ud800 surrogate',
    { a: [1, undefined, { b: NaN }] },
    new Map([[{ k: 1 }, new Set(['v'])]]),
    new Date(5),
    new Uint8Array([1, 2, 3]),
    { $: 'tagged' },
    [],
  ])('come back as they were: %o', (value) => {
    const atom = open<unknown>(value)
    expect(atom.deref()).toStrictEqual(value)
    atom.reset('other')
    expect(atom.reset(value)).toStrictEqual(value)
    expect(atom.get()).toStrictEqual(value)
    expect(atom.version()).toBe(2)
  })

  it('are decoded once a version, shared by all handles of the thread, and frozen', () => {
    const given = { list: [1], at: new Date(1), map: new Map([['k', { deep: [1] }]]), set: new Set([1]) }
    const atom = open(given)
    const other = open({ ...given })
    const read = atom.deref()
    expect(other.deref()).toBe(read)
    expect(read).not.toBe(given)
    given.list.push(2)
    expect(read.list).toEqual([1])
    expect(() => read.list.push(2)).toThrow(TypeError)
    expect(() => read.map.set('x', { deep: [] })).toThrow(/commit a new one/)
    expect(() => read.map.get('k')!.deep.push(2)).toThrow(TypeError)
    expect(() => read.set.add(2)).toThrow(TypeError)
    expect(() => read.at.setTime(2)).toThrow(TypeError)
    const next = atom.swap((current) => ({ ...current, list: [3] }))
    expect(Object.isFrozen(next)).toBe(true)
    expect(other.deref()).toBe(next)
    expect(atom.snapshot().value).toBe(next)
  })

  it('that are not plain are refused, saying what stands where, and change nothing', () => {
    expect(() => open({ user: { callback: () => {} } })).toThrow(
      expect.objectContaining({ code: 'KEELSON_NOT_PLAIN', path: 'initial.user.callback' }),
    )
    const atom = open<unknown>(1)
    // oxlint-disable-next-line no-sparse-arrays -- the point
    for (const bad of [Symbol('s'), () => {}, new URL('http://a/'), new Error('no'), [, 1]]) {
      expect(() => atom.reset(bad)).toThrow(NotPlainError)
      expect(() => atom.swap(() => bad)).toThrow(NotPlainError)
    }
    expect(() => atom.reset(2, { cause: () => {} })).toThrow(NotPlainError)
    expect(atom.snapshot()).toMatchObject({ value: 1, version: 0 })
  })
})

describe('changes', () => {
  it('have a version each; an equal result is none', () => {
    const atom = open(1)
    expect(atom.swap((n) => n + 1)).toBe(2)
    expect(atom.swap((n) => n)).toBe(2)
    expect(atom.reset(2)).toBe(2)
    expect(atom.update((n) => n * 10)).toBe(20)
    expect(atom.set(21)).toBe(21)
    expect(atom.version()).toBe(3)
  })

  it('follow an expected value or version', () => {
    const atom = open('a')
    expect(atom.compareAndSet('b', 'c')).toBe(false)
    expect(atom.compareAndSet('a', 'a')).toBe(false)
    expect(atom.compareAndSet('a', 'b')).toBe(true)
    expect(atom.compareAndSetVersion(0, 'x')).toBe(false)
    expect(atom.compareAndSetVersion(1, 'b')).toBe(false)
    expect(atom.compareAndSetVersion(1, 'x')).toBe(true)
    expect(atom.snapshot()).toMatchObject({ value: 'x', version: 2 })
    expect(() => atom.compareAndSetVersion(-1, 'y')).toThrow(InvalidArgumentError)
  })

  it('compare with the equals of the handle', () => {
    const atom = open({ id: 1, seen: 0 }, { equals: (a: { id: number }, b: { id: number }) => a.id === b.id })
    atom.swap((current) => ({ ...current, seen: 5 }))
    expect(atom.version()).toBe(0)
    expect(atom.compareAndSet({ id: 1, seen: 9 }, { id: 2, seen: 0 })).toBe(true)
    const strict = open({ id: 0, seen: 0 })
    strict.swap((current) => ({ ...current, seen: 7 }))
    expect(atom.deref()).toEqual({ id: 2, seen: 7 })
  })

  it('are refused inside an updater or equals of the same atom, and what they throw is thrown', () => {
    const atom = open(0)
    const other = open(0)
    expect(() => atom.swap((n) => other.swap((m) => m + 1) + n)).toThrow(AtomReentrancyError)
    expect(() => atom.swap(() => other.reset(5))).toThrow(/Cannot update atom during an update/)
    expect(() =>
      atom.swap(() => {
        throw new RangeError('no')
      }),
    ).toThrow(RangeError)
    expect(atom.swap((n) => n + other.deref() + 1)).toBe(1)
    expect(atom.version()).toBe(1)
    // oxlint-disable-next-line typescript/no-explicit-any -- a caller without types
    expect(() => atom.swap(5 as any)).toThrow(InvalidArgumentError)
  })

  it('are remembered, as many as any handle asked for', () => {
    const test = createTestSystem({ initialTime: 1000 })
    const atom = createSharedAtom('h', { n: 0 }, { system: test, historySize: 3 })
    for (let n = 1; n <= 4; n++) {
      test.clock.advanceBy(10)
      atom.reset({ n })
    }
    const history = atom.history()
    expect(history.map(({ value, version, at }) => [value.n, version, at.wallMs])).toEqual([
      [2, 2, 1020],
      [3, 3, 1030],
      [4, 4, 1040],
    ])
    expect(history.at(-1)!.value).toBe(atom.deref())
    const more = createSharedAtom('h', { n: 0 }, { system: test, historySize: 5 })
    for (let n = 5; n < 9; n++) atom.reset({ n })
    expect(more.history().map(({ version }) => version)).toEqual([4, 5, 6, 7, 8])
    return test.close()
  })
})

describe('watchers', () => {
  it('hear of each change in order, with the cause, after the stack of the commit', async () => {
    const atom = open<unknown>('a')
    const other = open<unknown>('ignored')
    const seen: SharedChange<unknown>[] = []
    atom.reset('before')
    const unwatch = atom.watch((change) => seen.push(change))
    other.reset({ n: 1 }, { cause: ['because', 1] })
    atom.reset(3)
    expect(seen).toEqual([])
    await expect.poll(() => seen).toHaveLength(2)
    expect(seen).toMatchObject([
      { from: 'before', to: { n: 1 }, versionFrom: 1, versionTo: 2, cause: ['because', 1] },
      { from: { n: 1 }, to: 3, versionFrom: 2, versionTo: 3 },
    ])
    expect('cause' in seen[1]!).toBe(false)
    expect(seen[0]!.at.wallMs).toBeGreaterThan(1e12)
    unwatch()
    unwatch()
    atom.reset('after')
    await settle()
    expect(seen).toHaveLength(2)
  })

  it('start with the next change, also when the thread is behind, and each is told alone', async () => {
    const atom = open(0)
    const first: number[][] = []
    const second: number[][] = []
    atom.watch(({ versionFrom, versionTo }) => first.push([versionFrom, versionTo]))
    atom.reset(1)
    atom.reset(2)
    atom.watch(({ versionFrom, versionTo }) => second.push([versionFrom, versionTo]))
    atom.reset(3)
    await expect.poll(() => [first.length, second.length]).toEqual([3, 1])
    expect(first).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
    ])
    expect(second).toEqual([[2, 3]])
  })

  it('coalesce only if asked to', async () => {
    const atom = open(0)
    const all: number[] = []
    const newest: SharedChange<number>[] = []
    atom.watch(({ to }) => all.push(to), { coalesce: false })
    atom.watch((change) => newest.push(change), { coalesce: true })
    const values: number[] = []
    atom.subscribe((value) => values.push(value), { coalesce: true })
    for (let n = 1; n <= 3000; n++) atom.reset(n)
    await vi.waitFor(() => expect(all).toHaveLength(3000), 5000)
    expect(all).toEqual(Array.from({ length: 3000 }, (_, index) => index + 1))
    expect(newest).toMatchObject([{ from: 0, to: 3000, versionFrom: 0, versionTo: 3000 }])
    expect(values).toEqual([3000])
  })

  it('may change the atom, and let the event loop turn', async () => {
    const atom = open(0)
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    await new Promise<void>((resolve) => {
      atom.watch(({ to }) => (to < 5000 ? void atom.reset(to + 1) : resolve()))
      atom.reset(1)
    })
    clearInterval(timer)
    expect(atom.version()).toBe(5000)
    expect(turns).toBeGreaterThan(0)
  })

  it('that fail stop nobody; the error goes to onError or the system', async () => {
    const owned: unknown[] = []
    const atom = open(0, { onError: (error: unknown) => owned.push(error) })
    const plain = open(0)
    let told = 0
    atom.watch(() => {
      throw new Error('thrown')
    })
    atom.watch(() => Promise.reject(new Error('rejected')))
    atom.watch(() => told++)
    plain.watch(() => {
      throw new Error('to the system')
    })
    atom.reset(1)
    await expect.poll(() => [told, owned.length, errors.length]).toEqual([1, 2, 1])
    expect(owned.map(String)).toEqual(['Error: thrown', 'Error: rejected'])
    expect(errors.splice(0).map(String)).toEqual(['Error: to the system'])
  })

  it('keep the context in which they were registered', async () => {
    const store = new AsyncLocalStorage<string>()
    const atom = open(0)
    const seen: unknown[] = []
    store.run('registered', () => atom.watch(() => seen.push(store.getStore())))
    store.run('committed', () => atom.reset(1))
    await expect.poll(() => seen).toEqual(['registered'])
  })

  it('end with their handle, also from inside a watcher', async () => {
    const atom = open(0)
    const other = open(0)
    const seen: number[] = []
    atom.watch(({ to }) => {
      seen.push(to)
      atom.close()
    })
    atom.watch(() => seen.push(-1))
    other.watch(({ to }) => seen.push(to * 10))
    other.reset(1)
    other.reset(2)
    await expect.poll(() => seen).toHaveLength(3)
    await settle()
    expect(seen).toEqual([1, 10, 20])
  })

  it('take no options they do not know', () => {
    const atom = open(0)
    expect(() => atom.watch(() => {}, { coalesced: true } as object)).toThrow(/options.coalesced/)
    expect(() => atom.watch(() => {}, { coalesce: 1 as never })).toThrow(/options.coalesce/)
    expect(() => atom.watch(5 as never)).toThrow(/watcher/)
    expect(() => atom.subscribe(5 as never)).toThrow(/subscriber/)
  })
})

describe('names', () => {
  it('mean the same within a namespace, and the first initial value counts', () => {
    const first = createSharedAtom('n', 1, { system, namespace: 'here' })
    const second = createSharedAtom('n', 2, { namespace: 'here' })
    const elsewhere = createSharedAtom('n', 3, { namespace: 'there' })
    const own = createSharedAtom('n', 4, { system })
    expect([first, second, elsewhere, own].map((atom) => atom.deref())).toEqual([1, 1, 3, 4])
    first.reset(9)
    expect([second, elsewhere, own].map((atom) => atom.deref())).toEqual([9, 3, 4])
    second.close()
    elsewhere.close()
  })

  it('of another system are private, unless it is given a namespace', async () => {
    const [one, two] = [createSystem(), createSystem()]
    const [left, right] = [createSystem({ namespace: 'shared' }), createSystem({ namespace: 'shared' })]
    expect(getDefaultSystem().namespace).toBe('default')
    expect(one.namespace).not.toBe(two.namespace)
    const atoms = [one, two, left, right].map((owner) => createSharedAtom('n', owner.namespace, { system: owner }))
    atoms.forEach((atom, index) => atom.reset(`set by ${index}`))
    expect(atoms.map((atom) => atom.deref())).toEqual(['set by 0', 'set by 1', 'set by 3', 'set by 3'])
    for (const owner of [one, two, left, right]) await owner.close()
  })

  it('are free again when the last handle is closed', () => {
    const atom = open('first')
    const other = open('other')
    atom.reset('changed')
    atom.close()
    expect(other.deref()).toBe('changed')
    other.close()
    expect(open('again').snapshot()).toMatchObject({ value: 'again', version: 0 })
  })

  it.each([
    ['name', () => createSharedAtom('', 1)],
    ['name', () => createSharedAtom(5 as never, 1)],
    ['options.system', () => createSharedAtom('n', 1, { system: {} as never })],
    ['options.namespace', () => createSharedAtom('n', 1, { namespace: '' })],
    ['options.namespace', () => createSharedAtom('n', 1, { namespace: '#1' })],
    ['options.namespace', () => createSystem({ namespace: '#1' })],
    ['options.historySize', () => createSharedAtom('n', 1, { historySize: 0 })],
    ['options.equals', () => createSharedAtom('n', 1, { equals: true as never })],
    ['options.onError', () => createSharedAtom('n', 1, { onError: true as never })],
    ['options.history', () => createSharedAtom('n', 1, { history: 5 } as object)],
  ])('and options that are wrong are named: %s', (field, call) => {
    expect(call).toThrow(expect.objectContaining({ code: 'KEELSON_INVALID_ARGUMENT', field }))
  })
})

describe('closing', () => {
  it('refuses every use and happens once', async () => {
    const atom = open(1)
    atom.close()
    atom.close()
    expect(atom.closed).toBe(true)
    const uses: (() => unknown)[] = [
      () => atom.deref(),
      () => atom.version(),
      () => atom.swap((n) => n + 1),
      () => atom.reset(1),
      () => atom.compareAndSet(1, 2),
      () => atom.snapshot(),
      () => atom.history(),
      () => atom.watch(() => {}),
    ]
    for (const use of uses) expect(use).toThrow(ClosedError)
    expect(inspect(atom)).toBe('SharedAtom atom (closed)')
    await system.close()
    expect(() => open(1)).toThrow(ClosedError)
  })

  it('comes with the system, or at the end of a block', async () => {
    const atom = open(1)
    {
      using scoped = open(2)
      expect(scoped.deref()).toBe(1)
    }
    expect(atom.closed).toBe(false)
    await system.close()
    expect(atom.closed).toBe(true)
    expect(hot.sharedCount()).toBe(0)
  })

  it('inside an updater ends the change', () => {
    const atom = open(1)
    const other = open(1)
    expect(() =>
      atom.swap((n) => {
        atom.close()
        return n + 1
      }),
    ).toThrow(ClosedError)
    expect(other.deref()).toBe(1)
  })
})
