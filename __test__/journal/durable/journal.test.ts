import { readdirSync } from 'node:fs'
import { createControlledClock } from 'keelson/clock'
import { type DurableJournalEvent, Journal, openJournal } from 'keelson/journal'
import { createSystem } from 'keelson/system'
import { describe, expect, it } from 'vitest'

import { tempDirectory } from '../../support/temp-directory.ts'

describe('a journal on disk', () => {
  it('gives back what was appended, also after it was closed', async () => {
    const path = tempDirectory()
    const clock = createControlledClock({ initialTime: 5000 })
    const values = [
      1,
      'text ä \u0000 \u{1F600} \u2028',
      null,
      undefined,
      { a: [1, { b: new Date(3) }] },
      new Map([[1n, 2]]),
    ]
    {
      await using journal = await openJournal<unknown>(path, { clock })
      for (const [index, value] of values.entries()) {
        const entry = await journal.append(value)
        expect(entry.timestamp.wallMs).toBe(5000 + index * 10)
        expect(journal.getLast()).toEqual(entry)
        clock.advanceBy(10)
      }
      expect(journal.getAll()).toEqual(values)
    }
    await using journal = await openJournal<unknown>(path, { clock })
    expect(journal.recovery).toMatchObject({ entries: values.length, clean: true, dropped: [] })
    expect(journal.getAll()).toEqual(values)
    expect([journal.size(), journal.nextSequence, journal.isEmpty()]).toEqual([values.length, values.length, false])
    expect(journal.getEntry(1)?.id).toBe('1')
    expect(journal.getEntry(99)).toBeUndefined()
    expect(journal.getFirst()?.timestamp.wallMs).toBe(5000)
    expect((await journal.append('more')).sequence).toBe(values.length)
  })

  it('reads ranges both ways, over segments', async () => {
    await using journal = await openJournal<number>(tempDirectory(), { segmentBytes: 4096 })
    await journal.appendMany(Array.from({ length: 3000 }, (_, index) => index))
    expect(journal.usage().segments).toBeGreaterThan(10)
    const read = (options: object) => Array.from(journal.entries(options), ({ data }) => data)
    expect(read({ from: 10, to: 12 })).toEqual([10, 11, 12])
    expect(read({ from: 2990, limit: 3 })).toEqual([2990, 2991, 2992])
    expect(read({ to: 700, limit: 2, reverse: true })).toEqual([700, 699])
    expect(read({ reverse: true })).toEqual(Array.from({ length: 3000 }, (_, index) => 2999 - index))
    expect(read({})).toHaveLength(3000)
    expect(read({ from: 5000 })).toEqual([])
    expect(journal.filter((data) => data % 1000 === 0)).toEqual([0, 1000, 2000])
    expect([...journal.from(2998)].map(({ sequence }) => sequence)).toEqual([2998, 2999])
    let replayed = 0
    for await (const { data } of journal.replay(100)) expect(data).toBe(100 + replayed++)
    expect(replayed).toBe(2900)
    const { totalCount, firstSequence, lastSequence, entries } = journal.getSnapshot()
    expect([totalCount, firstSequence, lastSequence, entries.length]).toEqual([3000, 0, 2999, 3000])
  })

  it('keeps the order of appends, and ids of a generator', async () => {
    const path = tempDirectory()
    let last = 0
    const options = { idGenerator: () => `id-${++last}` }
    const journal = await openJournal<number>(path, options)
    const entries = await Promise.all(Array.from({ length: 500 }, (_, index) => journal.append(index)))
    expect(entries.map(({ sequence, data, id }) => [sequence, data, id])).toEqual(
      entries.map((_, index) => [index, index, `id-${index + 1}`]),
    )
    await journal.close()
    await using again = await openJournal<number>(path, options)
    expect(again.getEntry(7)).toEqual(entries[7])
  })

  it('clears, and goes on in sequence', async () => {
    const path = tempDirectory()
    const journal = await openJournal<string>(path)
    await journal.append('a')
    await journal.saveSnapshot({ count: 1 })
    await journal.clear()
    expect([journal.size(), journal.getFirst(), journal.loadSnapshot()]).toEqual([0, undefined, undefined])
    await journal.close()
    await using again = await openJournal<string>(path)
    expect((await again.append('b')).sequence).toBe(1)
  })

  it('becomes a journal in memory', async () => {
    await using journal = await openJournal<string>(tempDirectory())
    await journal.appendMany(['a', 'b'])
    const copy = Journal.fromJSON<string>(journal.toJSON())
    expect(copy.getAll()).toEqual(['a', 'b'])
    expect(copy.append('c').sequence).toBe(2)
  })

  it('tells its subscribers and its emit', async () => {
    const events: DurableJournalEvent[] = []
    const journal = await openJournal<number>(tempDirectory(), { emit: (event) => events.push(event) })
    const seen: number[] = []
    const end = journal.subscribe(({ data }) => seen.push(data))
    await journal.append(1)
    await journal.append(2)
    while (seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 1))
    end()
    await journal.append(3)
    await journal.close()
    expect(seen).toEqual([1, 2])
    expect(events.map(({ type }) => type)).toEqual([
      'journal:recovered',
      'journal:append',
      'journal:append',
      'journal:append',
      'journal:closed',
    ])
    expect(events[2]).toMatchObject({ seq: 1, size: 2 })
  })

  it('closes with its system, and refuses then', async () => {
    const system = createSystem()
    const journal = await openJournal<number>(tempDirectory(), { system })
    const append = journal.append(1)
    await system.close()
    expect((await append).sequence).toBe(0)
    expect(journal.closed).toBe(true)
    await expect(journal.append(2)).rejects.toMatchObject({ code: 'KEELSON_CLOSED' })
    expect(() => journal.size()).toThrow(expect.objectContaining({ code: 'KEELSON_CLOSED' }))
    await journal.close()
  })
})

