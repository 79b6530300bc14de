import type { IncomingMessage, ServerResponse } from 'node:http'

/** Bodies up to this are read and dropped, which keeps the connection; a longer one ends with its connection. */
const MAX_DRAINED = 64 * 1024

/** Answers with Node's own means, as cheaply as that is possible. */
export function answerRaw(
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

/** Before a refusal: a body that nobody will read is drained by Node if it is short, and else ends the connection. */
export function prepareRefusal(req: IncomingMessage, res: ServerResponse, retryAfterMs: number): void {
  // Whole seconds, and never "at once" (RFC 9110, 10.2.3).
  res.setHeader('Retry-After', Math.max(1, Math.ceil(retryAfterMs / 1000)))
  if (hasLongBody(req)) res.setHeader('Connection', 'close')
}

function hasLongBody({ headers, complete, httpVersionMajor }: IncomingMessage): boolean {
  if (complete || httpVersionMajor !== 1) return false
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > MAX_DRAINED
}
