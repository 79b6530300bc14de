import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

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

/** Where programs lie: inside the package, so that its own name resolves. Ignored by git. */
const folder = join(root, '.cache', 'programs')

/** Runs the text of a module in a process of its own; `meanwhile` and `shell` are as for `node`. */
export async function run(
  program: string,
  { meanwhile, shell }: { meanwhile?: Parameters<typeof node>[1]; shell?: string } = {},
): Promise<Ended> {
  mkdirSync(folder, { recursive: true })
  // A file, because Deno takes the text of `-e` for CommonJS, whatever the type that is asked for.
  const file = join(folder, `${process.pid}-${programs++}.mjs`)
  writeFileSync(file, program)
  try {
    return await node([file], meanwhile, shell)
  } finally {
    rmSync(file)
  }
}
let programs = 0
