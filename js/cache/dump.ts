/** Dumps of caches, and lists of entries: their checks, and the passing of time between a dump and its load. */
import { InvalidArgumentError } from '../errors/errors.ts'
import { finite, isList, iterable, known, object, positiveMillis } from '../internal/validate.ts'
import { assertKey, type StoreSettings, tagList } from './options.ts'
import type { CacheDump, CacheDumpEntry, CacheKey } from './types.ts'

/** An entry to store, and its settings. */
export interface CheckedEntry {
  readonly key: CacheKey
  readonly value: unknown
  readonly storing: StoreSettings
}

const DUMP = ['version', 'savedAtMs', 'entries']
const ENTRY = ['key', 'value', 'ttlMs', 'slidingMs', 'tags']

/** Returns a dump of entries. */
export const dumpOf = (savedAtMs: number, entries: readonly CacheDumpEntry<never>[]): CacheDump<never> => ({
  version: 1,
  savedAtMs,
  entries,
})

/** Returns an entry of a dump. */
export const dumpEntry = (
  key: CacheKey,
  value: unknown,
  leftMs: number,
  slidingMs: number,
  tags: readonly string[] | undefined,
): CacheDumpEntry<never> => ({
  key,
  value: value as never,
  ttlMs: leftMs === Infinity ? null : leftMs,
  ...(slidingMs > 0 ? { slidingMs } : {}),
  ...(tags === undefined || tags.length === 0 ? {} : { tags }),
})

/** Returns the entries of a dump whose time is not over, after checking all of them. */
export function entriesOfDump(dump: unknown, wallMs: number): CheckedEntry[] {
  const saved = object<CacheDump>('dump', dump, 'a dump of a cache')
  known('dump', saved, DUMP)
  if (saved.version !== 1) throw new InvalidArgumentError('dump.version', '1', saved.version)
  const elapsedMs = Math.max(wallMs - finite('dump.savedAtMs', saved.savedAtMs), 0)
  if (!isList<CacheDumpEntry>(saved.entries)) {
    throw new InvalidArgumentError('dump.entries', 'a list of entries', saved.entries)
  }
  return saved.entries
    .map((entry, index) => dumpedEntry(`dump.entries[${index}]`, entry, elapsedMs))
    .filter(({ storing }) => storing.ttlMs > 0)
}

function dumpedEntry(field: string, value: unknown, elapsedMs: number): CheckedEntry {
  const entry = object<CacheDumpEntry>(field, value, 'an entry: an object with key, value and ttlMs')
  known(field, entry, ENTRY)
  assertKey(entry.key, `${field}.key`)
  const ttlMs = entry.ttlMs === null ? Infinity : positiveMillis(`${field}.ttlMs`, entry.ttlMs)
  const { slidingMs } = entry
  if (slidingMs !== undefined) {
    positiveMillis(`${field}.slidingMs`, slidingMs)
    if (ttlMs === Infinity) throw new InvalidArgumentError(`${field}.slidingMs`, 'left out without ttlMs', slidingMs)
  }
  const tags = tagList(`${field}.tags`, entry.tags)
  const storing = { ttlMs: ttlMs - elapsedMs, tags, isSliding: false, dumpedSlidingMs: slidingMs ?? 0 }
  return { key: entry.key, value: entry.value, storing }
}

/** Returns the pairs of `setMany`, after checking them. */
export function entriesOfList(entries: unknown, storing: StoreSettings): CheckedEntry[] {
  const rows = [...iterable('entries', entries as Iterable<unknown>, 'a list of [key, value]')]
  return rows.map((row, index) => {
    if (!isList(row) || row.length !== 2) throw new InvalidArgumentError(`entries[${index}]`, '[key, value]', row)
    const [key, value] = row as [CacheKey, unknown]
    assertKey(key, `entries[${index}][0]`)
    return { key, value, storing }
  })
}

/** Returns the keys of `getMany`, after checking them. */
export function keysOfList<K extends CacheKey>(keys: Iterable<K>): K[] {
  const all = [...iterable('keys', typeof keys === 'string' ? (undefined as never) : keys, 'a list of keys')]
  for (const [index, key] of all.entries()) assertKey(key, `keys[${index}]`)
  return all
}
