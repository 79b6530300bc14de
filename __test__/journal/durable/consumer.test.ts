import { createControlledClock } from 'keelson/clock'
import { type JournalEntry, openJournal } from 'keelson/journal'
import { createSystem } from 'keelson/system'
import { createTestSystem } from 'keelson/testing'
import { expect, it } from 'vitest'

import { recordsOf } from '../../support/segments.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

interface Event {
  readonly type: string
  readonly n: number
  readonly version?: number
}

const event = (n: number): Event => ({ type: 'added', n })
const some = (count: number, from = 0): Event[] => Array.from({ length: count }, (_, n) => event(from + n))

it('hands over what is there and then what comes, once each, without a gap', async () => {
  await using journal = await openJournal<Event>(tempDirectory(), { durability: 'flush' })
  await journal.appendMany(some(300))
  const seen: number[] = []
  await using consumer = journal.consumer('all', ({ data }) => void seen.push(data.n))
  for (let n = 300; n < 400; n++) void journal.append(event(n))
  await journal.append(event(400))
  await consumer.whenCaughtUp()
  expect(seen).toEqual(some(401).map(({ n }) => n))
  expect(consumer).toMatchObject({ status: 'running', lag: 0, nextSequence: 401, checkpoint: 401, error: undefined })
})

it('goes on behind its checkpoint after a restart', async () => {
  const path = tempDirectory()
  const seen: number[] = []
  for (const round of [0, 1, 2]) {
    await using journal = await openJournal<Event>(path)
    await using consumer = journal.consumer('all', ({ data }) => void seen.push(data.n))
    await journal.append(event(round))
    await consumer.whenCaughtUp()
  }
  expect(seen).toEqual([0, 1, 2])
})

it('begins where it is told without a checkpoint', async () => {
  await using journal = await openJournal<Event>(tempDirectory())
  await journal.appendMany(some(5))
  const seen: Record<string, number[]> = { start: [], three: [], end: [] }
  const listen = (name: string) => (entry: JournalEntry<Event>) => void seen[name]?.push(entry.data.n)
  await using start = journal.consumer('start', listen('start'))
  await using three = journal.consumer('three', listen('three'), { from: 3 })
  await using end = journal.consumer('end', listen('end'), { from: 'end' })
  await Promise.all([start, three, end].map((consumer) => consumer.whenCaughtUp()))
  await journal.append(event(5))
  await Promise.all([start, three, end].map((consumer) => consumer.whenCaughtUp()))
  expect(seen).toEqual({ start: [0, 1, 2, 3, 4, 5], three: [3, 4, 5], end: [5] })
})

it('begins at the end of then after a restart, also when the journal was empty then', async () => {
  const path = tempDirectory()
  const seen: number[] = []
  for (const round of [0, 1]) {
    await using journal = await openJournal<Event>(path)
    {
      await using consumer = journal.consumer('end', ({ data }) => void seen.push(data.n), { from: 'end' })
      await consumer.whenCaughtUp()
    }
    await journal.append(event(round))
  }
  expect(seen).toEqual([0])
})

it('waits for a first sequence that is not there yet, also after a restart', async () => {
  const path = tempDirectory()
  const seen: number[] = []
  for (const round of [0, 1, 2]) {
    await using journal = await openJournal<Event>(path)
    await using consumer = journal.consumer('later', ({ data }) => void seen.push(data.n), { from: 5 })
    await journal.appendMany(some(2, 2 * round))
    await consumer.whenCaughtUp()
  }
  expect(seen).toEqual([5])
})

it('saves no checkpoint of entries that a power cut can take', async () => {
  const path = tempDirectory()
  await using journal = await openJournal<Event>(path, { durability: 'flush' })
  await using consumer = journal.consumer('all', () => {})
  await journal.appendMany(some(2))
  await consumer.whenCaughtUp()
  await journal.append(event(3))
  const [, second, third] = recordsOf(path)
  expect(third?.synced).toBe((second?.offset ?? 0) + (second?.size ?? 0))
})

it('passes lists of up to batchSize entries', async () => {
  await using journal = await openJournal<Event>(tempDirectory())
  await journal.appendMany(some(10))
  const sizes: number[] = []
  await using consumer = journal.consumer('batches', (entries) => void sizes.push(entries.length), { batchSize: 4 })
  await consumer.whenCaughtUp()
  expect(sizes).toEqual([4, 4, 2])
})

