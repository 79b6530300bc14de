/** Programs in a process of their own that must end by themselves. */
import { spawnSync } from 'node:child_process'

import { root } from './root.ts'
import { HANG_GUARD_MS } from './hang-guard.ts'

/** The exit and the output of a program. */
export interface Ended {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** The handles that held its event loop when it called `over()`. Empty: it ends at once, on a slow machine too. */
  readonly held: readonly string[]
}

// The report goes to a file descriptor of its own, past the streams that the program uses (`PipeWrap`).
const prelude = `const over = () => setImmediate(() => setImmediate(() =>
  require('node:fs').writeSync(3, JSON.stringify(process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap')))));`

/** Runs a program with this package. It calls `over()` once it has nothing more to do. */
export function runToEnd(program: string): Ended {
  const { status, signal, output } = spawnSync(process.execPath, ['-e', `${prelude}${program}`], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    timeout: HANG_GUARD_MS,
  })
  const [, stdout = '', stderr = '', report = ''] = output as string[]
  return { status, signal, stdout, stderr, held: report === '' ? ['it never called over()'] : JSON.parse(report) }
}
