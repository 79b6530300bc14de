import { VersionConflictError } from 'keelson'
import { openJournal } from 'keelson/journal'
import { expect, it } from 'vitest'

import { tempDirectory } from '../../support/temp-directory.ts'

interface Event {
  readonly type: string
  readonly n: number
}

const event = (n: number): Event => ({ type: 'added', n })
const numbers = (entries: Iterable<{ readonly data: Event }>): number[] => Array.from(entries, ({ data }) => data.n)

it('keeps streams apart and counts the positions of each from 0', async () => {
  const path = tempDirectory()
  {
    await using journal = await openJournal<Event>(path)
    const first = await journal.append(event(1), { stream: 'a', expectedVersion: 0 })
    expect(first).toEqual({
      id: '0',
      sequence: 0,
      timestamp: first.timestamp,
      data: event(1),
      stream: 'a',
      position: 0,
    })
    await journal.append(event(2))
    expect(await journal.append(event(3), { stream: 'b' })).toMatchObject({ sequence: 2, position: 0 })
    expect(await journal.append(event(4), { stream: 'a', expectedVersion: 1, id: 'x' })).toMatchObject({
      sequence: 3,
      position: 1,
      id: 'x',
    })
    expect([...journal.readStream('a')]).toEqual([first, journal.getEntry(3)])
    expect(journal.getEntry(1)).not.toHaveProperty('stream')
    expect(Object.isFrozen(first)).toBe(true)
  }
  for (const readOnly of [false, true]) {
    await using journal = await openJournal<Event>(path, { readOnly })
    expect(numbers(journal.readStream('a'))).toEqual([1, 4])
    expect(numbers(journal.readStream('c'))).toEqual([])
    expect([journal.streamVersion('a'), journal.streamVersion('b'), journal.streamVersion('c')]).toEqual([2, 1, 0])
    expect([...journal.streams()]).toEqual(['a', 'b'])
    expect([...journal.entries()].map(({ stream, position }) => [stream, position])).toEqual([
      ['a', 0],
      [undefined, undefined],
      ['b', 0],
      ['a', 1],
    ])
    expect(journal.streamUsage()).toMatchObject({ streams: 2, entries: 3 })
  }
})

it('refuses an append that expects another version, in the order of appends in flight', async () => {
  await using journal = await openJournal<Event>(tempDirectory())
  const results = await Promise.allSettled([
    journal.append(event(1), { stream: 'a', expectedVersion: 0 }),
    journal.append(event(2), { stream: 'a', expectedVersion: 1 }),
    journal.append(event(3), { stream: 'a', expectedVersion: 1 }),
    journal.append(event(4), { stream: 'b', expectedVersion: 1 }),
  ])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected'])
  const [, , conflict] = results as PromiseRejectedResult[]
  expect(conflict?.reason).toBeInstanceOf(VersionConflictError)
  expect(conflict?.reason).toMatchObject({
    code: 'KEELSON_VERSION_CONFLICT',
    stream: 'a',
    expectedVersion: 1,
    actualVersion: 2,
    message: 'the stream "a" has version 2, and the append expected 1',
  })
  expect(journal.nextSequence).toBe(2)
})

it('answers a repeated id with the earlier entry and writes nothing', async () => {
  const path = tempDirectory()
  for (const durability of ['sync', 'flush', 'memory'] as const) {
    await using journal = await openJournal<Event>(path, { durability })
    const options = { stream: durability, expectedVersion: 0, id: 'command-1' }
    const [one, same] = await Promise.all([
      journal.append(event(1), options),
      journal.append(event(2), { ...options, expectedVersion: 7 }),
    ])
    expect(same).toEqual(one)
    const next = journal.nextSequence
    expect(await journal.append(event(3), options)).toEqual(one)
    expect(await journal.appendMany([event(4)], [options])).toEqual([one])
    expect(journal.nextSequence).toBe(next)
  }
  await using journal = await openJournal<Event>(path)
  expect(await journal.append(event(5), { stream: 'sync', id: 'command-1' })).toMatchObject({ data: event(1) })
  const mixed = journal.appendMany(
    [event(6), event(7)],
    [
      { stream: 'sync', id: 'command-1' },
      { stream: 'sync', id: 'command-2' },
    ],
  )
  await expect(mixed).rejects.toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field: 'options.id' })
  expect(journal.streamVersion('sync')).toBe(1)
})

