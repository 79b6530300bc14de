import {
  createControlledClock,
  createJournal,
  createSystem,
  isJournalOverflowError,
  isJournalReentrancyError,
  Journal,
  type JournalEntry,
  type JournalEvent,
  type SerializedJournal,
} from 'keelson'
import { createTestSystem } from 'keelson/testing'
import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'

import { thrown } from '../support/rejection.ts'

const counting = (): (() => string) => {
  let count = 0
  return () => `id-${++count}`
}

describe('appending', () => {
  it('numbers entries from 0, dates them, and gives the first generated id to the journal', () => {
    const clock = createControlledClock(100)
    const journal = new Journal<string>({ clock, idGenerator: counting() })
    const first = journal.append('a')
    clock.advanceBy(5)
    const second = journal.append('b')
    expect(journal.id).toBe('id-1')
    expect(first).toEqual({ id: 'id-2', sequence: 0, timestamp: { wallMs: 100, monoMs: 100 }, data: 'a' })
    expect(second).toMatchObject({ id: 'id-3', sequence: 1, timestamp: { wallMs: 105 } })
    expect([journal.size(), journal.isEmpty(), journal.nextSequence]).toEqual([2, false, 2])
    expect([journal.getFirst(), journal.getLast(), journal.getEntry(1)]).toEqual([first, second, second])
    expect(journal.getEntry(0)).toBe(first)
    for (const absent of [-1, 2, 0.5, NaN]) expect(journal.getEntry(absent)).toBeUndefined()
  })

  it('freezes entries, and data unless told otherwise, but never instances of classes', () => {
    const journal = new Journal<{ list: number[]; at: Date }>({ clock: createControlledClock() })
    const entry = journal.append({ list: [1], at: new Date(0) })
    expect(() => {
      ;(entry as { sequence: number }).sequence = 99
    }).toThrow(TypeError)
    expect(() => entry.data.list.push(2)).toThrow(TypeError)
    entry.data.at.setTime(5)
    const untouched = { a: 1 }
    expect(createJournal({ freeze: false }).append(untouched).data).toBe(untouched)
    expect(Object.isFrozen(untouched)).toBe(false)
  })

  it('makes ids from a seeded source, so that a run repeats', async () => {
    const ids = await Promise.all(
      [1, 2].map(async () => {
        const system = createTestSystem({ seed: 9 })
        const journal = createJournal<number>({ system })
        const { id } = journal.append(1)
        await system.close()
        return [journal.id, id]
      }),
    )
    expect(ids[0]).toEqual(ids[1])
    expect(ids[0]?.[1]).toBe(`${ids[0]?.[0]}-0`)
  })

  it('can be awaited', async () => {
    const journal = createJournal<number>()
    expect(await journal.append(1)).toMatchObject({ sequence: 0, data: 1 })
    await journal.clear()
    expect(await journal.getCount()).toBe(0)
  })

  it('changes nothing when the clock or the id generator throws', () => {
    const clock = createControlledClock()
    const ids = vi.fn(counting())
    const journal = new Journal({ clock, idGenerator: ids })
    ids.mockImplementationOnce(() => {
      throw new Error('no id')
    })
    expect(() => journal.append(1)).toThrow('no id')
    ids.mockImplementationOnce(() => '')
    expect(() => journal.append(1)).toThrow(/idGenerator/)
    expect([journal.size(), journal.nextSequence]).toEqual([0, 0])
    expect(journal.append(1).sequence).toBe(0)
  })
})