describe('time travel', () => {
  const add = (sum: number, amount: number): number => sum + amount

  it('folds up to a sequence or a time, from a snapshot or not', async () => {
    const clock = createControlledClock({ initialTime: 0 })
    await using journal = await openJournal<number>(tempDirectory(), { clock })
    for (let amount = 1; amount <= 10; amount++) {
      await journal.append(amount)
      clock.advanceBy(100)
      if (amount === 5) await journal.saveSnapshot(journal.fold(add, { initial: 0 }))
    }
    expect(journal.fold(add, { initial: 0 })).toBe(55)
    expect(journal.fold(add, { initial: 0, upTo: 2 })).toBe(6)
    expect(journal.fold(add, { initial: 0, upTo: { wallMs: 350 } })).toBe(10)
    expect(journal.loadSnapshot()).toMatchObject({ sequence: 4, state: 15, wallMs: 500 })
    let calls = 0
    const counted = (sum: number, amount: number): number => (calls++, sum + amount)
    expect(journal.fold(counted, { initial: 0, fromSnapshot: true })).toBe(55)
    expect(calls).toBe(5)
    // A snapshot after the bound is no help.
    expect(journal.fold(add, { initial: 0, fromSnapshot: true, upTo: 2 })).toBe(6)
    expect(journal.fold(add, { initial: 0, fromSnapshot: true, upTo: 5 })).toBe(21)
  })
})

