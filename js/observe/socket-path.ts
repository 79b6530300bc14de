import type { Stats } from 'node:fs'

import { builtin } from '../internal/builtin.ts'
import { textOf } from '../internal/thrown-values.ts'
import { ObserveAddressError } from './errors.ts'

/** Returns the folder of sockets of this user. */
function socketFolder(): string {
  const { join } = builtin('node:path')
  const runtime = process.env['XDG_RUNTIME_DIR']
  if (runtime !== undefined && runtime !== '') return join(runtime, 'keelson')
  return join(builtin('node:os').tmpdir(), `keelson-${process.getuid?.() ?? 0}`)
}

/** Returns the path of a process's socket where none is chosen. */
export const usualSocket = (pid: number): string => builtin('node:path').join(socketFolder(), `${pid}.sock`)

/**
 * Makes the folder of the usual socket. In a folder of temporary files anybody may have made it first.
 *
 * @throws ObserveAddressError when the folder is not this user's alone.
 */
export function makeSocketFolder(path: string): void {
  const fs = builtin('node:fs')
  const folder = builtin('node:path').dirname(path)
  let found: Stats
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
    found = fs.lstatSync(folder)
  } catch (error) {
    throw new ObserveAddressError('options.socket', path, 'refused', textOf(error))
  }
  const isOwn = found.isDirectory() && found.uid === (process.getuid?.() ?? found.uid)
  if (!isOwn || (found.mode & 0o077) !== 0) throw new ObserveAddressError('options.socket', path, 'not-private', '')
}
