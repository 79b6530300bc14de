import type { IncomingMessage, ServerResponse } from 'node:http'

/** Lets a request go on, or hands an error to the framework. */
export type Next = (error?: unknown) => void

/** What a framework's requests and responses are to code that is for all of them. */
export interface Face<Req, Res> {
  /** Node's own request. */
  request(req: Req): IncomingMessage
  /** Node's own response, whose end is listened to. Headers that are set on it are sent. */
  response(res: Res): ServerResponse
  /** The address of the client, as far as the framework believes what proxies say. */
  ip(req: Req): string | undefined
  /** The address that a request would have that comes from a peer with this `X-Forwarded-For`. */
  ipOf(req: Req, peer: string, forwarded: string): string | undefined
  /** Answers a request, with headers that were set before. */
  answer(req: Req, res: Res, statusCode: number, contentType: string, body: string): void
}