describe('retention', () => {
  it('keeps the newest by count, exactly, also after opening again', async () => {
    const path = tempDirectory()
    const options = { maxEntries: 100, segmentBytes: 4096 }
    const journal = await openJournal<number>(path, options)
    for (let index = 0; index < 30; index++) await journal.appendMany(Array.from({ length: 50 }, () => index))
    expect([journal.size(), journal.getFirst()?.sequence]).toEqual([100, 1400])
    expect(journal.usage().bytes).toBeLessThan(20_000)
    await journal.close()
    await using again = await openJournal<number>(path, options)
    expect([again.size(), again.getFirst()?.sequence, again.nextSequence]).toEqual([100, 1400, 1500])
  })

  it('refuses when it is full and told to', async () => {
    await using journal = await openJournal<number>(tempDirectory(), { maxEntries: 3, overflow: 'bounded:error' })
    await journal.appendMany([1, 2])
    await expect(journal.appendMany([3, 4])).rejects.toMatchObject({ code: 'KEELSON_JOURNAL_OVERFLOW', maxEntries: 3 })
    await journal.append(3)
    await expect(journal.append(4)).rejects.toMatchObject({ code: 'KEELSON_JOURNAL_OVERFLOW' })
    expect(journal.getAll()).toEqual([1, 2, 3])
    await journal.clear()
    expect((await journal.append(4)).sequence).toBe(3)
  })

  it('keeps about so many bytes', async () => {
    const path = tempDirectory()
    await using journal = await openJournal<string>(path, { maxBytes: 64 * 1024 })
    for (let index = 0; index < 100; index++) await journal.appendMany(Array(20).fill('x'.repeat(200)))
    expect(journal.usage().bytes).toBeLessThanOrEqual(64 * 1024 + 8192)
    expect(journal.getLast()?.sequence).toBe(1999)
    expect(readdirSync(path).length).toBeLessThan(14)
  })

  it('lets go of what is old, on request too', async () => {
    const clock = createControlledClock({ initialTime: 1 })
    await using journal = await openJournal<number>(tempDirectory(), { clock, maxAgeMs: 1000 })
    for (let index = 0; index < 40; index++) {
      await journal.append(index)
      clock.advanceBy(100)
    }
    const first = journal.getFirst()!
    expect(clock.now().wallMs - first.timestamp.wallMs).toBeLessThanOrEqual(1400)
    clock.advanceBy(10_000)
    await journal.append(99)
    expect(await journal.retain()).toBe(0)
    expect(journal.getAll()).toEqual([99])
  })
})

describe('compaction', () => {
  interface Setting {
    readonly name: string
    readonly value: number
  }

  it('keeps the last of each key, what has none, and removals unless told otherwise', async () => {
    const path = tempDirectory()
    type Data = Setting | null | string
    let removing = ''
    const key = (data: Data): string | undefined => {
      if (data === null) return removing
      return typeof data === 'string' ? undefined : data.name
    }
    const options = { key, segmentBytes: 4096 }
    const journal = await openJournal<Data>(path, options)
    for (let value = 0; value < 200; value++) {
      await journal.appendMany(Array.from({ length: 10 }, (_, index) => ({ name: `key-${index}`, value })))
    }
    await journal.append('no key')
    removing = 'key-3'
    await journal.append(null)
    const before = journal.usage()
    expect(await journal.compact()).toBe(1991)
    expect(journal.usage().bytes).toBeLessThan(before.bytes / 20)
    const kept = Array.from({ length: 10 }, (_, index) => `key-${index}`).filter((name) => name !== 'key-3')
    const want = [...kept.map((name) => ({ name, value: 199 })), 'no key', null]
    expect(journal.getAll()).toEqual(want)
    expect([...journal.entries({ reverse: true })].map(({ data }) => data)).toEqual(want.toReversed())
    expect(journal.size()).toBe(11)
    await journal.append({ name: 'key-0', value: 200 })
    await journal.close()
    const again = await openJournal<Data>(path, options)
    expect(again.size()).toBe(12)
    expect(await again.compact({ dropTombstones: true })).toBe(2)
    expect(again.getLast()).toMatchObject({ sequence: 2002, data: { value: 200 } })
    expect((await again.append('after')).sequence).toBe(2003)
    await again.close()
  })

  it('goes on while appends and reads do', async () => {
    await using journal = await openJournal<Setting>(tempDirectory(), { key: ({ name }) => name, segmentBytes: 8192 })
    const progress = { done: false }
    const work = async (): Promise<void> => {
      for (let value = 0; !progress.done || value < 300; value++) {
        await journal.appendMany(Array.from({ length: 8 }, (_, index) => ({ name: `key-${index}`, value })))
        const seen = new Map([...journal].map(({ data }) => [data.name, data.value]))
        expect([...seen.values()]).toEqual(Array(8).fill(value))
      }
    }
    const compact = async (): Promise<void> => {
      for (let turn = 0; turn < 20; turn++) await journal.compact()
      progress.done = true
    }
    await Promise.all([work(), compact()])
  })
})
