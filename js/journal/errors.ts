/** Errors of journals, in memory and on disk. */
import { isCode, KeelsonError } from '../errors/base.ts'
import { show } from '../errors/format-value.ts'
import { textOf } from '../internal/thrown-values.ts'

/** A subscriber of a journal, or its `emit`, tried to append to it or clear it. Nothing changed. */
export class JournalReentrancyError extends KeelsonError {
  static readonly code = 'KEELSON_JOURNAL_REENTRANT'
  readonly code = 'KEELSON_JOURNAL_REENTRANT'
  constructor(operation: 'append to' | 'clear' = 'append to') {
    super(`Cannot ${operation} journal while processing subscribers`)
  }
}

/** A journal with `overflow: 'bounded:error'` is full. Nothing was appended. */
export class JournalOverflowError extends KeelsonError {
  static readonly code = 'KEELSON_JOURNAL_OVERFLOW'
  readonly code = 'KEELSON_JOURNAL_OVERFLOW'
  /** The most entries it may hold. */
  readonly maxEntries: number
  constructor(maxEntries: number) {
    super(`Journal overflow: maximum entries (${maxEntries}) reached`)
    this.maxEntries = maxEntries
  }
}

/** Stored history is damaged, and what is there would be wrong. Nothing was read past the damage. */
export class JournalCorruptError extends KeelsonError {
  static readonly code = 'KEELSON_JOURNAL_CORRUPT'
  readonly code = 'KEELSON_JOURNAL_CORRUPT'
  /** The segment file, or what else was read. */
  readonly segment: string
  /** The start of the damage: bytes into the segment, or the index of an entry. */
  readonly offset: number
  /** The kind of damage. */
  readonly reason: string
  constructor(segment: string, offset: number, reason: string) {
    super(`${segment} is damaged at ${offset}: ${reason}`)
    this.segment = segment
    this.offset = offset
    this.reason = reason
  }
}

/** Somebody else writes to the journal's directory: another process, or a user in this one that does not share it. */
export class JournalLockedError extends KeelsonError {
  static readonly code = 'KEELSON_JOURNAL_LOCKED'
  readonly code = 'KEELSON_JOURNAL_LOCKED'
  /** The directory. */
  readonly path: string
  constructor(path: string) {
    super(
      `the journal ${show(path)} is in use: a directory has one writer at a time; open it with readOnly to read beside it`,
    )
    this.path = path
  }
}

/** The directory is another program's, or of a newer version. Nothing was written. */
export class JournalFormatError extends KeelsonError {
  static readonly code = 'KEELSON_JOURNAL_FORMAT'
  readonly code = 'KEELSON_JOURNAL_FORMAT'
  /** The directory or file. */
  readonly path: string
  /** The reason of the refusal. */
  readonly reason: string
  constructor(path: string, reason: string) {
    super(`${show(path)} is not a journal this version can use: ${reason}`)
    this.path = path
    this.reason = reason
  }
}

/** The operating system refused; the journal is closed, and what was acknowledged before is on disk. */
export class JournalIoError extends KeelsonError {
  static readonly code = 'KEELSON_JOURNAL_IO'
  readonly code = 'KEELSON_JOURNAL_IO'
  /** The operation: `write`, `sync`, `open`. */
  readonly operation: string
  /** On which file or directory. */
  readonly path: string
  /** The system's name of the error: `ENOSPC`. */
  readonly osCode: string
  constructor(operation: string, path: string, osCode: string) {
    super(`${operation} failed on ${show(path)}: ${osCode}`)
    this.operation = operation
    this.path = path
    this.osCode = osCode
  }
}

/** Retention or `clear` took entries that a fold needs. A state without them would be one that never was. */
export class JournalGapError extends KeelsonError {
  static readonly code = 'KEELSON_JOURNAL_GAP'
  readonly code = 'KEELSON_JOURNAL_GAP'
  /** The sequence with which the fold goes on. */
  readonly from: number
  /** The first sequence that is held; where a compaction dropped removals, the one after the last of them. */
  readonly first: number
  constructor(from: number, first: number) {
    super(`the fold goes on with entry ${from}, and what it needs of the entries before ${first} is gone`)
    this.from = from
    this.first = first
  }
}

/**
 * A stream has another version than an append expected: somebody else appended to it. Nothing was appended. Both versions
 * are equal when a persistent process appends to a stream that was cleared and then got as many other events.
 */
