import type { Clock } from '../../clock/types.ts'
import { encodePlain, encodePlainEach } from '../../plain/text.ts'
import * as protocol from '../../protocol/journal.ts'
import { isJournalOverflowError, JournalGapError } from '../errors.ts'
import type { JournalEntry } from '../types.ts'
import { type CheckedAppend, checkAppend, plainText } from './append-options.ts'
import type { Handle } from './handle.ts'
import type { AppendOptions } from './stream-types.ts'
import type { DurableJournalOptions } from './types.ts'

/** What appends need of their journal. */
export interface AppendingJournal<T> {
  readonly clock: Clock
  readonly options: DurableJournalOptions<T>
  getEntry(sequence: number): JournalEntry<T> | undefined
  /** Returns the first sequence that is held. */
  first(): number
  /** Called with the last sequence of each append. */
  onAppended(last: number): void
  onOverflow(maxEntries: number): void
}

/** Encodes entries and hands them to the core; their promises settle when they are acknowledged. */
export class Appender<T> {
  readonly #handle: Handle
  readonly #journal: AppendingJournal<T>
  readonly #options: DurableJournalOptions<T>

  constructor(handle: Handle, journal: AppendingJournal<T>) {
    this.#handle = handle
    this.#journal = journal
    this.#options = journal.options
  }

  /** Appends an entry. Calls `resolve` with it once it is acknowledged. Throws when nothing was appended. */
  append(
    data: T,
    options: AppendOptions | undefined,
    resolve: (entry: JournalEntry<T>) => void,
    reject: (error: Error) => void,
  ): void {
    const handle = this.#handle
    const { stream, id, text: conditions } = checkAppend('options', options)
    const { idGenerator, serializer } = this.#options
    const own = id !== '' ? id : idGenerator === undefined ? '' : plainText('an id', idGenerator())
    const payload = encodePlain('data', serializer === undefined ? data : serializer.serialize(data))
    const key = this.#keyOf(data)
    const isPlain = own === '' && key === '' && conditions === ''
    const text = isPlain ? payload : `${payload}\0${own}\0${key}${conditions}`
    const timestamp = this.#journal.clock.now()
    const sequence = this.#accepted(() => handle.append(text, timestamp.wallMs, timestamp.monoMs))
    if (sequence === protocol.REPEATED) {
      this.#repeated(1, ([entry]) => resolve(entry as JournalEntry<T>), reject)
      return
    }
    this.#journal.onAppended(sequence)
    const plain = { id: own === '' ? String(sequence) : own, sequence, timestamp, data }
    const entry = Object.freeze(stream === '' ? plain : { ...plain, stream, position: handle.positionOf(0) })
    handle.whenAcknowledged(sequence, entry, resolve, reject)
  }

  /** Resolves with the earlier entries that the last append repeats. */
  #repeated(count: number, resolve: (entries: JournalEntry<T>[]) => void, reject: (error: Error) => void): void {
    const handle = this.#handle
    const sequences = handle.repeated(count)
    const answer = (): void => {
      const entries = sequences.map((sequence) => this.#journal.getEntry(sequence))
      const gone = entries.indexOf(undefined)
      if (gone < 0) resolve(entries as JournalEntry<T>[])
      else reject(new JournalGapError(sequences[gone] as number, this.#journal.first()))
    }
    handle.whenReadable(Math.max(...sequences), answer, reject)
  }

  /** Appends entries, all or none. Calls `resolve` with them once they are acknowledged. */
  appendAll(
    datas: readonly T[],
    each: readonly CheckedAppend[] | undefined,
    resolve: (entries: JournalEntry<T>[]) => void,
    reject: (error: Error) => void,
  ): void {
    const handle = this.#handle
    if (datas.length === 0) {
      resolve([])
      return
    }
    const { idGenerator, key: keyOf, serializer } = this.#options
    const ids =
      idGenerator === undefined && each === undefined
        ? undefined
        : datas.map((_, index) => {
            const id = each?.[index]?.id ?? ''
            return id !== '' || idGenerator === undefined ? id : plainText('an id', idGenerator())
          })
    const texts = encodePlainEach(
      'data',
      serializer === undefined ? datas : datas.map((data) => serializer.serialize(data)),
    )
    if (ids !== undefined || keyOf !== undefined) {
      const names = (data: T, index: number): string =>
        `\u0001${ids?.[index] ?? ''}\0${this.#keyOf(data)}${each?.[index]?.text ?? ''}`
      texts.push(datas.map(names).join(''))
    }
    const timestamp = this.#journal.clock.now()
    const first = this.#accepted(() => handle.appendAll(texts, datas.length, timestamp.wallMs, timestamp.monoMs))
    if (first === protocol.REPEATED) {
      this.#repeated(datas.length, resolve, reject)
      return
    }
    this.#journal.onAppended(first + datas.length - 1)
    const entries = datas.map((data, index) => {
      const sequence = first + index
      const plain = { id: ids?.[index] || String(sequence), sequence, timestamp, data }
      const stream = each?.[index]?.stream ?? ''
      return Object.freeze(stream === '' ? plain : { ...plain, stream, position: handle.positionOf(index) })
    })
    handle.whenAcknowledged(first + datas.length - 1, entries, resolve, reject)
  }

  /** Returns the first sequence of an append. Emits an overflow. */
  #accepted(append: () => number): number {
    try {
      return append()
    } catch (error) {
      if (isJournalOverflowError(error)) this.#journal.onOverflow(error.maxEntries)
      throw error
    }
  }

  /** Returns the key of data, or an empty text. */
  #keyOf(data: T): string {
    const key = this.#options.key?.(data)
    return key === undefined ? '' : plainText('a key', key)
  }
}