describe('bounds', () => {
  it.each([1, 2, 15, 16, 17, 40, 1000])('drops the oldest of more than %i', (maxEntries) => {
    const journal = new Journal<number>({ clock: createControlledClock(), maxEntries, overflow: 'bounded:drop_oldest' })
    for (let index = 0; index < 3000; index++) journal.append(index)
    expect(journal.size()).toBe(maxEntries)
    expect(journal.getFirst()?.data).toBe(3000 - maxEntries)
    expect(journal.getEntry(3000 - maxEntries - 1)).toBeUndefined()
    expect(journal.getAll()).toEqual(Array.from({ length: maxEntries }, (_, index) => 3000 - maxEntries + index))
  })

  it('refuses an append when it is full and told to, and says so', () => {
    const events: JournalEvent[] = []
    const clock = createControlledClock()
    const emit = (event: JournalEvent): void => void events.push(event)
    const journal = new Journal<number>({ clock, maxEntries: 2, overflow: 'bounded:error', emit })
    journal.append(1)
    journal.append(2)
    const error = thrown(() => journal.append(3))
    expect(isJournalOverflowError(error) && error.maxEntries).toBe(2)
    expect((error as Error).message).toBe('Journal overflow: maximum entries (2) reached')
    expect(events.at(-1)).toEqual({
      type: 'journal:overflow',
      policy: 'bounded:error',
      maxEntries: 2,
      at: clock.now(),
    })
    expect(journal.getAll()).toEqual([1, 2])
    journal.clear()
    expect(journal.append(3).sequence).toBe(2)
  })

  it('has no bound without a policy', () => {
    const journal = new Journal<number>({ clock: createControlledClock(), maxEntries: 2 })
    for (const data of [1, 2, 3]) journal.append(data)
    expect(journal.size()).toBe(3)
  })
})

describe('events and subscribers', () => {
  it('come in the documented order and form', () => {
    const events: unknown[] = []
    const clock = createControlledClock(7)
    const at = clock.now()
    const journal = new Journal<number>({
      clock,
      idGenerator: counting(),
      emit: (event) => events.push(event),
      maxEntries: 1,
      overflow: 'bounded:drop_oldest',
    })
    const error = new Error('subscriber')
    journal.subscribe(({ data }) => events.push(`told ${data}`))
    const end = journal.subscribe(() => {
      throw error
    })
    journal.append(1)
    end()
    journal.append(2)
    journal.clear()
    expect(events).toEqual([
      { type: 'journal:create', journalId: 'id-1', at },
      { type: 'journal:append', id: 'id-2', seq: 0, size: 1, at },
      'told 1',
      { type: 'journal:subscriber:error', seq: 0, id: 'id-2', error, at },
      { type: 'journal:overflow', policy: 'bounded:drop_oldest', maxEntries: 1, droppedCount: 1, at },
      { type: 'journal:append', id: 'id-3', seq: 1, size: 1, at },
      'told 2',
      { type: 'journal:clear', previousSize: 1, at },
    ])
  })

  it('does not lose subscribers to an emit that throws', () => {
    const onError = vi.fn()
    const error = new Error('emit')
    const journal = new Journal<number>({
      clock: createControlledClock(),
      onError,
      emit: () => {
        throw error
      },
    })
    const subscriber = vi.fn()
    journal.subscribe(subscriber)
    const entry = journal.append(1)
    expect(subscriber).toHaveBeenCalledExactlyOnceWith(entry)
    expect(onError.mock.calls).toEqual([
      [error, "a journal's emit function"],
      [error, "a journal's emit function"],
    ])
  })

  it('gives errors of subscribers an owner when nobody listens to events', async () => {
    const onError = vi.fn()
    const system = createSystem({ clock: createControlledClock(), onError })
    const journal = createJournal<number>({ system })
    journal.subscribe(() => {
      throw new Error('thrown')
    })
    journal.subscribe(async () => {
      throw new Error('rejected')
    })
    journal.append(1)
    await Promise.resolve()
    expect(onError.mock.calls.map(([error]) => (error as Error).message)).toEqual(['thrown', 'rejected'])
    await system.close()
  })

  it('refuses changes from a subscriber or emit, and goes on', () => {
    const errors: unknown[] = []
    const journal: Journal<number> = new Journal<number>({
      clock: createControlledClock(),
      emit: ({ type }) => {
        if (type === 'journal:append') errors.push(thrown(() => journal.append(9)))
      },
    })
    journal.subscribe(() =>
      errors.push(
        thrown(() => journal.append(9)),
        thrown(() => journal.clear()),
      ),
    )
    journal.append(1)
    expect(errors.map((error) => isJournalReentrancyError(error))).toEqual([true, true, true])
    expect((errors[0] as Error).message).toBe('Cannot append to journal while processing subscribers')
    expect(journal.getAll()).toEqual([1])
    expect(journal.append(2).sequence).toBe(1)
  })

  it('lets a subscriber append to another journal', () => {
    const copy = createJournal<number>()
    const journal = createJournal<number>()
    journal.subscribe(({ data }) => copy.append(data))
    journal.append(1)
    expect(copy.getAll()).toEqual([1])
  })
})