it('appends to several streams all or nothing', async () => {
  await using journal = await openJournal<Event>(tempDirectory())
  const both = (a: number, b: number): Promise<unknown> =>
    journal.appendMany(
      [event(1), event(2), event(3)],
      [{ stream: 'a', expectedVersion: a }, { stream: 'b', expectedVersion: b }, { stream: 'a' }],
    )
  await expect(both(0, 1)).rejects.toMatchObject({ stream: 'b', expectedVersion: 1, actualVersion: 0 })
  expect([journal.streamVersion('a'), journal.nextSequence]).toEqual([0, 0])
  expect(await both(0, 0)).toMatchObject([{ position: 0 }, { position: 0 }, { position: 1, stream: 'a' }])
  // The expected version is that of the stream before all of them.
  expect(await journal.appendMany([event(4), event(5)], { stream: 'a', expectedVersion: 2 })).toMatchObject([
    { position: 2 },
    { position: 3 },
  ])
  expect(await journal.appendMany([event(6), event(7)], [undefined, { stream: 'a' }])).toMatchObject([
    { sequence: 5 },
    { position: 4 },
  ])
  expect(await journal.appendMany([], { stream: 'a', expectedVersion: 99 })).toEqual([])
})

it('reads a stream in parts, in both directions, and with turns for other work', async () => {
  await using journal = await openJournal<Event>(tempDirectory(), { durability: 'flush', segmentBytes: 8192 })
  const all = Array.from({ length: 700 }, (_, n) => event(n))
  await journal.appendMany(
    all,
    all.map((_, n) => ({ stream: n % 2 === 0 ? 'even' : 'odd' })),
  )
  const even = all.filter(({ n }) => n % 2 === 0).map(({ n }) => n)
  expect(numbers(journal.readStream('even'))).toEqual(even)
  expect(numbers(journal.readStream('even', { backwards: true }))).toEqual(even.toReversed())
  expect(numbers(journal.readStream('even', { from: 10, to: 12 }))).toEqual([20, 22, 24])
  expect(numbers(journal.readStream('even', { from: 10, limit: 2 }))).toEqual([20, 22])
  expect(numbers(journal.readStream('even', { to: 12, backwards: true, limit: 2 }))).toEqual([24, 22])
  expect(numbers(journal.readStream('even', { from: 349 }))).toEqual([698])
  expect(numbers(journal.readStream('even', { from: 350 }))).toEqual([])
  expect(numbers(journal.readStream('even', { limit: 0 }))).toEqual([])
  let turns = 0
  const counting = setImmediate(function count() {
    turns++
    setImmediate(count).unref()
  })
  const found: number[] = []
  for await (const { data } of journal.readStream('even')) found.push(data.n)
  clearImmediate(counting)
  expect(found).toEqual(even)
  expect(turns).toBeGreaterThan(0)
})

it('names streams in order, with a prefix, in pages', async () => {
  await using journal = await openJournal<Event>(tempDirectory(), { durability: 'flush' })
  const names = Array.from({ length: 2500 }, (_, n) => `cart-${String(n).padStart(4, '0')}`)
  await journal.appendMany(
    [...names.map((_, n) => event(n)), event(0)],
    [...names.map((stream) => ({ stream })), { stream: 'order-1' }],
  )
  expect([...journal.streams({ prefix: 'cart-' })]).toEqual(names)
  expect([...journal.streams()].slice(-2)).toEqual(['cart-2499', 'order-1'])
  expect([...journal.streams({ prefix: 'z' })]).toEqual([])
})

it('forgets a stream with its last entry, and begins it anew', async () => {
  const path = tempDirectory()
  {
    await using journal = await openJournal<Event>(path, { maxEntries: 2 })
    await journal.append(event(1), { stream: 'a' })
    await journal.append(event(2), { stream: 'b' })
    await journal.append(event(3), { stream: 'b' })
    expect([journal.streamVersion('a'), journal.streamVersion('b'), ...journal.streams()]).toEqual([0, 2, 'b'])
    expect(numbers(journal.readStream('a'))).toEqual([])
    expect(await journal.append(event(4), { stream: 'a', expectedVersion: 0 })).toMatchObject({ position: 0 })
    await journal.clear()
    expect([...journal.streams()]).toEqual([])
    expect(await journal.append(event(5), { stream: 'b', expectedVersion: 0 })).toMatchObject({ position: 0 })
  }
  await using journal = await openJournal<Event>(path, { maxEntries: 2 })
  expect([journal.streamVersion('a'), numbers(journal.readStream('b'))]).toEqual([0, [5]])
})

