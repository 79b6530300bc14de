import { openJournal } from 'keelson/journal'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'

import { tempDirectory } from '../../support/temp-directory.ts'

const misleading = fc.constantFrom(
  '"',
  '\\',
  '\\"',
  '],[',
  '{"',
  '","',
  '\0',
  '\u0001',
  '\ud800',
  'ä€🦀',
  'x'.repeat(77),
)
const text = fc.oneof(
  fc.string(),
  fc.array(misleading, { maxLength: 6 }).map((parts) => parts.join('')),
)
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    text,
    fc.double(),
    fc.constantFrom(null, undefined, true, {}, [], ''),
    fc.bigInt(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.oneof(text, fc.constant('$')), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}))

it('brings back every batch as it was, whatever is in it', async () => {
  await using journal = await openJournal<unknown>(tempDirectory(), { durability: 'flush' })
  await fc.assert(
    fc.asyncProperty(fc.array(value, { maxLength: 20 }), fc.integer({ min: 1, max: 40 }), async (some, times) => {
      const batch = Array.from({ length: times }, () => some).flat()
      const entries = await journal.appendMany(batch)
      const stored = Array.from(journal.entries({ from: entries[0]?.sequence ?? journal.nextSequence }))
      expect(stored.map(({ data }) => data)).toStrictEqual(batch)
      expect(stored.map(({ sequence, id }) => [sequence, id])).toEqual(
        entries.map(({ sequence, id }) => [sequence, id]),
      )
    }),
    { seed: 5, numRuns: 200 },
  )
})

it('keeps the ids and keys of a batch with their data', async () => {
  let last = 0
  const path = tempDirectory()
  const options = { idGenerator: () => `id-${last++}`, key: ({ name }: { name?: string }) => name }
  await using journal = await openJournal<{ name?: string; at: number }>(path, options)
  const batch = Array.from({ length: 700 }, (_, at) => (at % 3 === 0 ? { at } : { name: `n-${at % 7}`, at }))
  await journal.appendMany(batch)
  expect(Array.from(journal, ({ id, data }) => [id, data])).toEqual(batch.map((data, at) => [`id-${at}`, data]))
  await journal.compact()
  const newest = new Map(batch.map((data) => [data.name ?? data.at, data]))
  expect(journal.getAll()).toEqual(batch.filter((data) => newest.get(data.name ?? data.at) === data))
})

it('appends nothing of a batch that is refused, nor anything of it with the next', async () => {
  await using journal = await openJournal<unknown>(tempDirectory(), { maxRecordBytes: 1000 })
  const batch = Array.from({ length: 600 }, (_, index): unknown => index)
  await expect(journal.appendMany([...batch, 'x'.repeat(957)])).rejects.toMatchObject({ bytes: 1003, limit: 1000 })
  await expect(journal.appendMany([...batch, Symbol('no')])).rejects.toThrow(/a symbol/)
  const thrower = Object.defineProperty({}, 'a', {
    enumerable: true,
    get: () => {
      throw new Error('a getter')
    },
  })
  await expect(journal.appendMany([...batch, thrower])).rejects.toThrow('a getter')
  await journal.appendMany([1, 'x'.repeat(954)])
  expect(journal.getAll()).toEqual([1, 'x'.repeat(954)])
})

it('takes batches that are larger than the memory it keeps', async () => {
  await using journal = await openJournal<unknown>(tempDirectory())
  const batch = ['ä'.repeat(1 << 20), 'x'.repeat(3 << 20), ...Array<string>(300).fill('y'.repeat(9000))]
  await journal.appendMany(batch)
  await journal.append('z'.repeat(2 << 20))
  expect(journal.getAll()).toEqual([...batch, 'z'.repeat(2 << 20)])
})

it('lets nobody else say how a batch is written', async () => {
  await using journal = await openJournal<unknown>(tempDirectory())
  // oxlint-disable-next-line no-extend-native -- old libraries do this, and it is the point
  Object.defineProperty(Array.prototype, 'toJSON', { configurable: true, value: () => 'mine' })
  try {
    await journal.appendMany(['a', { b: 1 }])
  } finally {
    Reflect.deleteProperty(Array.prototype, 'toJSON')
  }
  expect(journal.getAll()).toEqual(['a', { b: 1 }])
})
