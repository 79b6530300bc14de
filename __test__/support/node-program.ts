import { spawn, type ChildProcess } from 'node:child_process'

import { root } from './root.ts'

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs node with `args`; `meanwhile` gets the process and a function that returns its output so far. */
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

/** Runs the text of a module in a process of its own. */
export const run = (program: string, shell?: string): Promise<Ended> =>
  node(['--input-type=module', '-e', program], undefined, shell)
