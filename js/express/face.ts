import type { Request, Response } from 'express'

import type { Face } from '../http/face.ts'
import { answerRaw } from '../http/refusal.ts'

/** Express's requests and responses are Node's own. What else calls `(req, res, next)` has less of them. */
export const expressFace: Face<Request, Response> = {
  request: (req) => req,
  response: (res) => res,
  ip: (req) => (req.app === undefined ? req.socket.remoteAddress : req.ip),
  trustsProxies: (req) => {
    const trust: unknown = (req.app as Request['app'] | undefined)?.get('trust proxy')
    return typeof trust === 'boolean' ? trust : trust === undefined ? false : undefined
  },
  answer: answerRaw,
}
