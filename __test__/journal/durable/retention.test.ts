import { readdirSync } from 'node:fs'
import { isJournalGapError } from 'keelson'
import { openJournal } from 'keelson/journal'
import { createTestSystem } from 'keelson/testing'
import { describe, expect, it } from 'vitest'

import type { Pages } from '../../../js/journal/durable/pages.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

interface Keyed {
  readonly k: string
}

const keyed = { key: ({ k }: Keyed): string => k }
const sum = (total: number, x: number): number => total + x
const numbers = (count: number): number[] => Array.from({ length: count }, () => 1)
const segments = (path: string): number => readdirSync(path).filter((name) => name.endsWith('.segment')).length

describe('a limit of entries', () => {
  it('holds after a compaction, whose segments have gaps', async () => {
    await using journal = await openJournal<Keyed>(tempDirectory(), { ...keyed, maxEntries: 1000 })
    for (let day = 0, made = 0; day < 6; day++) {
      await journal.appendMany(Array.from({ length: 500 }, (_, index) => ({ k: index > 0 ? `k${made++}` : 'state' })))
      expect(journal.size()).toBeLessThanOrEqual(1000)
      await journal.compact()
      expect(journal.size()).toBeLessThanOrEqual(1000)
    }
    expect(await journal.retain()).toBe(0)
    expect([...journal]).toHaveLength(journal.size())
    for (let index = 0; index < 50; index++) {
      await journal.append({ k: `new${index}` })
      expect(journal.size()).toBeLessThanOrEqual(1000)
    }
    expect([...journal].at(0)?.sequence).toBe(journal.getFirst()?.sequence)
  })

  it('is right as soon as the append is acknowledged', async () => {
    await using journal = await openJournal<number>(tempDirectory(), { maxEntries: 3 })
    for (let index = 0; index < 200; index++) {
      await journal.appendMany([index, index, index, index])
      expect(journal.getAll()).toEqual([index, index, index])
    }
  })

  it('lets nothing come back when the journal is opened with another one', async () => {
    const path = tempDirectory()
    const journal = await openJournal<number>(path, { maxEntries: 2 })
    await journal.appendMany([1, 2, 3, 4])
    await journal.close()
    await using again = await openJournal<number>(path)
    expect([again.getAll(), again.size(), again.recovery.entries]).toEqual([[3, 4], 2, 2])
    expect(await again.compact()).toBe(0)
    expect(again.getAll()).toEqual([3, 4])
  })

  it('is counted by a compaction: what had gone before goes not again', async () => {
    await using journal = await openJournal<Keyed>(tempDirectory(), { ...keyed, maxEntries: 3 })
    await journal.appendMany(Array.from({ length: 9 }, () => ({ k: 'one' })))
    expect(await journal.compact()).toBe(2)
    expect(await journal.compact()).toBe(0)
  })
})

