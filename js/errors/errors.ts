/**
 * Every error keelson makes: a class, a stable `code`, a brand that survives realms and duplicate copies of the
 * package, and a guard. The table of codes is the core's (`src/core/error.rs`); a test keeps the two equal.
 */

import { isCode, KeelsonError } from './base.ts'
import { show } from './format-value.ts'

export { type ErrorCode, isKeelsonError, KeelsonError } from './base.ts'

/** An argument or option was refused; nothing was changed. */
export class InvalidArgumentError extends KeelsonError {
  static readonly code: 'KEELSON_INVALID_ARGUMENT' = 'KEELSON_INVALID_ARGUMENT'
  readonly code: 'KEELSON_INVALID_ARGUMENT' = 'KEELSON_INVALID_ARGUMENT'
  /** Which argument or option, as a path: `slo.baselineLatencyMs`. */
  readonly field: string
  /** What was given. */
  readonly value: unknown

  constructor(field: string, expected: string, value: unknown, hint: string = '') {
    super(`${field} must be ${expected}, got ${show(value)}${hint}`)
    this.field = field
    this.value = value
  }
}

/** The object was closed before the call. */
export class ClosedError extends KeelsonError {
  static readonly code: 'KEELSON_CLOSED' = 'KEELSON_CLOSED'
  readonly code: 'KEELSON_CLOSED' = 'KEELSON_CLOSED'
  constructor(what: string) {
    super(`${what} is closed`)
  }
}

/** The name has an owner in this system already. */
export class NameTakenError extends KeelsonError {
  static readonly code: 'KEELSON_NAME_TAKEN' = 'KEELSON_NAME_TAKEN'
  readonly code: 'KEELSON_NAME_TAKEN' = 'KEELSON_NAME_TAKEN'
  /** Which name. */
  readonly taken: string
  constructor(taken: string) {
    super(`the name ${show(taken)} is taken`)
    this.taken = taken
  }
}

/** Admission was refused to keep the service useful. */
export class ShedError extends KeelsonError {
  static readonly code: 'KEELSON_SHED' = 'KEELSON_SHED'
  readonly code: 'KEELSON_SHED' = 'KEELSON_SHED'
  /** The route that refused. */
  readonly route: string
  /** Why, see `ShedReason`. */
  readonly reason: string
  /** When to try again, in milliseconds. */
  readonly retryAfterMs: number
  /** The route's resistance at the decision, in ohms. */
  readonly resistance: number
  constructor(route: string, reason: string, retryAfterMs: number, resistance: number) {
    super(`${route} sheds load: ${reason}, retry after ${Math.ceil(retryAfterMs)} ms`)
    this.route = route
    this.reason = reason
    this.retryAfterMs = retryAfterMs
    this.resistance = resistance
  }
}

/** The work did not end within its time. */
export class TimeoutError extends KeelsonError {
  static readonly code: 'KEELSON_TIMEOUT' = 'KEELSON_TIMEOUT'
  readonly code: 'KEELSON_TIMEOUT' = 'KEELSON_TIMEOUT'
  /** The time it had, in milliseconds. */
  readonly timeoutMs: number
  constructor(what: string, timeoutMs: number, message: string = `${what} timed out after ${timeoutMs} ms`) {
    super(message)
    this.timeoutMs = timeoutMs
  }
}

/** The program around a part is set up so that the part cannot do its work. It is reported, and nothing is refused. */
export class MisconfigurationError extends KeelsonError {
  static readonly code: 'KEELSON_MISCONFIGURED' = 'KEELSON_MISCONFIGURED'
  readonly code: 'KEELSON_MISCONFIGURED' = 'KEELSON_MISCONFIGURED'
  /** What was looked at: the name of the check, which can be turned off. */
  readonly check: string
  constructor(check: string, message: string) {
    super(message)
    this.check = check
  }
}

/** A process of `keelson/process` did not take a message or answer it, or ended. `cause` says why, where there is a reason. */
export class ProcessError extends KeelsonError {
  static readonly code: 'KEELSON_PROCESS' = 'KEELSON_PROCESS'
  readonly code: 'KEELSON_PROCESS' = 'KEELSON_PROCESS'
  /** Which process. */
  readonly processId: string
  constructor(message: string, processId: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.processId = processId
  }
}

