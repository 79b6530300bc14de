import { getSystemErrorName } from 'node:util'

import { ClosedError, InvalidArgumentError } from '../../errors/errors.ts'
import {
  JournalCorruptError,
  JournalFormatError,
  JournalIoError,
  JournalLockedError,
  JournalOverflowError,
  RecordTooLargeError,
  VersionConflictError,
} from '../errors.ts'
import type { NativeJournalFailure } from '../../native.ts'

/** Returns the system's name of an error number. */
function osCode(number: number): string {
  try {
    return getSystemErrorName(-number)
  } catch {
    return number === 0 ? 'UNKNOWN' : `E${number}`
  }
}

/** Returns the error of a failure that the core reported. `optionOf` returns the value of an option by name. */
export function errorOf(
  failure: NativeJournalFailure | null | undefined,
  optionOf: (option: string) => unknown = () => undefined,
): Error {
  const { path = '', reason = '', offset = 0, bytes = 0, limit = 0 } = failure ?? {}
  switch (failure?.code) {
    case 'KEELSON_JOURNAL_IO':
      return new JournalIoError(failure.operation ?? '', path, osCode(failure.os ?? 0))
    case 'KEELSON_JOURNAL_CORRUPT':
      return new JournalCorruptError(failure.segment ?? '', offset, reason)
    case 'KEELSON_JOURNAL_LOCKED':
      return new JournalLockedError(path)
    case 'KEELSON_JOURNAL_FORMAT':
      return new JournalFormatError(path, reason)
    case 'KEELSON_RECORD_TOO_LARGE':
      return new RecordTooLargeError(bytes, limit)
    case 'KEELSON_JOURNAL_OVERFLOW':
      return new JournalOverflowError(limit)
    case 'KEELSON_VERSION_CONFLICT':
      return new VersionConflictError(failure.stream ?? '', failure.expected ?? 0, failure.actual ?? 0)
    case 'KEELSON_JOURNAL_DIFFERS':
      return new InvalidArgumentError(
        `options.${path}`,
        `${reason}, as this process has the journal open`,
        optionOf(path),
      )
    case 'KEELSON_INVALID_ARGUMENT':
      return new InvalidArgumentError(path, reason, undefined)
    default:
      return new ClosedError('the journal')
  }
}
