/** The folder of the sockets of services that this user observes. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Returns the folder in which a service has its socket by default, `<pid>.sock`. */
export function socketFolder(): string {
  const { XDG_RUNTIME_DIR: runtime } = process.env
  if (runtime !== undefined && runtime !== '') return join(runtime, 'keelson')
  return join(tmpdir(), `keelson-${process.getuid?.() ?? 0}`)
}