describe('a saved state', () => {
  it('that does not join what is held gives an error and no state that never was', async () => {
    await using journal = await openJournal<number>(tempDirectory(), { maxEntries: 10 })
    await journal.appendMany(numbers(5))
    await journal.saveSnapshot(journal.fold(sum, { initial: 0 }))
    await journal.appendMany(numbers(10))
    // Entries 0 to 4 are in it, and 5 to 14 are held.
    expect(journal.fold(sum, { initial: 0, fromSnapshot: true })).toBe(15)
    await journal.append(1)
    const gap = { code: 'KEELSON_JOURNAL_GAP', from: 5, first: 6 }
    expect(() => journal.fold(sum, { initial: 0, fromSnapshot: true })).toThrow(expect.objectContaining(gap))
    expect(journal.fold(sum, { initial: 0 })).toBe(10)
    await journal.saveSnapshot(16)
    expect(journal.fold(sum, { initial: 0, fromSnapshot: true })).toBe(16)
  })

  it('goes when a compaction drops a removal that it does not know of', async () => {
    type Data = Keyed | null
    const keys = (found: readonly string[], data: Data): readonly string[] =>
      data === null ? found.filter((k) => k !== 'a') : [...found, data.k]
    await using journal = await openJournal<Data>(tempDirectory(), { key: (data) => data?.k ?? 'a' })
    await journal.append({ k: 'a' })
    await journal.saveSnapshot(['a'])
    await journal.append(null)
    expect(journal.fold(keys, { initial: [], fromSnapshot: true })).toEqual([])
    await journal.compact({ dropTombstones: true })
    expect(journal.fold(keys, { initial: [], fromSnapshot: true })).toEqual([])
    expect(journal.loadSnapshot()).toBeUndefined()
  })

  it('that does not know of a removal which a compaction dropped is refused, also after a restart', async () => {
    type Data = Keyed | null
    const keys = (found: readonly string[], data: Data): readonly string[] =>
      data === null ? found.filter((k) => k !== 'a') : [...found, data.k]
    const path = tempDirectory()
    const options = { key: (data: Data) => data?.k ?? 'a' }
    const early = { code: 'KEELSON_INVALID_ARGUMENT', field: 'options.sequence' }
    {
      await using journal = await openJournal<Data>(path, options)
      await journal.append({ k: 'a' })
      const before = journal.fold(keys, { initial: [] })
      await journal.append(null)
      await journal.compact({ dropTombstones: true })
      await expect(journal.saveSnapshot(before, { sequence: 0 })).rejects.toMatchObject(early)
      expect(journal.fold(keys, { initial: [], fromSnapshot: true })).toEqual([])
    }
    await using journal = await openJournal<Data>(path, options)
    await journal.append({ k: 'b' })
    await journal.compact()
    await expect(journal.saveSnapshot(['a'], { sequence: 0 })).rejects.toMatchObject(early)
    await journal.saveSnapshot([], { sequence: 1 })
    expect(journal.fold(keys, { initial: [], fromSnapshot: true })).toEqual(['b'])
  })

  it('that is older than another is used only where the newer one stands for too much', async () => {
    await using journal = await openJournal<Keyed | null>(tempDirectory(), { key: (data) => data?.k ?? 'a' })
    await journal.appendMany([{ k: 'b' }, { k: 'a' }])
    await journal.saveSnapshot(['b', 'a'])
    await journal.appendMany([null, { k: 'c' }])
    await journal.saveSnapshot(['b', 'c'])
    await journal.compact({ dropTombstones: true })
    // What stood for entry 0 and 1 has gone.
    await journal.saveSnapshot(['b'], { sequence: 2 })
    // The newest that knows of the removal, whatever was saved last.
    expect(journal.loadSnapshot()).toMatchObject({ sequence: 3, state: ['b', 'c'] })
    const states = (all: readonly string[], data: Keyed | null): readonly string[] =>
      data === null ? all : [...all, data.k]
    expect(journal.fold(states, { initial: [], fromSnapshot: true, upTo: 2 })).toEqual(['b'])
  })

  it('has no key whose removal a compaction drops while it is read', async () => {
    type Data = Keyed | null
    await using journal = await openJournal<Data>(tempDirectory(), {
      key: (data) => data?.k ?? 'a',
      durability: 'flush',
    })
    const many = Array.from({ length: 1500 }, (_, n) => ({ k: `k${n}` }))
    await journal.appendMany([{ k: 'a' }, ...many, null])
    // A fold reads without a pause; its pages are read here one by one.
    const pages = Reflect.get(journal, 'pages') as Pages<Data>
    const [plain, joined] = [pages.whole(0, 1502, false), pages.whole(1, 1502, true)]
    expect([plain.next().value?.data, joined.next().value?.data]).toEqual([{ k: 'a' }, { k: 'k0' }])
    await journal.compact({ dropTombstones: true })
    const gap = expect.objectContaining({ code: 'KEELSON_JOURNAL_GAP' }) as Error
    expect(() => [...plain]).toThrow(gap)
    expect(() => [...joined]).toThrow(gap)
    // What begins afterwards begins with what is there.
    expect([...pages.whole(0, 1502, false)].length).toBe(1500)
    expect(() => [...pages.whole(1, 1502, true)]).toThrow(gap)
    expect([...pages.whole(1502, 1502, true)]).toEqual([])
  })

  it('is not read past entries that go while they are read', async () => {
    await using journal = await openJournal<number>(tempDirectory(), { maxEntries: 2000, durability: 'flush' })
    await journal.appendMany(numbers(2000))
    const appended: Promise<unknown>[] = []
    const slow = (total: number, x: number): number => {
      // Its pages are of 512 entries; what the second one needs is gone.
      if (appended.length === 0) {
        appended.push(journal.appendMany(numbers(1500)))
        const until = performance.now() + 200
        while (performance.now() < until);
      }
      return total + x
    }
    let found: unknown
    try {
      found = journal.fold(slow, { initial: 0 })
    } catch (error) {
      expect(isJournalGapError(error)).toBe(true)
    }
    if (found !== undefined) expect(found).toBe(2000)
    await Promise.all(appended)
  })
})

