import type { FastifyReply, FastifyRequest } from 'fastify'

import type { FrameworkAdapter } from '../http/framework-adapter.ts'

/** Fastify's requests and replies, which wrap Node's own. */
export const fastifyAdapter: FrameworkAdapter<FastifyRequest, FastifyReply> = {
  request: (request) => request.raw,
  response: (reply) => reply.raw,
  clientIp: (request) => request.ip,
  // Fastify does not tell which proxies it trusts, so this asks it about a request that a proxy would send.
  clientIpFrom: (request, peer, forwardedFor) => {
    const socket = { remoteAddress: peer }
    const raw = { headers: { 'x-forwarded-for': forwardedFor }, socket, connection: socket }
    return (Object.create(request, { raw: { value: raw } }) as FastifyRequest).ip
  },
  send: (_, reply, statusCode, contentType, body) => void reply.code(statusCode).type(contentType).send(body),
}