it('retries with pauses that double, and then stops and reports the error', async () => {
  const clock = createControlledClock()
  const reports: unknown[] = []
  await using system = createSystem({ clock, onError: (error) => void reports.push(error) })
  await using journal = await openJournal<Event>(tempDirectory(), { system })
  await journal.appendMany(some(3))
  const times: number[] = []
  const failure = new Error('no')
  const consumer = journal.consumer(
    'failing',
    ({ data }, { attempt }) => {
      if (data.n !== 1) return
      times.push(clock.monoMs())
      expect(attempt).toBe(times.length)
      throw failure
    },
    { retries: 3, retryDelayMs: 100, maxRetryDelayMs: 250 },
  )
  await expect.poll(() => times.length).toBe(1)
  await clock.advance(1000)
  await expect.poll(() => consumer.status).toBe('stopped')
  const begin = times[0] as number
  expect(times.map((time) => time - begin)).toEqual([0, 100, 300, 550])
  expect([consumer.error, reports, consumer.nextSequence]).toEqual([failure, [failure], 1])
  await expect(consumer.whenCaughtUp()).rejects.toBe(failure)
  // The entry comes again: it was not handled.
  const seen: number[] = []
  await using again = journal.consumer('failing', ({ data }) => void seen.push(data.n))
  await again.whenCaughtUp()
  expect(seen.slice(-2)).toEqual([1, 2])
})

it('retries without end with retries: Infinity', async () => {
  await using system = createTestSystem()
  await using journal = await openJournal<Event>(tempDirectory(), { system })
  await journal.append(event(0))
  let tries = 0
  const handler = (): void => {
    if (++tries <= 1000) throw new Error('not yet')
  }
  await using consumer = journal.consumer('stubborn', handler, {
    retries: Infinity,
    retryDelayMs: 1,
    maxRetryDelayMs: 10,
  })
  const done = consumer.whenCaughtUp()
  await expect.poll(() => tries).toBe(1)
  await system.clock.advance(10_000)
  await done
  expect([tries, consumer.status]).toEqual([1001, 'running'])
})

it('parks a poison entry, goes on, and remembers it', async () => {
  const path = tempDirectory()
  await using system = createTestSystem()
  const parked: [number, unknown][] = []
  {
    await using journal = await openJournal<Event>(path, { system })
    await journal.appendMany(some(6))
    const seen: number[] = []
    await using consumer = journal.consumer(
      'poisoned',
      (entries) => {
        for (const { data } of entries) if (data.n === 2) throw new Error(`poison ${data.n}`)
        seen.push(...entries.map(({ data }) => data.n))
      },
      {
        batchSize: 4,
        retries: 0,
        onParked: ({ data }, error) => void parked.push([data.n, (error as Error).message]),
      },
    )
    await consumer.whenCaughtUp()
    expect(seen).toEqual([0, 1, 3, 4, 5])
    expect(parked).toEqual([[2, 'poison 2']])
  }
  await using journal = await openJournal<Event>(path, { system })
  await using consumer = journal.consumer('poisoned', () => {})
  await consumer.whenCaughtUp()
  expect(consumer.parked).toEqual([{ sequence: 2, message: 'poison 2' }])
})

it('stops no other consumer when it is slow or fails', async () => {
  const reports: unknown[] = []
  await using journal = await openJournal<Event>(tempDirectory())
  await journal.appendMany(some(50))
  let release = (): void => {}
  const slow = journal.consumer('slow', () => new Promise<void>((resolve) => (release = resolve)))
  const failing = journal.consumer('failing', () => Promise.reject(new Error('no')), {
    retries: 0,
    onError: (error) => void reports.push(error),
  })
  await using other = journal.consumer('other', () => {})
  await other.whenCaughtUp()
  await expect.poll(() => failing.status).toBe('stopped')
  expect([slow.lag, failing.lag, other.lag, reports.length]).toEqual([50, 50, 0, 1])
  const closing = slow.close()
  release()
  await closing
  expect([slow.status, slow.nextSequence]).toEqual(['closed', 1])
})