describe('a limit of age', () => {
  const HOUR = 3_600_000
  const T = Date.UTC(2025, 0, 1)

  it.each([0, HOUR, 6 * HOUR])('makes no file for each append after the clock was set back by %d ms', async (fast) => {
    const { clock, system } = createTestSystem({ initialTime: T + fast })
    const path = tempDirectory()
    const journal = await openJournal<number>(path, { system, maxAgeMs: 7 * HOUR })
    clock.jumpWallTime(T)
    for (let index = 0; index < 100; index++) {
      clock.advanceBy(10)
      await journal.append(index)
    }
    expect([segments(path), journal.size()]).toEqual([1, 100])
    await system.close()
  })

  it('loses nothing young when the clock jumps forward, and keeps nothing for ever when it jumps back', async () => {
    const { clock, system } = createTestSystem({ initialTime: T })
    const path = tempDirectory()
    const options = { system, maxAgeMs: HOUR }
    const journal = await openJournal<string>(path, options)
    await journal.append('before')
    clock.jumpWallTime(T + 1000 * HOUR)
    await journal.append('a year ahead')
    expect(await journal.retain()).toBe(0)
    await journal.close()
    // The journal has heard of the jump: it is no time that passed while it was closed.
    const again = await openJournal<string>(path, options)
    expect(again.getAll()).toEqual(['before', 'a year ahead'])
    clock.jumpWallTime(T)
    clock.advanceBy(HOUR)
    await again.append('right again')
    clock.advanceBy(HOUR / 2)
    await again.append('later')
    expect(again.getAll()).toEqual(['right again', 'later'])
    await again.close()
    // While it is closed there is wall time only.
    clock.advanceBy(10 * HOUR)
    const last = await openJournal<string>(path, options)
    expect(last.getAll()).toEqual(['later'])
    await last.append('last')
    expect(last.getAll()).toEqual(['last'])
    await system.close()
  })

  it('counts time that passed in a run without appends, also when the clock is set back before the next opening', async () => {
    const { clock, system } = createTestSystem({ initialTime: T })
    const path = tempDirectory()
    const options = { system, maxAgeMs: HOUR }
    const reopened = async (appends: readonly string[], passedMs: number): Promise<string[]> => {
      const journal = await openJournal<string>(path, options)
      for (const text of appends) await journal.append(text)
      const all = journal.getAll()
      clock.advanceBy(passedMs)
      await journal.close()
      return all
    }
    await reopened(['old'], 0)
    await reopened([], HOUR / 2)
    clock.jumpWallTime(T)
    await reopened(['half an hour later'], HOUR * 0.75)
    expect(await reopened([], 0)).toEqual(['half an hour later'])
    await system.close()
  })

  it('holds after compactions: what is old does not live on in one file with what is young', async () => {
    const { clock, system } = createTestSystem({ initialTime: T })
    const journal = await openJournal<Keyed>(tempDirectory(), { ...keyed, system, maxAgeMs: 8 * HOUR })
    for (let hour = 0; hour < 40; hour++) {
      await journal.append({ k: `k${hour}` })
      await journal.compact()
      clock.advanceBy(HOUR)
    }
    const oldest = clock.now().wallMs - (journal.getFirst()?.timestamp.wallMs ?? 0)
    expect(oldest).toBeGreaterThanOrEqual(8 * HOUR)
    expect(oldest).toBeLessThanOrEqual(11 * HOUR)
    await system.close()
  })
})
