import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

export const root: string = fileURLToPath(new URL('../..', import.meta.url))

/** A directory for one test, gone after it. Tests that run at the same time give their own `atEnd`. */
export function place(atEnd: (clean: () => void) => void = onTestFinished): string {
  const path = mkdtempSync(join(tmpdir(), 'keelson-journal-'))
  atEnd(() => rmSync(path, { recursive: true, force: true }))
  return path
}

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs node; `meanwhile` sees the process and what it has written so far. */
export async function node(
  args: readonly string[],
  meanwhile?: (child: ChildProcess, output: () => string) => Promise<void>,
  shell?: string,
): Promise<Ended> {
  const child =
    shell === undefined
      ? spawn(process.execPath, args, { cwd: root })
      : spawn('bash', ['-c', `${shell}; exec "$0" "$@"`, process.execPath, ...args], { cwd: root })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => (stdout += String(chunk)))
  child.stderr.on('data', (chunk) => (stderr += String(chunk)))
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  await meanwhile?.(child, () => stdout)
  return ended
}

/** Runs a program in its own process. */
export const run = (program: string, shell?: string): Promise<Ended> =>
  node(['--input-type=module', '-e', program], undefined, shell)

/** Looks until it is so. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2))
}