it('refuses a second consumer of a name while the first runs', async () => {
  const path = tempDirectory()
  await using journal = await openJournal<Event>(path)
  await using same = await openJournal<Event>(path)
  const first = journal.consumer('one', () => {})
  await first.whenCaughtUp()
  const errors: unknown[] = []
  const second = same.consumer('one', () => {}, { onError: (error) => void errors.push(error) })
  const inUse = { code: 'KEELSON_JOURNAL_NAME_IN_USE', kind: 'consumer', claimed: 'one' }
  await expect(second.whenCaughtUp()).rejects.toMatchObject(inUse)
  expect(errors).toMatchObject([inUse])
  await first.close()
  await using third = same.consumer('one', () => {})
  await third.whenCaughtUp()
})

it('brings events up to date, and refuses a chain with a missing link', async () => {
  await using journal = await openJournal<Event>(tempDirectory())
  await journal.appendMany([event(1), { type: 'added', n: 2, version: 2 }, { type: 'other', n: 3 }])
  const seen: unknown[] = []
  const upcast = { added: [(old: Event) => ({ ...old, n: old.n * 10, version: 2 })] }
  await using consumer = journal.consumer('new', ({ data }) => void seen.push(data), { upcast })
  await consumer.whenCaughtUp()
  expect(seen).toEqual([
    { type: 'added', n: 10, version: 2 },
    { type: 'added', n: 2, version: 2 },
    { type: 'other', n: 3 },
  ])
  const chain = [(old: Event) => old]
  chain[2] = (old) => old
  expect(() => journal.consumer('bad', () => {}, { upcast: { added: chain } })).toThrow(
    expect.objectContaining({ code: 'KEELSON_INVALID_ARGUMENT', field: 'options.upcast.added[1]' }),
  )
  const parked: unknown[] = []
  await using strict = journal.consumer('strict', () => {}, {
    retries: 0,
    upcast: { added: [] },
    onParked: ({ sequence }, error) => void parked.push([sequence, error]),
  })
  await strict.whenCaughtUp()
  expect(parked).toMatchObject([[1, { code: 'KEELSON_REPLAY', sequence: 1, eventType: 'added' }]])
})

it('ends with its journal and its system', async () => {
  const system = createTestSystem()
  const journal = await openJournal<Event>(tempDirectory(), { system })
  const consumer = journal.consumer('all', () => {})
  await consumer.whenCaughtUp()
  const waiting = consumer.whenCaughtUp()
  await waiting
  await journal.close()
  await expect.poll(() => consumer.status).toBe('closed')
  await expect(consumer.whenCaughtUp()).rejects.toMatchObject({ code: 'KEELSON_CLOSED' })
  expect(() => journal.consumer('all', () => {})).toThrow(expect.objectContaining({ code: 'KEELSON_CLOSED' }))
  const other = await openJournal<Event>(tempDirectory(), { system })
  const owned = other.consumer('all', () => {})
  await system.close()
  expect(owned.status).toBe('closed')
})

it('refuses bad arguments by name', async () => {
  const path = tempDirectory()
  await using journal = await openJournal<Event>(path)
  await using reader = await openJournal<Event>(path, { readOnly: true })
  const refused = (field: string, attempt: () => unknown): void => {
    expect(attempt).toThrow(expect.objectContaining({ code: 'KEELSON_INVALID_ARGUMENT', field }))
  }
  const consumer = (options: object) => () => journal.consumer('x', () => {}, options as never)
  refused('name', () => journal.consumer('', () => {}))
  refused('handler', () => journal.consumer('x', undefined as never))
  refused('options.from', consumer({ from: 'beginning' }))
  refused('options.batchSize', consumer({ batchSize: 0 }))
  refused('options.checkpointEvery', consumer({ checkpointEvery: 0 }))
  refused('options.retries', consumer({ retries: -1 }))
  refused('options.retryDelayMs', consumer({ retryDelayMs: 0 }))
  refused('options.onParked', consumer({ onParked: 1 }))
  refused('options.upcast.a', consumer({ upcast: { a: 1 } }))
  refused('options.batchsize', consumer({ batchsize: 1 }))
  refused('journal', () => reader.consumer('x', () => {}))
})