describe('reading', () => {
  const filled = (count: number, max = Infinity): Journal<number> => {
    const bound = max === Infinity ? {} : { maxEntries: max, overflow: 'bounded:drop_oldest' as const }
    const journal = new Journal<number>({ clock: createControlledClock(), ...bound })
    for (let index = 0; index < count; index++) journal.append(index)
    return journal
  }
  const data = (entries: Iterable<JournalEntry<number>>): number[] => Array.from(entries, (entry) => entry.data)

  it('goes over a part, in either direction, as often as wanted', () => {
    const journal = filled(5000, 4000)
    const part = journal.entries({ from: 2047, to: 2050 })
    expect([data(part), data(part)]).toEqual([
      [2047, 2048, 2049, 2050],
      [2047, 2048, 2049, 2050],
    ])
    expect(data(journal.entries({ limit: 2 }))).toEqual([1000, 1001])
    expect(data(journal.entries({ reverse: true, limit: 2 }))).toEqual([4999, 4998])
    expect(data(journal.entries({ from: 4998, reverse: true }))).toEqual([4999, 4998])
    expect(data(journal.entries({ to: 999 }))).toEqual([])
    expect(data(journal.entries({ from: 9999 }))).toEqual([])
    expect(data(journal.from(4999))).toEqual([4999])
    expect(data(journal)).toHaveLength(4000)
    expect(journal.filter((value) => value % 1000 === 0)).toEqual([1000, 2000, 3000, 4000])
  })

  it('reads what there was when the read began', () => {
    const journal = filled(3, 3)
    const entries = journal.entries()
    journal.append(3)
    journal.clear()
    expect(data(entries)).toEqual([0, 1, 2])
  })

  it('takes snapshots that stay, also through drops and clear', () => {
    const journal = filled(2000, 1500)
    const snapshot = journal.getSnapshot()
    for (let index = 0; index < 5000; index++) journal.append(index)
    journal.clear()
    expect(snapshot).toMatchObject({ firstSequence: 500, lastSequence: 1999, totalCount: 1500 })
    expect(snapshot.entries).toHaveLength(1500)
    expect(snapshot.entries.slice(-2).map((entry) => entry.data)).toEqual([1998, 1999])
    expect(Object.isFrozen(snapshot.entries)).toBe(true)
    expect(snapshot.entries).toBe(snapshot.entries)
    expect(data(snapshot.from(1998))).toEqual([1998, 1999])
    expect(data(snapshot.from(0, { limit: 1 }))).toEqual([500])
    expect(journal.getSnapshot()).toMatchObject({ firstSequence: 7000, lastSequence: 6999, totalCount: 0, entries: [] })
  })

  it('reads old entries as they were appended', () => {
    const clock = createControlledClock()
    const journal = new Journal<number>({ clock, idGenerator: counting() })
    const appended = Array.from({ length: 5000 }, (_, index) => {
      clock.advanceBy(1)
      return journal.append(index)
    })
    expect([...journal]).toEqual(appended)
    expect(Object.isFrozen(journal.getFirst())).toBe(true)
  })

  it('rebuilds any past state', () => {
    const clock = createControlledClock()
    const journal = new Journal<number>({ clock })
    for (const amount of [10, 20, 30, 40]) {
      journal.append(amount)
      clock.advanceBy(100)
    }
    const sum = (state = 0, amount: number): number => state + amount
    expect(journal.fold(sum)).toBe(100)
    expect(journal.fold(sum, { initial: 1, upTo: 1 })).toBe(31)
    expect(journal.fold(sum, { upTo: { wallMs: 250 } })).toBe(60)
    expect(journal.fold(sum, { initial: 7, upTo: -1 })).toBe(7)
    const at = journal.getEntry(1)?.timestamp
    expect(
      journal.fold<number[]>((seen, _, { sequence }) => [...seen, sequence], { initial: [], upTo: at as never }),
    ).toEqual([0, 1])
  })
})

