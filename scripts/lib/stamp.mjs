// Skipping work whose inputs have not changed: a hash of the inputs, kept in .cache/stamps.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { at, shown } from './paths.mjs'

/** Every file below `path` (or `path` itself), sorted; none when it does not exist. */
export function filesIn(path, keep = () => true) {
  if (!existsSync(path)) return []
  if (statSync(path).isFile()) return keep(path) ? [path] : []
  return readdirSync(path)
    .filter((name) => name !== 'node_modules')
    .toSorted()
    .flatMap((name) => filesIn(join(path, name), keep))
}

/** One hash over the names and contents of the files in `paths`, and over `extra` strings. */
export function fingerprint(paths, extra = []) {
  const hash = createHash('sha256')
  for (const text of extra) hash.update(`${text}\0`)
  for (const file of paths.flatMap((path) => filesIn(path))) {
    hash
      .update(`${shown(file)}\0`)
      .update(readFileSync(file))
      .update('\0')
  }
  return hash.digest('hex')
}

/** Forgets that a piece of work was done. */
export const forget = (name) => rmSync(at('.cache', 'stamps', name), { force: true })

/**
 * Does `work` unless the last run that succeeded had the same `hash` and its `outputs` are still there.
 * Returns whether the work was done.
 */
export async function whenChanged(name, hash, outputs, work) {
  const stamp = at('.cache', 'stamps', name)
  const fresh = existsSync(stamp) && readFileSync(stamp, 'utf8') === hash && outputs.every((path) => existsSync(path))
  if (fresh) return false
  rmSync(stamp, { force: true })
  await work()
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, hash)
  return true
}

/** Writes a file only when its text differs, so that watchers and stamps see real changes only. */
export function writeIfChanged(path, text) {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return false
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return true
}
