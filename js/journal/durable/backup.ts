import { builtin } from '../../internal/builtin.ts'
import { holdTime } from '../../clock/internal-timers.ts'
import type { Clock } from '../../clock/types.ts'
import { ClosedError, InvalidArgumentError } from '../../errors/errors.ts'
import { forget, hold, listen, release } from '../../internal/inbox.ts'
import { native } from '../../native.ts'
import { errorOf } from './failure.ts'
import type { BackupReport } from './stream-types.ts'

/** @throws InvalidArgumentError when the directory holds files. */
export async function assertEmpty(directory: string): Promise<void> {
  const names = await builtin('node:fs/promises')
    .readdir(directory)
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    })
  if (names.length === 0) return
  throw new InvalidArgumentError('directory', 'a directory that is empty or not there yet', directory)
}

/** Copies the files of an open journal, on a thread of the core. */
export async function backUp(id: number, directory: string, clock: Clock): Promise<BackupReport> {
  let wake: (() => void) | undefined
  const token = listen(() => wake?.())
  const { wallMs, monoMs } = clock.now()
  hold()
  const resumeTime = holdTime(clock, 'the backup of a journal')
  try {
    const backup = native.journalBackUp(id, directory, token, wallMs, monoMs)
    if (backup === null) throw new ClosedError('the journal')
    let done = native.journalBackedUp(backup)
    while (done === null) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
      done = native.journalBackedUp(backup)
    }
    if (done.failure) throw errorOf(done.failure, () => directory)
    const { next, entries, bytes, linked } = done
    return { path: directory, nextSequence: next, entries, bytes, linked }
  } finally {
    forget(token)
    release()
    resumeTime()
  }
}