export class VersionConflictError extends KeelsonError {
  static readonly code = 'KEELSON_VERSION_CONFLICT'
  readonly code = 'KEELSON_VERSION_CONFLICT'
  /** The stream. */
  readonly stream: string
  /** The number of events that the append expected. */
  readonly expectedVersion: number
  /** The number of events that the stream has, those in flight included. */
  readonly actualVersion: number
  constructor(stream: string, expectedVersion: number, actualVersion: number) {
    const expected = expectedVersion === actualVersion ? 'it of other events' : String(expectedVersion)
    super(`the stream ${show(stream)} has version ${actualVersion}, and the append expected ${expected}`)
    this.stream = stream
    this.expectedVersion = expectedVersion
    this.actualVersion = actualVersion
  }
}

/** A persistent process, a consumer or a projection of that name runs already in this program, on any thread. */
export class JournalNameInUseError extends KeelsonError {
  static readonly code = 'KEELSON_JOURNAL_NAME_IN_USE'
  readonly code = 'KEELSON_JOURNAL_NAME_IN_USE'
  /** The kind of its user. */
  readonly kind: 'stream' | 'consumer' | 'projection'
  /** The stream of the process, or the name of the consumer or projection. */
  readonly claimed: string
  constructor(kind: 'stream' | 'consumer' | 'projection', claimed: string) {
    super(`the ${kind} ${show(claimed)} of the journal runs already in this program`)
    this.kind = kind
    this.claimed = claimed
  }
}

/** An event could not be applied to a state: its type is unknown, an upcaster failed, or `apply` threw. */
export class ReplayError extends KeelsonError {
  static readonly code = 'KEELSON_REPLAY'
  readonly code = 'KEELSON_REPLAY'
  /** The sequence of the event in the journal. */
  readonly sequence: number
  /** The `type` of the event; `undefined` when it has none. */
  readonly eventType: string | undefined
  /** The reason. */
  override readonly cause: unknown
  constructor(sequence: number, eventType: string | undefined, cause: unknown) {
    const type = eventType === undefined ? 'without a type' : `of type ${show(eventType)}`
    super(`the event ${sequence} ${type} could not be applied: ${textOf(cause)}`)
    this.sequence = sequence
    this.eventType = eventType
    this.cause = cause
  }
}

/** A record is larger than the journal allows. Nothing was appended. */
export class RecordTooLargeError extends KeelsonError {
  static readonly code = 'KEELSON_RECORD_TOO_LARGE'
  readonly code = 'KEELSON_RECORD_TOO_LARGE'
  /** The encoded size in bytes. */
  readonly bytes: number
  /** The limit in bytes (`maxRecordBytes`). */
  readonly limit: number
  constructor(bytes: number, limit: number) {
    super(`the record takes ${bytes} bytes, and ${limit} are allowed`)
    this.bytes = bytes
    this.limit = limit
  }
}

/** Returns whether a value is a {@link JournalReentrancyError}, of any copy of the package. */
export const isJournalReentrancyError: (error: unknown) => error is JournalReentrancyError = isCode(
  JournalReentrancyError.code,
)
/** Returns whether a value is a {@link JournalOverflowError}, of any copy of the package. */
export const isJournalOverflowError: (error: unknown) => error is JournalOverflowError = isCode(
  JournalOverflowError.code,
)
/** Returns whether a value is a {@link JournalCorruptError}, of any copy of the package. */
export const isJournalCorruptError: (error: unknown) => error is JournalCorruptError = isCode(JournalCorruptError.code)
/** Returns whether a value is a {@link JournalLockedError}, of any copy of the package. */
export const isJournalLockedError: (error: unknown) => error is JournalLockedError = isCode(JournalLockedError.code)
/** Returns whether a value is a {@link JournalFormatError}, of any copy of the package. */
export const isJournalFormatError: (error: unknown) => error is JournalFormatError = isCode(JournalFormatError.code)
/** Returns whether a value is a {@link JournalIoError}, of any copy of the package. */
export const isJournalIoError: (error: unknown) => error is JournalIoError = isCode(JournalIoError.code)
/** Returns whether a value is a {@link JournalGapError}, of any copy of the package. */
export const isJournalGapError: (error: unknown) => error is JournalGapError = isCode(JournalGapError.code)
/** Returns whether a value is a {@link VersionConflictError}, of any copy of the package. */
export const isVersionConflictError: (error: unknown) => error is VersionConflictError = isCode(
  VersionConflictError.code,
)
/** Returns whether a value is a {@link JournalNameInUseError}, of any copy of the package. */
export const isJournalNameInUseError: (error: unknown) => error is JournalNameInUseError = isCode(
  JournalNameInUseError.code,
)
/** Returns whether a value is a {@link ReplayError}, of any copy of the package. */
export const isReplayError: (error: unknown) => error is ReplayError = isCode(ReplayError.code)
/** Returns whether a value is a {@link RecordTooLargeError}, of any copy of the package. */
export const isRecordTooLargeError: (error: unknown) => error is RecordTooLargeError = isCode(RecordTooLargeError.code)
