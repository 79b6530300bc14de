import type { Server } from 'node:http'
import { createRequire } from 'node:module'

import { onTestFinished } from 'vitest'

type Handler = (request: Request, env: never) => Response | Promise<Response>

// Its types need those of a browser.
const { serve: serveHandler } = createRequire(import.meta.url)('@hono/node-server') as {
  serve(options: { fetch: Handler; port: number; hostname: string }, listener: () => void): Server
}

/** Serves a fetch-style handler by `@hono/node-server` on a free port until the test ends. */
export async function serveFetch(fetch: Handler): Promise<{ server: Server; origin: string; port: number }> {
  const server = await new Promise<Server>((resolve) => {
    const opened = serveHandler({ fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(opened))
  })
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as { port: number }
  return { server, origin: `http://127.0.0.1:${port}`, port }
}

/** A body that a test writes by hand. */
export function body() {
  let controller!: ReadableStreamDefaultController<Uint8Array>
  let cancelled: unknown
  let pulls = 0
  const stream = new ReadableStream<Uint8Array>(
    {
      start: (given) => void (controller = given),
      pull: () => void pulls++,
      cancel: (reason) => void (cancelled = reason ?? 'cancelled'),
    },
    { highWaterMark: 0 },
  )
  return {
    stream,
    write: (text: string) => controller.enqueue(new TextEncoder().encode(text)),
    end: () => controller.close(),
    fail: (error: Error) => controller.error(error),
    get cancelled() {
      return cancelled
    },
    get pulls() {
      return pulls
    },
  }
}
