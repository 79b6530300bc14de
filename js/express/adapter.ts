import type { Request, Response } from 'express'

import type { Face } from '../http/framework-adapter.ts'
import { answerRaw } from '../http/rejection.ts'

/** Express's requests and responses are Node's own. What else calls `(req, res, next)` has less of them. */
export const expressFace: Face<Request, Response> = {
  request: (req) => req,
  response: (res) => res,
  ip: (req) => (req.app === undefined ? req.socket.remoteAddress : req.ip),
  ipOf: (req, peer, forwarded) => (req.app === undefined ? peer : asked(req, peer, forwarded).ip),
  answer: answerRaw,
}

/** A request of the same app, from a peer that says this of where it comes from. */
function asked(req: Request, peer: string, forwarded: string): Request {
  const socket = { remoteAddress: peer }
  return Object.create(Object.getPrototypeOf(req) as object, {
    app: { value: req.app },
    headers: { value: { 'x-forwarded-for': forwarded } },
    socket: { value: socket },
    connection: { value: socket },
  }) as Request
}