it('finds entries that a compaction moved, and keeps the last of each stream', async () => {
  const path = tempDirectory()
  const options = { key: ({ n }: Event) => (n % 3 === 0 ? 'key' : undefined), segmentBytes: 4096 }
  const check = (journal: Awaited<ReturnType<typeof openJournal<Event>>>): void => {
    expect(numbers(journal.readStream('a'))).toEqual([1, 2, 4, 5, 7, 8, 9])
    expect(numbers(journal.readStream('b'))).toEqual([3])
    expect(numbers(journal.readStream('c'))).toEqual([12])
    expect([journal.streamVersion('a'), journal.streamVersion('b')]).toEqual([8, 1])
  }
  {
    await using journal = await openJournal<Event>(path, options)
    for (const n of [1, 2, 3, 4, 5, 6, 7, 8, 9, 12]) {
      await journal.append(event(n), { stream: n === 3 ? 'b' : n === 12 ? 'c' : 'a' })
    }
    await journal.compact()
    check(journal)
    // 9 is the last of its stream.
    expect(await journal.append(event(10), { stream: 'a', expectedVersion: 8 })).toMatchObject({ position: 8 })
    expect(numbers(journal.readStream('a', { from: 7 }))).toEqual([9, 10])
  }
  await using journal = await openJournal<Event>(path, options)
  expect(numbers(journal.readStream('a', { from: 6 }))).toEqual([8, 9, 10])
})

it('follows the streams of a writer from a read-only journal', async () => {
  const path = tempDirectory()
  await using writer = await openJournal<Event>(path, { key: () => 'key' })
  await writer.append(event(1), { stream: 'a' })
  await using reader = await openJournal<Event>(path, { readOnly: true })
  await writer.appendMany([event(2), event(3)], { stream: 'a' })
  expect([numbers(reader.readStream('a')), reader.streamVersion('a')]).toEqual([[1, 2, 3], 3])
  await writer.compact()
  expect(numbers(reader.readStream('a'))).toEqual([3])
})

it('refuses bad arguments by name and changes nothing', async () => {
  await using journal = await openJournal<Event>(tempDirectory())
  const refused = async (field: string, attempt: () => unknown): Promise<void> => {
    await expect((async () => attempt())()).rejects.toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field })
  }
  const append = (options: object) => () => journal.append(event(1), options as never)
  await refused('options.stream', append({ stream: '' }))
  await refused('options.stream', append({ stream: 'a\0b' }))
  await refused('options.stream', append({ expectedVersion: 0 }))
  await refused('options.stream', append({ id: 'x' }))
  await refused('options.stream', append({ stream: 'x'.repeat(70_000) }))
  await refused('options.expectedVersion', append({ stream: 'a', expectedVersion: -1 }))
  await refused('options.expectedVersion', append({ stream: 'a', expectedVersion: 1.5 }))
  await refused('options.id', append({ stream: 'a', id: 7 }))
  await refused('options.steam', append({ steam: 'a' }))
  await refused('options', () => journal.appendMany([event(1)], []))
  await refused('options[1].stream', () => journal.appendMany([event(1), event(2)], [{}, { stream: 1 as never }]))
  await refused('options.id', () => journal.appendMany([event(1), event(2)], { stream: 'a', id: 'x' }))
  await refused('stream', () => journal.readStream(''))
  await refused('options.from', () => journal.readStream('a', { from: -1 }))
  await refused('options.reverse', () => journal.readStream('a', { reverse: true } as never))
  await refused('stream', () => journal.streamVersion(undefined as never))
  await refused('options.prefix', () => journal.streams({ prefix: 1 as never }))
  expect([journal.nextSequence, ...journal.streams()]).toEqual([0])
})
