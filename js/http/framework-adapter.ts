import type { IncomingMessage, ServerResponse } from 'node:http'

/** Lets a request go on, or hands an error to the framework. */
export type Next = (error?: unknown) => void

/** Translates the requests and responses of one framework for code that serves all of them. */
export interface FrameworkAdapter<Req, Res> {
  /** Returns Node's own request. */
  request(req: Req): IncomingMessage
  /** Returns Node's own response. Headers that are set on it are sent, and its events tell when it ends. */
  response(res: Res): ServerResponse
  /** Returns the address of the client, as far as the framework trusts proxies. */
  clientIp(req: Req): string | undefined
  /** Returns the client's address of a request that `peer` sends with this `X-Forwarded-For`. */
  clientIpFrom(req: Req, peer: string, forwardedFor: string): string | undefined
  /**
   * Called instead of `next` for a request whose client has left and which is not served. Frameworks whose middlewares
   * return promises end them then.
   */
  drop?(req: Req, res: Res): void
  /** Sends a response, with the headers that were set before. */
  send(req: Req, res: Res, statusCode: number, contentType: string, body: string): void
}