describe('JSON', () => {
  const original = (): Journal<{ n: number }> => {
    const clock = createControlledClock(50)
    const journal = new Journal<{ n: number }>({ clock, idGenerator: counting() })
    for (let n = 0; n < 5; n++) {
      journal.append({ n })
      clock.advanceBy(1)
    }
    return journal
  }
  const text = (journal: Journal<{ n: number }>): SerializedJournal => JSON.parse(JSON.stringify(journal))

  it('brings a journal back whole: entries, ids, times, its id and its age', () => {
    const journal = original()
    const clock = createControlledClock(999)
    const restored = Journal.fromJSON<{ n: number }>(text(journal), { clock })
    expect([...restored]).toEqual([...journal])
    expect([restored.id, restored.createdAt]).toEqual([journal.id, journal.createdAt])
    expect(restored.append({ n: 5 })).toMatchObject({ sequence: 5, timestamp: { wallMs: 999 } })
  })

  it('goes on in sequence after a journal that was cleared', () => {
    const journal = original()
    journal.clear()
    const restored = Journal.fromJSON<{ n: number }>(text(journal))
    expect([restored.size(), restored.append({ n: 1 }).sequence]).toEqual([0, 5])
  })

  it('keeps to the bounds of the new journal', () => {
    const json = text(original())
    const newest = Journal.fromJSON<{ n: number }>(json, { maxEntries: 2, overflow: 'bounded:drop_oldest' })
    expect(newest.getAll()).toEqual([{ n: 3 }, { n: 4 }])
    const refusing = thrown(() => Journal.fromJSON(json, { maxEntries: 2, overflow: 'bounded:error' }))
    expect(isJournalOverflowError(refusing)).toBe(true)
  })

  it('goes through the serializer', () => {
    const serializer = {
      serialize: (at: Date) => at.getTime(),
      deserialize: (stored: unknown) => new Date(stored as number),
    }
    const journal = new Journal<Date>({ serializer })
    journal.append(new Date(5))
    const json = JSON.parse(JSON.stringify(journal)) as SerializedJournal
    expect(json.entries[0]?.data).toBe(5)
    expect(Journal.fromJSON<Date>(json, { serializer }).getAll()).toEqual([new Date(5)])
    const fail = {
      ...serializer,
      deserialize: (): Date => {
        throw new Error('no date')
      },
    }
    expect(() => Journal.fromJSON<Date>(json, { serializer: fail })).toThrow(
      expect.objectContaining({ code: 'KEELSON_JOURNAL_CORRUPT', offset: 0 }),
    )
  })

  const edit = (change: (json: { entries: Record<string, unknown>[] } & Record<string, unknown>) => void): unknown => {
    const json = text(original()) as unknown as { entries: Record<string, unknown>[] } & Record<string, unknown>
    change(json)
    return json
  }

  it.each([
    ['nothing', -1, null],
    ['no entries', -1, {}],
    ['a gap', 2, edit((json) => json.entries.splice(2, 1))],
    ['two entries in the wrong order', 1, edit((json) => (json.entries = json.entries.toReversed()))],
    ['a negative sequence', 0, edit((json) => (json.entries[0] = { ...json.entries[0], sequence: -1 }))],
    ['a sequence that is no integer', 1, edit((json) => (json.entries[1] = { ...json.entries[1], sequence: 1.5 }))],
    ['an entry twice', 1, edit((json) => (json.entries[1] = { ...json.entries[0] }))],
    ['no id', 3, edit((json) => delete json.entries[3]?.['id'])],
    ['no time', 3, edit((json) => (json.entries[3] = { ...json.entries[3], timestamp: { wallMs: 'now' } }))],
    ['no data', 4, edit((json) => delete json.entries[4]?.['data'])],
    ['an entry that is none', 0, edit((json) => (json.entries[0] = null as never))],
    ['a next sequence that is taken', -1, edit((json) => (json['nextSequence'] = 4))],
    ['a next sequence that leaves a gap', -1, edit((json) => (json['nextSequence'] = 9))],
    ['no next sequence', -1, edit((json) => delete json['nextSequence'])],
    ['an id that is none', -1, edit((json) => (json['journalId'] = 5))],
    ['an age that is none', -1, edit((json) => (json['createdAt'] = 5))],
  ])('refuses %s', (_, offset, json) => {
    const create = vi.fn()
    const error = thrown(() => Journal.fromJSON(json as SerializedJournal, { emit: create }))
    expect(error).toMatchObject({ code: 'KEELSON_JOURNAL_CORRUPT', offset })
    expect(create).not.toHaveBeenCalled()
  })
})