/** A controlled clock stopped because timers keep scheduling timers for the same instant. */
export class TimerLoopError extends KeelsonError {
  static readonly code: 'KEELSON_TIMER_LOOP' = 'KEELSON_TIMER_LOOP'
  readonly code: 'KEELSON_TIMER_LOOP' = 'KEELSON_TIMER_LOOP'
  /** The timer that would have fired next: its kind, callback and, where known, its place of creation. */
  readonly timer: string
  constructor(limit: number, atMs: number, timer: string) {
    super(
      `${limit} timers in a row were scheduled for the instant in which they were made (${atMs} ms); the next is ${timer}`,
    )
    this.timer = timer
  }
}

/** A value cannot become bytes and come back the same: see `reason` and `path`. Nothing was stored. */
export class NotPlainError extends KeelsonError {
  static readonly code: 'KEELSON_NOT_PLAIN' = 'KEELSON_NOT_PLAIN'
  readonly code: 'KEELSON_NOT_PLAIN' = 'KEELSON_NOT_PLAIN'
  /** Where, from the value down: `data.user.callback`. */
  readonly path: string
  /** What stands there: `a function`, `a cycle`. */
  readonly reason: string
  constructor(path: string, reason: string) {
    super(`${path} is ${reason}, and only plain data can be stored or shared`)
    this.path = path
    this.reason = reason
  }
}

/** An atom was asked to change by its own updater, or by a watcher while it tells of a change. Nothing changed. */
export class AtomReentrancyError extends KeelsonError {
  static readonly code: 'KEELSON_ATOM_REENTRANT' = 'KEELSON_ATOM_REENTRANT'
  readonly code: 'KEELSON_ATOM_REENTRANT' = 'KEELSON_ATOM_REENTRANT'
  constructor(during: 'notification' | 'an update') {
    super(`Cannot update atom during ${during} (reentrant update)`)
  }
}

/** The name stands for something shared of another kind: an atom, a counter or a flag. Nothing was opened. */
export class SharedKindError extends KeelsonError {
  static readonly code: 'KEELSON_SHARED_KIND' = 'KEELSON_SHARED_KIND'
  readonly code: 'KEELSON_SHARED_KIND' = 'KEELSON_SHARED_KIND'
  /** The name. */
  readonly shared: string
  /** What it stands for: `atom`, `counter`, `flag`. */
  readonly kind: string
  constructor(shared: string, kind: string, wanted: string) {
    super(`the name ${show(shared)} stands for a shared ${kind}, not for a ${wanted}`)
    this.shared = shared
    this.kind = kind
  }
}

/** A journal was asked to change by one of its subscribers, while it tells of an append. Nothing changed. */
export class JournalReentrancyError extends KeelsonError {
  static readonly code: 'KEELSON_JOURNAL_REENTRANT' = 'KEELSON_JOURNAL_REENTRANT'
  readonly code: 'KEELSON_JOURNAL_REENTRANT' = 'KEELSON_JOURNAL_REENTRANT'
  constructor(operation: 'append to' | 'clear' = 'append to') {
    super(`Cannot ${operation} journal while processing subscribers`)
  }
}

/** A journal with `overflow: 'bounded:error'` is full. Nothing was appended. */
export class JournalOverflowError extends KeelsonError {
  static readonly code: 'KEELSON_JOURNAL_OVERFLOW' = 'KEELSON_JOURNAL_OVERFLOW'
  readonly code: 'KEELSON_JOURNAL_OVERFLOW' = 'KEELSON_JOURNAL_OVERFLOW'
  /** How many entries it may hold. */
  readonly maxEntries: number
  constructor(maxEntries: number) {
    super(`Journal overflow: maximum entries (${maxEntries}) reached`)
    this.maxEntries = maxEntries
  }
}

/** Stored history is damaged, and what is there would be wrong. Nothing was read past the damage. */
export class JournalCorruptError extends KeelsonError {
  static readonly code: 'KEELSON_JOURNAL_CORRUPT' = 'KEELSON_JOURNAL_CORRUPT'
  readonly code: 'KEELSON_JOURNAL_CORRUPT' = 'KEELSON_JOURNAL_CORRUPT'
  /** The segment file, or what else was read. */
  readonly segment: string
  /** Where the damage begins: bytes into the segment, or the index of an entry. */
  readonly offset: number
  /** What is wrong there. */
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
  static readonly code: 'KEELSON_JOURNAL_LOCKED' = 'KEELSON_JOURNAL_LOCKED'
  readonly code: 'KEELSON_JOURNAL_LOCKED' = 'KEELSON_JOURNAL_LOCKED'
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
  static readonly code: 'KEELSON_JOURNAL_FORMAT' = 'KEELSON_JOURNAL_FORMAT'
  readonly code: 'KEELSON_JOURNAL_FORMAT' = 'KEELSON_JOURNAL_FORMAT'
  /** The directory or file. */
  readonly path: string
  /** Why it is refused. */
  readonly reason: string
  constructor(path: string, reason: string) {
    super(`${show(path)} is not a journal this version can use: ${reason}`)
    this.path = path
    this.reason = reason
  }
}

