import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

import { InvalidArgumentError } from '../../errors/errors.ts'
import { isAbortEcho } from '../../internal/thrown-values.ts'
import { pump, streamOf } from './body-stream.ts'

/** A fetch-style handler with what Deno passes to it. */
export type InformedHandler = (
  request: Request,
  info: { readonly remoteAddr: { readonly transport: 'tcp'; readonly hostname: string; readonly port: number } },
) => unknown

/** A request of Node as one of the web, and the error that its client has left with. */
interface Incoming {
  readonly request: Request
  readonly left: DOMException
}

/** Runs a handler `(request) => response` behind a server of Node. What it throws goes to `fail`. */
export function listenerOf(handler: InformedHandler, fail: (error: unknown) => void): RequestListener {
  return (message, outgoing) => {
    const incoming = requestOf(message, outgoing)
    answer(handler, incoming.request, message, outgoing).catch((error: unknown) => {
      outgoing.destroy()
      // That its client has left is no fault of a handler.
      if (!isAbortEcho(error, incoming.left)) fail(error)
    })
  }
}

async function answer(
  handler: InformedHandler,
  request: Request,
  { socket }: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const info = {
    remoteAddr: { transport: 'tcp', hostname: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
  } as const
  const response = await handler(request, info)
  if (!(response instanceof Response)) {
    const expected = 'a Response: an app with one parameter is a fetch-style handler'
    throw new InvalidArgumentError('app(request)', expected, response)
  }
  if (outgoing.destroyed) return
  outgoing.statusCode = response.status
  if (response.statusText !== '') outgoing.statusMessage = response.statusText
  for (const [name, value] of response.headers) if (name !== 'set-cookie') outgoing.setHeader(name, value)
  const cookies = response.headers.getSetCookie()
  if (cookies.length > 0) outgoing.setHeader('set-cookie', cookies)
  if (response.body === null) outgoing.end()
  else await pump(response.body, outgoing)
}

/** Returns the request of the web that a message of Node is. */
function requestOf(message: IncomingMessage, outgoing: ServerResponse): Incoming {
  const { method = 'GET', headers, rawHeaders, socket, url = '/' } = message
  const isEncrypted = (socket as { readonly encrypted?: boolean }).encrypted === true
  const pairs: [string, string][] = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    pairs.push([rawHeaders[at] as string, rawHeaders[at + 1] as string])
  }
  const left = new DOMException('The client has left', 'AbortError')
  const gone = new AbortController()
  const hasBody = method !== 'GET' && method !== 'HEAD'
  const request = new Request(`${isEncrypted ? 'https' : 'http'}://${headers.host ?? ''}${url}`, {
    method,
    headers: pairs,
    signal: gone.signal,
    ...(hasBody && { body: streamOf(message, { failure: () => left }), duplex: 'half' }),
  } as RequestInit)
  outgoing.once('close', () => {
    // It has the signal that the host aborts with `gone`, unless it is garbage by then.
    if (!outgoing.writableFinished && !request.signal.aborted) gone.abort(left)
  })
  return { request, left }
}
