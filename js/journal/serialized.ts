import { fieldOf } from '../internal/validate.ts'
import { instant, type Instant } from '../clock/instant.ts'
import { JournalCorruptError } from './errors.ts'
import type { JournalEntry, JournalSerializer, SerializedJournal } from './types.ts'
import { textOf } from '../internal/thrown-values.ts'

/** The part of a journal that `fromJSON` takes over. */
export interface Restored<T> {
  readonly entries: JournalEntry<T>[]
  readonly nextSequence: number
  readonly journalId: string | undefined
  readonly createdAt: Instant | undefined
}

const damaged = (index: number, reason: string): never => {
  throw new JournalCorruptError('the serialized journal', index, reason)
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const isSequence = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

function instantOf(value: unknown, index: number, what: string): Instant {
  const { wallMs, monoMs } = isRecord(value) ? value : {}
  if (!Number.isFinite(wallMs) || !Number.isFinite(monoMs)) damaged(index, `${what} is no instant`)
  return instant(wallMs as number, monoMs as number)
}

/** Returns entries as `toJSON` writes them. */
export function serializeEntries<T>(
  entries: Iterable<JournalEntry<T>>,
  serializer: JournalSerializer<T> | undefined,
): SerializedJournal['entries'] {
  return Array.from(entries, ({ id, sequence, timestamp, data }) => ({
    id,
    sequence,
    timestamp: { wallMs: timestamp.wallMs, monoMs: timestamp.monoMs },
    data: serializer === undefined ? data : serializer.serialize(data),
  }))
}

/**
 * Checks all of it before anything is taken over.
 *
 * @throws JournalCorruptError with the index of the entry that is damaged; -1 for what surrounds the entries.
 */
export function restore<T>(json: SerializedJournal, serializer: JournalSerializer<T> | undefined): Restored<T> {
  if (!isRecord(json)) damaged(-1, 'it is no object')
  const entries = fieldOf(json, 'entries') as readonly unknown[]
  if (!Array.isArray(entries)) damaged(-1, 'entries is no array')
  const { nextSequence, journalId, createdAt } = json
  if (!isSequence(nextSequence)) damaged(-1, 'nextSequence is no sequence')
  if (journalId !== undefined && (typeof journalId !== 'string' || journalId === '')) {
    damaged(-1, 'journalId is no string')
  }
  const restored = entries.map((entry: unknown, index) => restoreEntry(entry, index, entries, serializer))
  const expected = restored.at(-1)?.sequence
  if (expected !== undefined && nextSequence !== expected + 1) {
    damaged(-1, `nextSequence is ${nextSequence} after an entry with sequence ${expected}`)
  }
  return {
    entries: restored,
    nextSequence,
    journalId,
    createdAt: createdAt === undefined ? undefined : instantOf(createdAt, -1, 'createdAt'),
  }
}

function restoreEntry<T>(
  entry: unknown,
  index: number,
  all: readonly unknown[],
  serializer: JournalSerializer<T> | undefined,
): JournalEntry<T> {
  if (!isRecord(entry)) return damaged(index, 'it is no object')
  const { id, sequence } = entry
  if (typeof id !== 'string' || id === '') return damaged(index, 'its id is no string')
  if (!isSequence(sequence)) return damaged(index, 'its sequence is no sequence')
  const before = index === 0 ? undefined : (all[index - 1] as { sequence: number }).sequence
  if (before !== undefined && sequence !== before + 1) {
    return damaged(index, `its sequence is ${sequence} after ${before}`)
  }
  if (!('data' in entry)) return damaged(index, 'it has no data')
  const timestamp = instantOf(entry['timestamp'], index, 'its timestamp')
  return Object.freeze({ id, sequence, timestamp, data: dataOf(entry['data'], index, serializer) })
}

function dataOf<T>(stored: unknown, index: number, serializer: JournalSerializer<T> | undefined): T {
  if (serializer === undefined) return stored as T
  try {
    return serializer.deserialize(stored)
  } catch (error) {
    return damaged(index, `its data cannot be deserialized (${textOf(error)})`)
  }
}
