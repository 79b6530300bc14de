import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface Service {
  readonly url: string
  stop(): Promise<void>
}

/** Starts the server in a process of its own, on a port that is free. */
export async function startService(isProtected: boolean): Promise<Service> {
  const child = fork(fileURLToPath(new URL('server.mjs', import.meta.url)), isProtected ? ['--protected'] : [])
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  const gone = once(child, 'exit').then(([code]) => {
    process.off('exit', kill)
    return code as number | null
  })
  const failed = gone.then((code) => {
    throw new Error(`The server ended with code ${code} before it listened.`)
  })
  const [{ port }] = (await Promise.race([once(child, 'message'), failed])) as [{ port: number }]
  failed.catch(() => {}) // It ends later, when it is told to.
  return {
    url: `http://127.0.0.1:${port}/`,
    stop: async () => {
      kill()
      await gone
    },
  }
}