/** The operating system refused; the journal is closed, and what was acknowledged before is on disk. */
export class JournalIoError extends KeelsonError {
  static readonly code: 'KEELSON_JOURNAL_IO' = 'KEELSON_JOURNAL_IO'
  readonly code: 'KEELSON_JOURNAL_IO' = 'KEELSON_JOURNAL_IO'
  /** What was tried: `write`, `sync`, `open`. */
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
  static readonly code: 'KEELSON_JOURNAL_GAP' = 'KEELSON_JOURNAL_GAP'
  readonly code: 'KEELSON_JOURNAL_GAP' = 'KEELSON_JOURNAL_GAP'
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

/** A record is larger than the journal allows. Nothing was appended. */
export class RecordTooLargeError extends KeelsonError {
  static readonly code: 'KEELSON_RECORD_TOO_LARGE' = 'KEELSON_RECORD_TOO_LARGE'
  readonly code: 'KEELSON_RECORD_TOO_LARGE' = 'KEELSON_RECORD_TOO_LARGE'
  /** How large it is, encoded. */
  readonly bytes: number
  /** How large it may be (`maxRecordBytes`). */
  readonly limit: number
  constructor(bytes: number, limit: number) {
    super(`the record takes ${bytes} bytes, and ${limit} are allowed`)
    this.bytes = bytes
    this.limit = limit
  }
}

/** The task's lease has ended; `outcome` says how. */
export class LeaseEndedError extends KeelsonError {
  static readonly code: 'KEELSON_LEASE_ENDED' = 'KEELSON_LEASE_ENDED'
  readonly code: 'KEELSON_LEASE_ENDED' = 'KEELSON_LEASE_ENDED'
  /** The route of the task. */
  readonly route: string
  /** How it ended: `completed`, `failed`, `timeout` or `aborted`. */
  readonly outcome: string
  constructor(route: string, outcome: string) {
    super(`the lease of a task of ${route} is no longer active: ${outcome}`)
    this.route = route
    this.outcome = outcome
  }
}

/** A state provider did not answer in time, or with something that is no answer. `cause` has its own words, where there are some. */
export class ProviderError extends KeelsonError {
  static readonly code: 'KEELSON_PROVIDER' = 'KEELSON_PROVIDER'
  readonly code: 'KEELSON_PROVIDER' = 'KEELSON_PROVIDER'
  /** Which provider. */
  readonly provider: string
  constructor(provider: string, message: string, cause?: unknown) {
    super(`${provider}: ${message}`, cause === undefined ? undefined : { cause })
    this.provider = provider
  }
}

/** An optional package that was asked for is not installed. */
export class DependencyMissingError extends KeelsonError {
  static readonly code: 'KEELSON_DEPENDENCY_MISSING' = 'KEELSON_DEPENDENCY_MISSING'
  readonly code: 'KEELSON_DEPENDENCY_MISSING' = 'KEELSON_DEPENDENCY_MISSING'
  /** The packages of which one is needed. */
  readonly packages: readonly string[]
  constructor(what: string, packages: readonly string[], cause?: unknown) {
    const install = packages.map((name) => `npm install ${name}`).join(' or ')
    super(`${what} needs ${packages.join(' or ')}: ${install}`, cause === undefined ? undefined : { cause })
    this.packages = packages
  }
}

/** The Rust core panicked. The process lives; discard the object involved and report the bug. */
export class NativePanicError extends KeelsonError {
  static readonly code: 'KEELSON_PANIC' = 'KEELSON_PANIC'
  readonly code: 'KEELSON_PANIC' = 'KEELSON_PANIC'
  constructor(panic: string) {
    super(`keelson's core panicked: ${panic}`)
  }
}

/** The native addon could not be loaded. */
export class NativeMissingError extends KeelsonError {
  static readonly code: 'KEELSON_NATIVE_MISSING' = 'KEELSON_NATIVE_MISSING'
  readonly code: 'KEELSON_NATIVE_MISSING' = 'KEELSON_NATIVE_MISSING'
  constructor(cause: unknown) {
    const platform = `${process.platform}-${process.arch}`
    super(
      `keelson's native addon could not be loaded on ${platform}. If the package was installed with a lockfile from ` +
        'another platform or with optional dependencies left out, install it again; in a checkout, run `npm run build`.',
      { cause },
    )
  }
}

/** The package was loaded by a Node that is too old for it. Nothing works. */
export class UnsupportedNodeError extends KeelsonError {
  static readonly code: 'KEELSON_UNSUPPORTED_NODE' = 'KEELSON_UNSUPPORTED_NODE'
  readonly code: 'KEELSON_UNSUPPORTED_NODE' = 'KEELSON_UNSUPPORTED_NODE'
  /** Which versions will do, as `engines` in the package has it. */
  readonly needed: string
  constructor(needed: string, version: string) {
    super(`keelson needs Node ${needed}, and this is ${version}`)
    this.needed = needed
  }
}

/** Guard for {@link InvalidArgumentError}. */
export const isInvalidArgumentError: (error: unknown) => error is InvalidArgumentError = isCode(
  InvalidArgumentError.code,
)
/** Guard for {@link ClosedError}. */
export const isClosedError: (error: unknown) => error is ClosedError = isCode(ClosedError.code)
/** Guard for {@link NameTakenError}. */
export const isNameTakenError: (error: unknown) => error is NameTakenError = isCode(NameTakenError.code)
/** Guard for {@link ShedError}. */
export const isShedError: (error: unknown) => error is ShedError = isCode(ShedError.code)
/** Guard for {@link TimeoutError}. */
export const isTimeoutError: (error: unknown) => error is TimeoutError = isCode(TimeoutError.code)
/** Guard for {@link TimerLoopError}. */
export const isTimerLoopError: (error: unknown) => error is TimerLoopError = isCode(TimerLoopError.code)
/** Guard for {@link NotPlainError}. */
export const isNotPlainError: (error: unknown) => error is NotPlainError = isCode(NotPlainError.code)
/** Guard for {@link AtomReentrancyError}. */
export const isAtomReentrancyError: (error: unknown) => error is AtomReentrancyError = isCode(AtomReentrancyError.code)
/** Guard for {@link SharedKindError}. */
export const isSharedKindError: (error: unknown) => error is SharedKindError = isCode(SharedKindError.code)
/** Guard for {@link JournalReentrancyError}. */
export const isJournalReentrancyError: (error: unknown) => error is JournalReentrancyError = isCode(
  JournalReentrancyError.code,
)
/** Guard for {@link JournalOverflowError}. */
export const isJournalOverflowError: (error: unknown) => error is JournalOverflowError = isCode(
  JournalOverflowError.code,
)
/** Guard for {@link JournalCorruptError}. */
export const isJournalCorruptError: (error: unknown) => error is JournalCorruptError = isCode(JournalCorruptError.code)
/** Guard for {@link JournalLockedError}. */
export const isJournalLockedError: (error: unknown) => error is JournalLockedError = isCode(JournalLockedError.code)
/** Guard for {@link JournalFormatError}. */
export const isJournalFormatError: (error: unknown) => error is JournalFormatError = isCode(JournalFormatError.code)
/** Guard for {@link JournalGapError}. */
export const isJournalGapError: (error: unknown) => error is JournalGapError = isCode(JournalGapError.code)
/** Guard for {@link JournalIoError}. */
export const isJournalIoError: (error: unknown) => error is JournalIoError = isCode(JournalIoError.code)
/** Guard for {@link RecordTooLargeError}. */
export const isRecordTooLargeError: (error: unknown) => error is RecordTooLargeError = isCode(RecordTooLargeError.code)
/** Guard for {@link MisconfigurationError}. */
export const isMisconfigurationError: (error: unknown) => error is MisconfigurationError = isCode(
  MisconfigurationError.code,
)
/** Guard for {@link ProcessError}. */
export const isProcessError: (error: unknown) => error is ProcessError = isCode(ProcessError.code)
/** Guard for {@link LeaseEndedError}. */
export const isLeaseEndedError: (error: unknown) => error is LeaseEndedError = isCode(LeaseEndedError.code)
/** Guard for {@link ProviderError}. */
export const isProviderError: (error: unknown) => error is ProviderError = isCode(ProviderError.code)
/** Guard for {@link DependencyMissingError}. */
export const isDependencyMissingError: (error: unknown) => error is DependencyMissingError = isCode(
  DependencyMissingError.code,
)
/** Guard for {@link NativePanicError}. */
export const isNativePanicError: (error: unknown) => error is NativePanicError = isCode(NativePanicError.code)
/** Guard for {@link NativeMissingError}. */
export const isNativeMissingError: (error: unknown) => error is NativeMissingError = isCode(NativeMissingError.code)
/** Guard for {@link UnsupportedNodeError}. */
export const isUnsupportedNodeError: (error: unknown) => error is UnsupportedNodeError = isCode(
  UnsupportedNodeError.code,
)
