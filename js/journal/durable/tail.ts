import { abortSignal, integer, known, options as checkOptions } from '../../internal/validate.ts'
import type { JournalEntry } from '../types.ts'
import { turn } from './base.ts'
import type { Page } from './pages.ts'
import type { TailOptions } from './types.ts'

/** The place a tail reads from, and the way it waits. */
export interface TailSource<T> {
  /** Returns the sequence after the last acknowledged entry. */
  next(): number
  read(from: number, limit: number): Page<T>
  /**
   * Resolves soon after there may be something from `next` on, or a signal is aborted; false when nothing will come.
   */
  wait(next: number, signal: AbortSignal | undefined, end: AbortSignal, keepAlive: boolean): Promise<boolean>
}

/** From a sequence to the end, and then what comes: a page is read when the one before is used up. */
export function tail<T>(
  source: TailSource<T>,
  options: TailOptions | undefined,
  keepAlive = true,
): AsyncGenerator<JournalEntry<T>, void, undefined> {
  const settings = checkOptions('options', options)
  known('options', settings, ['from', 'signal', 'pageSize'])
  const signal = abortSignal('options.signal', settings.signal)
  const pageSize = integer('options.pageSize', 1, 65_536, settings.pageSize ?? 256)
  const from = integer('options.from', 0, Number.MAX_SAFE_INTEGER, settings.from ?? source.next())
  const end = new AbortController()
  const entries = follow(source, from, pageSize, signal, end.signal, keepAlive)
  // A generator that waits hears of its return only once it goes on.
  const { return: returned } = entries
  entries.return = (value) => {
    end.abort()
    return Reflect.apply(returned, entries, [value])
  }
  return entries
}

async function* follow<T>(
  source: TailSource<T>,
  from: number,
  pageSize: number,
  signal: AbortSignal | undefined,
  end: AbortSignal,
  keepAlive: boolean,
): AsyncGenerator<JournalEntry<T>, void, undefined> {
  for (let next = from; !end.aborted;) {
    signal?.throwIfAborted()
    const page = source.read(next, pageSize)
    next = page.next
    if (page.entries.length === 0) {
      if (!(await source.wait(next, signal, end, keepAlive))) return
      continue
    }
    for (const entry of page.entries) {
      yield entry
      signal?.throwIfAborted()
    }
    await turn()
  }
}
