import type { Request, Response } from 'express'

import type { Shed } from '../atrion/types.ts'

/** Bodies up to this are read and dropped, which keeps the connection; a longer one ends with its connection. */
const MAX_DRAINED = 64 * 1024

/** Answers a request that was not admitted, as cheaply as that is possible. */
export function refuse(req: Request, res: Response, statusCode: number, shed: Shed): void {
  const retryAfterMs = Math.ceil(shed.retryAfterMs)
  const body = `{"error":"overloaded","reason":"${shed.reason}","retryAfterMs":${retryAfterMs}}`
  res.statusCode = statusCode
  // Whole seconds, and never "at once". The estimate is jittered already.
  res.setHeader('Retry-After', Math.max(1, Math.ceil(retryAfterMs / 1000)))
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('Content-Type', 'application/json; charset=utf-8')
  res.setHeader('Content-Length', body.length)
  if (hasLongBody(req)) res.setHeader('Connection', 'close')
  res.end(body)
}

function hasLongBody({ headers, complete, httpVersionMajor }: Request): boolean {
  if (complete || httpVersionMajor !== 1) return false
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > MAX_DRAINED
}
