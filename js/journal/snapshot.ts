import type { Instant } from '../clock/instant.ts'
import { known, options as checkOptions } from '../internal/validate.ts'
import type { Range } from './chunks.ts'
import { read } from './read.ts'
import type { JournalEntry, JournalSnapshot, ReadOptions } from './types.ts'

export function snapshotOf<T>(range: Range<T>, timestamp: Instant): JournalSnapshot<T> {
  const { first, next } = range
  let all: readonly JournalEntry<T>[] | undefined
  return Object.freeze({
    firstSequence: first,
    lastSequence: next - 1,
    totalCount: next - first,
    timestamp,
    get entries() {
      all ??= Object.freeze(Array.from({ length: next - first }, (_, index) => range.at(first + index)))
      return all
    },
    from: (sequence: number, options?: Omit<ReadOptions, 'from'>) => {
      const settings = checkOptions('options', options)
      known('options', settings, ['to', 'limit', 'reverse'])
      return read(range, { ...options, from: sequence })
    },
  })
}
