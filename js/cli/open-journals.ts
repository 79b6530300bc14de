/** The durable journals below a directory, and the processes that have them open, for `keelson doctor`. */
import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { InvalidArgumentError } from '../errors/errors.ts'

/** The file that a writer of a journal locks. The core writes it. */
const LOCK = 'keelson.lock'

/** Directories that hold no journals, and much else. */
const SKIPPED: ReadonlySet<string> = new Set(['node_modules', '.git'])

function entriesOf(directory: string): readonly Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
  } catch {
    // It belongs to somebody else, or it is gone.
    return []
  }
}

/** Returns the directories of journals at or below a directory. Follows no symbolic links. */
function journalsIn(directory: string): string[] {
  const entries = entriesOf(directory)
  const here = entries.some((entry) => entry.name === LOCK) ? [directory] : []
  const below = entries.filter((entry) => entry.isDirectory() && !SKIPPED.has(entry.name))
  return [...here, ...below.flatMap(({ name }) => journalsIn(join(directory, name)))]
}

/** Returns the process that locks each file, by the file's inode; `undefined` where the system does not tell. */
function lockOwners(): ReadonlyMap<number, string> | undefined {
  let text: string
  try {
    text = readFileSync('/proc/locks', 'utf8')
  } catch {
    return undefined
  }
  const locks = text.matchAll(/FLOCK +ADVISORY +WRITE +(-?\d+) +[^:]+:[^:]+:(\d+)/g)
  return new Map(Array.from(locks, ([, pid, inode]) => [Number(inode), pid as string]))
}

function stateOf(journal: string, owners: ReadonlyMap<number, string> | undefined): string {
  if (owners === undefined) return 'only Linux tells whether a process has it open'
  const owner = owners.get(statSync(join(journal, LOCK)).ino)
  return owner === undefined ? 'not open' : `open in process ${owner}`
}

/**
 * Returns a line for each journal at or below a directory: whether a process has it open, and which.
 *
 * @throws InvalidArgumentError when it is no directory.
 */
export function openJournals(directory: string): readonly string[] {
  if (!(statSync(directory, { throwIfNoEntry: false })?.isDirectory() ?? false)) {
    throw new InvalidArgumentError('directory', 'a directory', directory)
  }
  const owners = lockOwners()
  const lines = journalsIn(directory).map((journal) => `journal   ${journal}: ${stateOf(journal, owners)}`)
  return lines.length === 0 ? [`journal   none below ${directory}`] : lines
}
