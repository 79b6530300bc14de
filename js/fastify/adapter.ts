import type { FastifyReply, FastifyRequest } from 'fastify'

import type { Face } from '../http/framework-adapter.ts'

/** Fastify's requests and replies stand before Node's own. */
export const fastifyFace: Face<FastifyRequest, FastifyReply> = {
  request: (request) => request.raw,
  response: (reply) => reply.raw,
  ip: (request) => request.ip,
  // Fastify tells nobody which proxies it trusts, and a number of them is none in its newer versions: so it is asked.
  ipOf: (request, peer, forwarded) => {
    const socket = { remoteAddress: peer }
    const raw = { headers: { 'x-forwarded-for': forwarded }, socket, connection: socket }
    return (Object.create(request, { raw: { value: raw } }) as FastifyRequest).ip
  },
  answer: (_, reply, statusCode, contentType, body) => void reply.code(statusCode).type(contentType).send(body),
}