it.each([
  ['options.maxEntries', { maxEntries: 0 }],
  ['options.maxEntries', { maxEntries: 1.5 }],
  ['options.maxEntries', { overflow: 'bounded:error' }],
  ['options.overflow', { overflow: 'drop', maxEntries: 5 }],
  ['options.clock', { clock: Date }],
  ['options.emit', { emit: true }],
  ['options.idGenerator', { idGenerator: 'uuid' }],
  ['options.serializer.serialize', { serializer: {} }],
  ['options.freeze', { freeze: 1 }],
  ['options.max', { max: 5 }],
])('refuses a bad %s', (field, options) => {
  expect(() => createJournal(options as never)).toThrow(
    expect.objectContaining({ code: 'KEELSON_INVALID_ARGUMENT', field }),
  )
})

it.each([
  ['options.from', { from: -1 }],
  ['options.limit', { limit: NaN }],
  ['options.to', { to: 0.5 }],
  ['options.reverse', { reverse: 'yes' }],
  ['options.size', { size: 5 }],
])('refuses to read with a bad %s', (field, options) => {
  expect(() => createJournal().entries(options as never)).toThrow(
    expect.objectContaining({ code: 'KEELSON_INVALID_ARGUMENT', field }),
  )
})

it('refuses a bound of fold that is none', () => {
  expect(() => createJournal().fold(() => 1, { upTo: NaN })).toThrow(/options\.upTo/)
  expect(() => createJournal().fold(() => 1, { upTo: { wallMs: NaN } })).toThrow(/options\.upTo\.wallMs/)
})

it('does what a simple model does, for any sequence of calls', () => {
  const step = fc.oneof(
    { weight: 20, arbitrary: fc.constant('append' as const) },
    { weight: 1, arbitrary: fc.constant('clear' as const) },
    { weight: 2, arbitrary: fc.constant('json' as const) },
    { weight: 2, arbitrary: fc.constant('snapshot' as const) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), fc.integer({ min: 1, max: 200 }), (steps, maxEntries) => {
      const options = { clock: createControlledClock(), maxEntries, overflow: 'bounded:drop_oldest' as const }
      let journal = new Journal<number>(options)
      let model: { sequence: number; data: number }[] = []
      let next = 0
      const kept: [readonly JournalEntry<number>[], unknown[]][] = []
      const seen = (entries: Iterable<JournalEntry<number>>): unknown[] =>
        Array.from(entries, ({ sequence, data }) => ({ sequence, data }))
      for (const what of steps) {
        if (what === 'append') {
          journal.append(next * 2)
          model = [...model, { sequence: next, data: next * 2 }].slice(-maxEntries)
          next += 1
        } else if (what === 'clear') {
          journal.clear()
          model = []
        } else if (what === 'json') {
          journal = Journal.fromJSON<number>(journal.toJSON(), options)
        } else {
          kept.push([journal.getSnapshot().entries, model])
        }
        expect([journal.size(), journal.nextSequence]).toEqual([model.length, next])
        expect(journal.getFirst()?.sequence).toBe(model[0]?.sequence)
        expect(journal.getLast()?.sequence).toBe(model.at(-1)?.sequence)
      }
      expect(seen(journal)).toEqual(model)
      for (const [entries, expected] of kept) expect(seen(entries)).toEqual(expected)
    }),
    { seed: 11, numRuns: 200 },
  )
})
