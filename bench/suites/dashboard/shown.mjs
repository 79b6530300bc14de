// A service with processes, and `keelson top` on a pseudo-terminal that shows it.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { observe } from 'keelson/observe'
import { GenServer } from 'keelson/otp'

const cli = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url))
const behavior = { init: () => 0, handleCast: (_, count) => count + 1 }

/** Starts so many processes, and observes them. Returns their refs and the socket. */
export async function startService(count) {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-bench-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const refs = []
  for (let index = 0; index < count; index++) refs.push(await GenServer.start(behavior))
  const socket = join(folder, 'socket')
  const observation = await observe({ socket, refreshMs: 50 })
  return { refs, socket, folder, observation }
}

/** Starts `keelson top` on a pseudo-terminal. `onData` gets what it draws. */
export function startTop({ socket, folder }, flags, onData) {
  const pidFile = join(folder, 'pid')
  const command = `stty rows 50 columns 160; echo $$ > ${pidFile}; exec ${process.execPath} ${cli} top ${socket} ${flags}`
  const env = { ...process.env, TERM: 'xterm-256color' }
  const child = spawn('script', ['-qfec', `sh -c '${command}'`, '/dev/null'], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdout.on('data', (chunk) => onData(String(chunk)))
  const ended = new Promise((resolve) => child.on('close', resolve))
  const stop = async () => {
    child.stdin.write('q')
    await ended
  }
  return { stop, pid: () => Number(readFileSync(pidFile, 'utf8')) }
}
