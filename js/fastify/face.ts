import type { FastifyReply, FastifyRequest } from 'fastify'

import type { Face } from '../http/face.ts'

/** Fastify's requests and replies stand before Node's own. */
export const fastifyFace: Face<FastifyRequest, FastifyReply> = {
  request: (request) => request.raw,
  response: (reply) => reply.raw,
  ip: (request) => request.ip,
  // There are `ips` when some proxy is trusted; which ones Fastify tells nobody.
  trustsProxies: (request) => (request.ips === undefined ? false : undefined),
  answer: (_, reply, statusCode, contentType, body) => void reply.code(statusCode).type(contentType).send(body),
}
