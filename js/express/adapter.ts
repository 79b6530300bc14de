import type { Request, Response } from 'express'

import type { FrameworkAdapter } from '../http/framework-adapter.ts'
import { sendRaw } from '../http/rejection.ts'

/**
 * Express's requests and responses, which are Node's own. Other callers of `(req, res, next)` have no `req.app`; the
 * client's address is then that of the connection.
 */
export const expressAdapter: FrameworkAdapter<Request, Response> = {
  request: (req) => req,
  response: (res) => res,
  clientIp: (req) => (req.app === undefined ? req.socket.remoteAddress : req.ip),
  clientIpFrom: (req, peer, forwardedFor) => (req.app === undefined ? peer : requestFrom(req, peer, forwardedFor).ip),
  send: sendRaw,
}

/** Returns a request of the same app that `peer` sends with this `X-Forwarded-For`. */
function requestFrom(req: Request, peer: string, forwardedFor: string): Request {
  const socket = { remoteAddress: peer }
  return Object.create(Object.getPrototypeOf(req) as object, {
    app: { value: req.app },
    headers: { value: { 'x-forwarded-for': forwardedFor } },
    socket: { value: socket },
    connection: { value: socket },
  }) as Request
}
