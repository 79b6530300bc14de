// The hub over HTTP and WebSockets: the page, its modules, the history of documents, and a socket for each editor.
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'

import { isShedError } from 'keelson'
import { type WebSocket, WebSocketServer } from 'ws'

import type { Hub } from './hub.mjs'
import { isDocumentName, MOST } from './protocol.mjs'
import type { Channel } from './session.mjs'

const HTML = 'text/html; charset=utf-8'
const SCRIPT = 'text/javascript; charset=utf-8'

/** The files of the page. The browser runs the same modules as the server. */
const files: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['page/index.html', HTML],
  '/page.js': ['page/page.js', SCRIPT],
  '/editor.mjs': ['editor.mjs', SCRIPT],
  '/protocol.mjs': ['protocol.mjs', SCRIPT],
  '/sequence.mjs': ['sequence.mjs', SCRIPT],
}

const headers = {
  'content-security-policy':
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
  'cache-control': 'no-store',
}

/** Makes the server of a hub. It does not listen yet. */
export function createCollaboration(hub: Hub): Server {
  const server = createServer((request, response) => void answer(hub, request, response))
  const sockets = new WebSocketServer({
    server,
    path: '/socket',
    maxPayload: MOST.message,
    // A page of another site must not edit with the browser of a reader.
    verifyClient: ({ origin, req }: { origin?: string; req: IncomingMessage }) =>
      origin === undefined || (URL.canParse(origin) && new URL(origin).host === req.headers.host),
  })
  // It repeats the errors of the server, whose owner handles them.
  sockets.on('error', () => {})
  sockets.on('connection', (socket) => attach(hub, socket))
  return server
}

/** Makes a session of a socket. */
function attach(hub: Hub, socket: WebSocket): void {
  let waiting = 0
  const channel: Channel = {
    // The callback comes when the system has taken the bytes: a slow editor holds up its own session alone.
    send: (message) =>
      new Promise((resolve, reject) => socket.send(message, (error) => (error ? reject(error) : resolve()))),
    close: () => socket.close(),
  }
  const session = hub.connect(channel)
  socket.on('message', (data, isBinary) => {
    if (isBinary) return session.end()
    waiting++
    socket.pause()
    void session.receive(String(data)).then(() => {
      if (--waiting === 0) socket.resume()
    })
  })
  socket.on('close', () => session.end())
  // A socket that fails also closes.
  socket.on('error', () => {})
}

async function answer(hub: Hub, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
  const [file, type] = files[pathname] ?? []
  try {
    if (file !== undefined && type !== undefined) {
      const body = await readFile(new URL(file, import.meta.url))
      response.writeHead(200, { ...headers, 'content-type': type }).end(body)
      return
    }
    const document = /^\/history\/([^/]+)$/.exec(pathname)?.[1]
    if (!isDocumentName(document)) {
      response.writeHead(404, headers).end()
      return
    }
    const after = Number(searchParams.get('after') ?? Infinity)
    const body = JSON.stringify(await hub.history(document, after >= 0 ? Math.floor(after) : Infinity))
    response.writeHead(200, { ...headers, 'content-type': 'application/json' }).end(body)
  } catch (error) {
    response.writeHead(isShedError(error) ? 503 : 500, headers).end()
  }
}
