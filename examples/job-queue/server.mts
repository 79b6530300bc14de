// A door for curl: adds jobs over HTTP, and shows what became of them.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'

import type { JobQueue, JobRequest } from './queue.mjs'

const MOST_BYTES = 100_000

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const chunk of request) {
    text += String(chunk)
    if (text.length > MOST_BYTES) throw new TypeError('the body is too large')
  }
  return JSON.parse(text)
}

/** @throws TypeError for anything but a job. */
function jobOf(body: unknown): JobRequest {
  const { id, kind, data, delayMs = 0 } = Object(body) as Record<string, unknown>
  if (typeof id !== 'string' || typeof kind !== 'string') throw new TypeError('a job has an id and a kind, as text')
  if (typeof delayMs !== 'number' || !(delayMs >= 0)) throw new TypeError('delayMs is a number from 0')
  return { id, kind, data, delayMs }
}

async function answer(queue: JobQueue, request: IncomingMessage): Promise<[status: number, body: unknown]> {
  const { method, url = '/' } = request
  if (method === 'GET' && url === '/') return [200, await queue.report()]
  if (method === 'POST' && url === '/jobs') {
    const added = await queue.add(jobOf(await bodyOf(request)))
    return [added === 0 ? 200 : 201, { added }]
  }
  const [, dead] = /^\/dead\/(.+)$/.exec(url) ?? []
  if (method === 'POST' && dead !== undefined) {
    const revived = await queue.revive(decodeURIComponent(dead))
    return [revived ? 200 : 404, { revived }]
  }
  return [404, { error: 'GET /, POST /jobs, or POST /dead/<id>' }]
}

/** Makes an HTTP server of a queue. It does not listen yet. */
export function createJobServer(queue: JobQueue): Server {
  const reply = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // A body that is no job is the client's fault. The caller of `add` gets the text of any other refusal as well.
    const [status, body] = await answer(queue, request).catch(
      (error: Error) => [400, { error: error.message }] as const,
    )
    response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body, null, 2)}\n`)
  }
  return createServer((request, response) => void reply(request, response))
}
