import { cpSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type DurableJournal, openJournal } from 'keelson/journal'
import { GenServer, type PersistEvent, type PersistOptions } from 'keelson/otp'
import { createSystem } from 'keelson/system'
import { expect, it } from 'vitest'

import { recordsOf, segmentOf } from '../../support/segments.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

interface Event {
  readonly type: string
  readonly amount: number
}

const persistOf = (
  journal: DurableJournal<Event>,
  events: PersistEvent[],
  more: Partial<PersistOptions<readonly number[], Event>> = {},
): PersistOptions<readonly number[], Event> => ({
  journal,
  stream: 'account',
  init: () => [],
  apply: (all, { amount }) => [...all, amount],
  snapshot: { every: 3 },
  emit: (event) => void events.push(event),
  ...more,
})

/** Starts a process, makes calls, and stops it. Returns its last state. */
async function calls(persist: PersistOptions<readonly number[], Event>, amounts: readonly number[]) {
  const server = await GenServer.start(
    { handleCall: (amount: number) => ({ events: { type: 'added', amount } }) },
    { persist },
  )
  for (const amount of amounts) await GenServer.call(server, amount)
  const state = GenServer.getState(server)
  await GenServer.stop(server)
  return state
}

const reasons = (events: readonly PersistEvent[]): unknown[] =>
  events
    .filter(({ type }) => type === 'persist:snapshot:ignored')
    .map((event) => Reflect.get(event, 'reason') as unknown)

/** A journal whose process has saved snapshots of three and of six events. */
async function written(): Promise<string> {
  const path = tempDirectory()
  for (const amounts of [
    [1, 2, 3],
    [4, 5, 6],
  ]) {
    await using journal = await openJournal<Event>(path)
    const events: PersistEvent[] = []
    await calls(persistOf(journal, events), amounts)
    await expect.poll(() => events.map(({ type }) => type)).toContain('persist:snapshot:saved')
  }
  return path
}

it('a torn snapshot costs nothing but that snapshot, at every byte', async () => {
  const path = await written()
  const [, second] = recordsOf(join(path, 'states')).filter(({ isMark }) => !isMark)
  const { offset, size } = second as { offset: number; size: number }
  for (let length = offset; length < offset + size; length += 7) {
    const copy = tempDirectory()
    cpSync(path, copy, { recursive: true })
    truncateSync(segmentOf(join(copy, 'states')), length)
    await using journal = await openJournal<Event>(copy)
    const events: PersistEvent[] = []
    expect(await calls(persistOf(journal, events), [])).toEqual([1, 2, 3, 4, 5, 6])
    // The one before is there.
    expect(events).toMatchObject([{ type: 'persist:recovered', from: 3, events: 3 }])
  }
})

it('damaged snapshots are ignored with the reason, and the events are read', async () => {
  const path = await written()
  const segment = segmentOf(join(path, 'states'))
  const bytes = readFileSync(segment)
  const [first] = recordsOf(join(path, 'states'))
  bytes[(first as { offset: number }).offset + 60]! ^= 1
  writeFileSync(segment, bytes)
  await using journal = await openJournal<Event>(path)
  const events: PersistEvent[] = []
  expect(await calls(persistOf(journal, events), [])).toEqual([1, 2, 3, 4, 5, 6])
  expect(reasons(events)).toEqual([expect.stringMatching(/^it cannot be read: .*checksum/)])
  expect(readdirSync(path)).toContain('states')
})

it('a snapshot of a stream that has begun anew since is ignored, also when the stream has as many events again', async () => {
  const path = await written()
  await using journal = await openJournal<Event>(path)
  await journal.clear()
  const others = [7, 8, 9, 10, 11, 12, 13].map((amount) => ({ type: 'added', amount }))
  await journal.appendMany(others, { stream: 'account', expectedVersion: 0 })
  const events: PersistEvent[] = []
  expect(await calls(persistOf(journal, events), [14])).toEqual([7, 8, 9, 10, 11, 12, 13, 14])
  expect(reasons(events)).toEqual(['it is of other events: the stream has begun anew since'])
})

it('a snapshot of an earlier stream is ignored, also when the events that would show it are compacted', async () => {
  const path = await written()
  await using journal = await openJournal<Event>(path, { key: ({ type }) => type })
  await journal.clear()
  for (const amount of [7, 8, 9, 10, 11, 12, 13]) {
    await journal.append({ type: 'added', amount }, { stream: 'account' })
  }
  await journal.compact()
  const events: PersistEvent[] = []
  // Its first events are gone for good: there is no state to start with, least of all one of the earlier stream.
  const cause = { code: 'KEELSON_JOURNAL_GAP' }
  await expect(calls(persistOf(journal, events), [])).rejects.toMatchObject({ cause })
  expect(reasons(events)).toEqual(['it is of other events: the stream has begun anew since'])
})

