/** Programs in a process of their own that must end by themselves. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

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

// The report goes to a file, past the streams that the program uses (`PipeWrap`).
const prelude = `const over = () => setImmediate(() => setImmediate(() =>
  require('node:fs').writeFileSync(process.env.KEELSON_HELD,
    JSON.stringify(process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap')))));`

/** Runs a program with this package. It calls `over()` once it has nothing more to do. */
export function runToEnd(program: string): Ended {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-held-'))
  const file = join(folder, 'held.json')
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['-e', `${prelude}${program}`], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, KEELSON_HELD: file },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: HANG_GUARD_MS,
  })
  const held: string[] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : ['it never called over()']
  rmSync(folder, { recursive: true })
  return { status, signal, stdout, stderr, held }
}
