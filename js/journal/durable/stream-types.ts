import type { JournalEntry } from '../types.ts'

/** Options of `append`, and of each entry of `appendMany`. */
export interface AppendOptions {
  /**
   * The stream of the entry: a name that entries share, without U+0000 and U+0001, of less than 65536 bytes. Default:
   * no stream.
   */
  readonly stream?: string
  /**
   * The number of events that the stream must have before the append: 0 for a new stream. Another number is refused
   * with VersionConflictError. Needs `stream`. Default: any version.
   */
  readonly expectedVersion?: number
  /**
   * The id of the entry. When one of the newest 1024 entries of the stream has it, nothing is written, and the append
   * resolves with that entry, whatever the version is. Needs `stream`. Default: the id from `idGenerator`.
   */
  readonly id?: string
}

/** Options of `readStream`. Positions count the events of the stream, from 0. */
export interface ReadStreamOptions {
  /** The first position. To go on after `version` events, pass `version`. Default 0. */
  readonly from?: number
  /** The last position, itself included. Default: the last there is. */
  readonly to?: number
  /** From the last to the first. Default false. */
  readonly backwards?: boolean
  /** The most entries. Default: all. */
  readonly limit?: number
}

/** The entries of a stream: for `for`, and for `for await`, which lets other work have its turn between two pages. */
export interface StreamEntries<T> extends Iterable<JournalEntry<T>>, AsyncIterable<JournalEntry<T>> {}

/** Options of `streams`. */
export interface StreamsOptions {
  /** The beginning of the names. Default: all names. */
  readonly prefix?: string
}

/** The size of the index of streams. */
export interface StreamUsage {
  /** Its streams. */
  readonly streams: number
  /** Their entries. */
  readonly entries: number
  /** The bytes that it takes in memory. */
  readonly bytes: number
}

/** The result of `backup`. */
export interface BackupReport {
  /** The directory of the copy. */
  readonly path: string
  /** The sequence after the last entry in the copy. */
  readonly nextSequence: number
  /** Entries in the copy. */
  readonly entries: number
  /** Bytes of its segments. */
  readonly bytes: number
  /** Segments that share their bytes with the original, as hard links. */
  readonly linked: number
}
