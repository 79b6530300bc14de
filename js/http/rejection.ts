/** Answers refused requests without harm to their connections. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

import type { Clock } from '../clock/types.ts'

/** Request bodies up to this many bytes are read and dropped, which keeps the connection. A longer one ends it. */
const MAX_DRAINED = 64 * 1024

/**
 * Bounds of what is still read of a longer body, so that its client sees the response. Closing a connection with unread
 * bytes resets it, and a reset takes with it what the client has not read.
 */
const LINGER = { bytes: 64 * 1024 * 1024, totalMs: 30_000, silentMs: 5000, checkMs: 500 }

/** Sends a response by Node's own means, as cheaply as that is possible. */
export function sendRaw(
  _req: IncomingMessage,
  res: ServerResponse,
  statusCode: number,
  contentType: string,
  body: string,
): void {
  res.statusCode = statusCode
  res.setHeader('Content-Type', contentType)
  res.setHeader('Content-Length', Buffer.byteLength(body))
  res.end(body)
}

/**
 * Prepares a response for a refusal: sets `Retry-After`, and deals with the request's body, which nobody will read.
 *
 * A short body is drained by Node. After a longer one the connection ends, once what the client still sends was
 * dropped, within bounds.
 */
export function prepareRejection(req: IncomingMessage, res: ServerResponse, retryAfterMs: number, clock: Clock): void {
  // Whole seconds, at least one (RFC 9110, 10.2.3).
  res.setHeader('Retry-After', Math.max(1, Math.ceil(retryAfterMs / 1000)))
  if (!hasLongBody(req)) return
  res.setHeader('Connection', 'close')
  linger(req, clock)
}

function hasLongBody({ headers, complete, httpVersionMajor }: IncomingMessage): boolean {
  if (complete || httpVersionMajor !== 1) return false
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > MAX_DRAINED
}

/**
 * Delays the end of a connection. Node closes it by `destroySoon` after its last response, and drops what comes until
 * then.
 */
function linger(req: IncomingMessage, clock: Clock): void {
  const { socket } = req
  if (Object.hasOwn(socket, 'destroySoon')) return
  socket.destroySoon = () => {
    Reflect.deleteProperty(socket, 'destroySoon')
    if (req.complete || socket.destroyed) return close(socket)
    socket.end()
    drain(req, socket, clock)
  }
}

function drain(req: IncomingMessage, socket: Socket, clock: Clock): void {
  const began = clock.monoMs()
  const { bytesRead: first } = socket
  let last = { at: began, bytesRead: first }
  const check = (): void => {
    const { bytesRead } = socket
    const now = clock.monoMs()
    if (bytesRead > last.bytesRead) last = { at: now, bytesRead }
    const isOver = now - began >= LINGER.totalMs || now - last.at >= LINGER.silentMs || bytesRead - first > LINGER.bytes
    if (isOver) socket.destroy()
    else again()
  }
  let call: { cancel(): void } | undefined
  const again = (): void => {
    try {
      call = clock.schedule(LINGER.checkMs, check, { ref: false, label: 'the rest of a refused body' })
    } catch {
      // The clock was closed with its system.
      socket.destroy()
    }
  }
  socket.once('close', () => call?.cancel())
  req.once('close', () => close(socket))
  again()
}

function close(socket: Socket): void {
  if (typeof socket.destroySoon === 'function') socket.destroySoon()
  else socket.destroy()
}
