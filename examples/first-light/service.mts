import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface Service {
  readonly url: string
  /** Where a watched server is seen: the URL of its page, and its socket. */
  readonly dashboard?: string
  readonly socket?: string
  stop(): Promise<void>
}

/** What the server says once it listens. */
export interface Listening {
  readonly port: number
  readonly dashboard?: string
  readonly socket?: string
}

/** Starts the server in a process of its own, on a port that is free. */
export async function startService(isProtected: boolean, flags: readonly string[] = []): Promise<Service> {
  const args = isProtected ? ['--protected', ...flags] : flags
  const child = fork(fileURLToPath(new URL('server.mjs', import.meta.url)), args)
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  const gone = once(child, 'exit').then(([code]) => {
    process.off('exit', kill)
    return code as number | null
  })
  const failed = gone.then((code) => {
    throw new Error(`The server ended with code ${code} before it listened.`)
  })
  const [{ port, ...seen }] = (await Promise.race([once(child, 'message'), failed])) as [Listening]
  failed.catch(() => {}) // It ends later, when it is told to.
  return {
    ...seen,
    url: `http://127.0.0.1:${port}/`,
    stop: async () => {
      kill()
      await gone
    },
  }
}