/** Clears a journal and appends others to its stream, as another thread would while this one runs a callback. */
function beginAnew(journal: DurableJournal<Event>, amounts: readonly number[]): Promise<unknown> {
  const until = (version: number): void => {
    for (let look = 0; journal.streamVersion('account') !== version; look++) expect(look).toBeLessThan(100_000_000)
  }
  const cleared = journal.clear()
  until(0)
  const others = amounts.map((amount) => ({ type: 'added', amount }))
  const appended = [journal.appendMany(others, { stream: 'account' }), journal.sync()]
  until(amounts.length)
  return Promise.all([cleared, ...appended])
}

it('a snapshot is of the stream whose events it has, also when another thread has begun that anew meanwhile', async () => {
  await using journal = await openJournal<Event>(tempDirectory())
  const done: Promise<unknown>[] = []
  const apply = (all: readonly number[], { amount }: Event): readonly number[] => {
    // Before the snapshot of three events is saved.
    if (amount === 3) done.push(beginAnew(journal, [4, 5, 6, 7]))
    return [...all, amount]
  }
  expect(await calls(persistOf(journal, [], { apply }), [1, 2, 3])).toEqual([1, 2, 3])
  await Promise.all(done)
  expect(await calls(persistOf(journal, []), [])).toEqual([4, 5, 6, 7])
})

it('a process is told when its stream was begun anew to exactly the version that it knows', async () => {
  await using system = createSystem({ onError: () => {} })
  await using journal = await openJournal<Event>(tempDirectory(), { system })
  const ends: unknown[] = []
  GenServer.onLifecycleEvent((event) => void (event.type === 'terminated' && ends.push(event.reason)), system)
  const done: Promise<unknown>[] = []
  const apply = (all: readonly number[], { amount }: Event): readonly number[] => {
    if (amount === 2) done.push(beginAnew(journal, [4, 5]))
    return [...all, amount]
  }
  const server = await GenServer.start(
    { handleCall: (amount: number) => ({ events: { type: 'added', amount } }) },
    { persist: persistOf(journal, [], { apply }), system },
  )
  for (const amount of [1, 2]) await GenServer.call(server, amount)
  await expect(GenServer.call(server, 3)).rejects.toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
  const cause = { code: 'KEELSON_VERSION_CONFLICT', expectedVersion: 2, actualVersion: 2 }
  expect(ends).toMatchObject([{ error: { code: 'KEELSON_PERSISTENCE', cause } }])
  await Promise.all(done)
  expect(journal.getAll()).toEqual([4, 5].map((amount) => ({ type: 'added', amount })))
})

it.each([
  ['more events than before', 0, [7, 8, 9, 10, 11, 12, 13]],
  ['fewer events than before', 0, [7, 8]],
  ['more events than before, after a snapshot', 3, [7, 8, 9, 10, 11, 12, 13]],
])('a stream that another thread begins anew while a process reads it is read again: %s', async (_, from, amounts) => {
  const path = tempDirectory()
  await using journal = await openJournal<Event>(path)
  const events: PersistEvent[] = []
  const isSaved = from > 0
  await calls(persistOf(journal, events), isSaved ? [1, 2, 3] : [])
  if (isSaved) await expect.poll(() => events.map(({ type }) => type)).toContain('persist:snapshot:saved')
  const rest = [1, 2, 3, 4].slice(from).map((amount) => ({ type: 'added', amount }))
  await journal.appendMany(rest, { stream: 'account' })
  events.length = 0
  const done: Promise<unknown>[] = []
  const apply = (all: readonly number[], { amount }: Event): readonly number[] => {
    if (amount === 4) done.push(beginAnew(journal, amounts))
    return [...all, amount]
  }
  expect(await calls(persistOf(journal, events, { apply }), [])).toEqual(amounts)
  await Promise.all(done)
  const recovered = { type: 'persist:recovered', from: 0, events: amounts.length, version: amounts.length }
  expect(events).toContainEqual(expect.objectContaining(recovered))
})

it('a snapshot of more events than the stream has is not used later, once the stream has as many', async () => {
  const path = await written()
  await using journal = await openJournal<Event>(path)
  await journal.clear()
  const events: PersistEvent[] = []
  expect(await calls(persistOf(journal, events), [])).toEqual([])
  expect(reasons(events)).toEqual(['it is of 6 events, and the stream has 0'])
  const others = [1, 2, 3, 4, 5, 6, 7].map((amount) => ({ type: 'added', amount: -amount }))
  await journal.appendMany(others, { stream: 'account' })
  expect(await calls(persistOf(journal, events), [])).toEqual([-1, -2, -3, -4, -5, -6, -7])
})

it('a snapshot is saved once its events are on disk, whatever the durability', async () => {
  const path = tempDirectory()
  await using journal = await openJournal<Event>(path, { durability: 'flush' })
  const events: PersistEvent[] = []
  await calls(persistOf(journal, events), [1, 2, 3])
  await expect.poll(() => events.map(({ type }) => type)).toContain('persist:snapshot:saved')
  await journal.append({ type: 'other', amount: 0 })
  const [, , third, fourth] = recordsOf(path)
  expect(fourth?.synced).toBe((third?.offset ?? 0) + (third?.size ?? 0))
})
