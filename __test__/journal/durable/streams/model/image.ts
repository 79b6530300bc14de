import {
  closeSync,
  copyFileSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'

const HEADER = 64

/** The end of the last segment of a journal, and the names of all. */
export interface End {
  readonly name: string
  readonly size: number
  readonly files: readonly string[]
}

export function endOf(path: string): End {
  const files = readdirSync(path)
    .filter((file) => file.endsWith('.segment'))
    .toSorted()
  const name = files.at(-1) as string
  return { name, size: statSync(join(path, name)).size, files }
}

/** Copies the files of a journal as a kill would leave them. */
export function copyFiles(from: string, to: string): void {
  while (!wereCopied(from, to)) rmSync(to, { recursive: true })
}

/** Returns false when a file was removed meanwhile: the copy is of no moment then. */
function wereCopied(from: string, to: string): boolean {
  mkdirSync(to, { recursive: true })
  // Saved states first: what they stand for is in the journal by then.
  const states = join(from, 'states')
  if (existsSync(states)) copyFiles(states, join(to, 'states'))
  // The names first: a segment that begins meanwhile is not of this moment.
  const files = readdirSync(from, { withFileTypes: true }).filter((file) => file.isFile())
  try {
    for (const { name } of files) copyFileSync(join(from, name), join(to, name))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return false
  }
}

/**
 * Cuts the last segment behind what was synced, as a power cut may. `part` is from 0 to 1. Nothing is cut when a segment
 * was removed since: a journal syncs what takes the place of entries before it removes them.
 */
export function cut(path: string, synced: End, part: number): void {
  if (synced.files.some((file) => !existsSync(join(path, file)))) return
  const { name, size } = endOf(path)
  const least = name === synced.name ? synced.size : HEADER
  const file = openSync(join(path, name), 'r+')
  ftruncateSync(file, Math.round(least + (size - least) * part))
  closeSync(file)
}
