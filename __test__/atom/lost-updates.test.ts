import { type Atom, createAtom, transact } from 'keelson'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

const turn = (): Promise<void> => Promise.resolve()
const warnings = vi.spyOn(process, 'emitWarning')

beforeEach(() => {
  warnings.mockImplementation(() => {})
})
afterEach(() => {
  warnings.mockReset()
})

const codes = (): unknown[] => warnings.mock.calls.map(([, options]) => (options as unknown as { code: string }).code)

/** Reads, waits, and writes what it made of the value that it read. */
async function increment(atom: Atom<number>): Promise<void> {
  const seen = atom.deref()
  await turn()
  atom.reset(seen + 1)
}

describe('an atom that warns of lost updates', () => {
  it('warns once a place of a reset over a commit that its caller had not read', async () => {
    const atom = createAtom(0, { warnOnLostUpdate: true })
    for (let round = 0; round < 3; round++) await Promise.all([increment(atom), increment(atom)])
    expect(codes()).toEqual(['KEELSON_LOST_UPDATE'])
    const [[message] = []] = warnings.mock.calls
    expect(message).toMatch(/version 0 was read, version 1 was committed meanwhile.*lost-updates\.test\.ts/)
  })

  it('warns at another place again, also of set() after get()', async () => {
    const atom = createAtom(0, { warnOnLostUpdate: true })
    const change = async (): Promise<void> => {
      const seen = atom.get()
      await turn()
      atom.set(seen + 1)
    }
    await Promise.all([change(), change()])
    expect(codes()).toEqual(['KEELSON_LOST_UPDATE'])
  })

  it('is silent without the option', async () => {
    const atom = createAtom(0)
    const change = async (): Promise<void> => {
      const seen = atom.deref()
      await turn()
      atom.reset(seen + 1)
    }
    await Promise.all([change(), change()])
    expect(codes()).toEqual([])
  })

  it('is silent where nothing is lost', async () => {
    const atom = createAtom(0, { warnOnLostUpdate: true })
    const swaps = async (): Promise<void> => {
      atom.deref()
      await turn()
      atom.swap((value) => value + 1)
    }
    const reads = async (): Promise<void> => {
      atom.deref()
      await turn()
      atom.reset(atom.deref() + 1)
    }
    const sees = async (): Promise<void> => {
      const seen = atom.deref()
      await turn()
      atom.compareAndSet(seen, seen + 1)
    }
    await Promise.all([swaps(), swaps(), reads(), sees(), swaps()])
    await increment(atom)
    await increment(atom)
    // Never read here: there is no base to be old.
    await new Promise<void>((resolve) => {
      setImmediate(() => {
        atom.reset(0)
        resolve()
      })
    })
    // A value of its own, and an equal one.
    atom.reset(1)
    atom.swap((value) => value + 1)
    atom.reset(3)
    atom.reset(3)
    transact([atom], () => atom.reset(4))
    atom.reset(5)
    expect(codes()).toEqual([])
  })

  it('is an atom in every other way', () => {
    const atom = createAtom(1, { warnOnLostUpdate: true, historySize: 2 })
    const seen: number[] = []
    atom.subscribe((value) => seen.push(value))
    expect([atom.swap((value) => value + 1), atom.compareAndSet(2, 3), atom.update((value) => value * 2)]).toEqual([
      2,
      true,
      6,
    ])
    expect([atom.snapshot().version, atom.history().map(({ value }) => value), seen]).toEqual([3, [3, 6], [2, 3, 6]])
  })

  it('remembers the last 64 atoms that a context read, and no more', async () => {
    const atom = createAtom(0, { warnOnLostUpdate: true })
    const change = async (others: number): Promise<void> => {
      const seen = atom.deref()
      for (let count = 0; count < others; count++) createAtom(0, { warnOnLostUpdate: true }).deref()
      await turn()
      atom.reset(seen + others)
    }
    await Promise.all([change(64), change(64), change(65)])
    expect(codes()).toEqual([])
    await Promise.all([change(62), change(63)])
    expect(codes()).toEqual(['KEELSON_LOST_UPDATE'])
  })
})

it('refuses an option that is no flag', () => {
  expect(() => createAtom(0, { warnOnLostUpdate: 1 as never })).toThrow(
    expect.objectContaining({ code: 'KEELSON_INVALID_ARGUMENT', field: 'options.warnOnLostUpdate' }),
  )
})
