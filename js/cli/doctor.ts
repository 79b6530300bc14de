/** `keelson doctor`: reports whether keelson can run here, also where its addon cannot be loaded. */
import { observedPids } from '../dashboard/targets.ts'
import { BINDING, type LoadedAddon, loadAddon, platformOf } from '../load-addon.ts'
import { usualSocket } from '../observe/socket-path.ts'
import { VERSION } from '../version.ts'

/** Returns a line for each process of this user whose systems are open to observers. */
export function observedServices(): readonly string[] {
  const lines = observedPids().map((pid) => `observed  process ${pid}, on ${usualSocket(pid)}`)
  return lines.length === 0 ? ['observed  none: a process that calls observe() of keelson/observe is listed'] : lines
}

/** Returns the lines of the report, and whether keelson can run here. */
export function examine(): { readonly lines: readonly string[]; readonly isWell: boolean } {
  const { name, libc, glibc, package: wanted } = platformOf(BINDING)
  const library = libc === undefined ? '' : ` (${glibc === undefined ? libc : `glibc ${glibc}`})`
  const lines = [
    `keelson   ${VERSION}`,
    `node      ${process.version}`,
    `platform  ${name}${library}`,
    `package   ${wanted ?? 'none: keelson is not built for this platform'}`,
  ]
  let found: LoadedAddon
  try {
    found = loadAddon(BINDING)
  } catch (error) {
    const { code, message } = error as { readonly code: string; readonly message: string }
    return { lines: [...lines, `binary    ${code}: ${message}`], isWell: false }
  }
  return { lines: [...lines, `binary    ${found.from}`], isWell: true }
}
