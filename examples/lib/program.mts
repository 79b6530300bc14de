// The frame of an example's program: one clear line for what a user can mend, and an exit code.
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { types } from 'node:util'

/** An input of the user that an example refuses. The message is one line, and says what to do. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

type SystemError = Error & { code?: string; path?: string; syscall?: string; port?: number; cause?: unknown }

const WRITE = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'ENOTDIR', 'ENOENT'])

/** Returns the one line for an error that its user can mend. `undefined`: it is a fault of the program. */
export function explain(error: unknown): string | undefined {
  // `instanceof Error` fails for errors of another realm, as under jest.
  if (!types.isNativeError(error)) return undefined
  const { code, path, syscall, port, message, cause } = error as SystemError
  if (error instanceof Refusal) return message
  if (syscall === 'listen') {
    const reason = code === 'EADDRINUSE' ? 'is taken' : `cannot be used (${code})`
    return `Port ${port} ${reason}: choose another with --port, or 0 for any.`
  }
  if (code === 'KEELSON_JOURNAL_LOCKED') return message
  if (code === 'KEELSON_JOURNAL_IO') return message
  if (code !== undefined && WRITE.has(code) && path !== undefined) return `Cannot use ${path}: ${code}.`
  return explain(cause)
}

/** Runs the main function of an example. What its user can mend ends the program with one line and exit code 1. */
export async function program(main: () => Promise<void> | void): Promise<void> {
  try {
    await main()
  } catch (error) {
    const line = explain(error)
    if (line === undefined) throw error
    console.error(line)
    // Servers and timers that were made before must not keep the program alive.
    process.exit(1)
  }
}

/** Listens on the loopback interface. Resolves with the URL. */
export async function listen(server: Server, port = 0): Promise<string> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Resolves with the first signal that asks the program to end. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, resolve)
  })
}
