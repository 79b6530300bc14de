import { callable, flag, integer, known, millis, options as checkOptions } from '../internal/validate.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import type { Range } from './chunks.ts'
import type { FoldOptions, JournalEntry, ReadOptions, Reducer } from './types.ts'

const LAST = Number.MAX_SAFE_INTEGER

/** The sequences that a read visits, with its options checked: `count` of them from `start`, in steps of `step`. */
export interface Walk {
  readonly start: number
  readonly count: number
  readonly step: 1 | -1
}

/** @throws InvalidArgumentError naming the option that is refused. */
export function walkOf(options: ReadOptions | undefined, first: number, next: number): Walk {
  const settings = checkOptions('options', options)
  known('options', settings, ['from', 'to', 'limit', 'reverse'])
  const from = Math.max(integer('options.from', 0, LAST, settings.from ?? 0), first)
  const to = Math.min(integer('options.to', -1, LAST, settings.to ?? LAST), next - 1)
  const limit = integer('options.limit', 0, LAST, settings.limit ?? LAST)
  const count = Math.min(Math.max(to - from + 1, 0), limit)
  return flag('options.reverse', false, settings.reverse)
    ? { start: to, count, step: -1 }
    : { start: from, count, step: 1 }
}

/** Reads one entry at a time, as often as it is iterated. */
export function read<T>(range: Range<T>, options: ReadOptions | undefined): Iterable<JournalEntry<T>> {
  const { start, count, step } = walkOf(options, range.first, range.next)
  return {
    *[Symbol.iterator]() {
      for (let index = 0; index < count; index++) yield range.at(start + index * step)
    },
  }
}

/** Returns the last sequence to apply, or the last wall time. */
function boundOf(upTo: FoldOptions<unknown>['upTo']): { sequence: number; wallMs: number } {
  if (upTo === undefined) return { sequence: Infinity, wallMs: Infinity }
  if (typeof upTo === 'object' && upTo !== null) {
    return { sequence: Infinity, wallMs: millis('options.upTo.wallMs', upTo.wallMs) }
  }
  if (!Number.isInteger(upTo) || (upTo as number) < -1) {
    throw new InvalidArgumentError('options.upTo', 'a sequence or an object with wallMs', upTo)
  }
  return { sequence: upTo as number, wallMs: Infinity }
}

/** Applies entries in order until the bound. */
export function fold<S, T>(
  entries: Iterable<JournalEntry<T>>,
  reducer: Reducer<S, T>,
  options: FoldOptions<S> | undefined,
): S {
  callable('reducer', reducer)
  const settings = checkOptions('options', options)
  known('options', settings, ['initial', 'upTo'])
  const { sequence, wallMs } = boundOf(settings.upTo)
  let state = settings.initial as S
  for (const entry of entries) {
    if (entry.sequence > sequence || entry.timestamp.wallMs > wallMs) break
    state = reducer(state, entry.data, entry)
  }
  return state
}
