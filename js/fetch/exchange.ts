/**
 * A request of a fetch-style handler, with the interface of Node's request and response.
 *
 * The middlewares of `js/http` read a request, set headers and a status, and learn of its end by events. An exchange
 * offers what they use, as an HTTP/2 stream of Node does: one request that ends by itself, beside others of its
 * connection.
 */
import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'

import { whenAborted } from '../internal/abort-hub.ts'
import { addressOf } from './platform-address.ts'

type HeaderValue = string | number | readonly string[]

/** The status of a request whose client has left, for logs. Nobody gets it. */
const CLIENT_CLOSED_REQUEST = 499
const FAILED = 500

/** The part of Node's response that the middlewares use. */
class ExchangeResponse extends EventEmitter {
  statusCode = 200
  headersSent = false
  writableEnded = false
  writableFinished = false
  destroyed = false
  /** Present in responses over HTTP/2. */
  readonly stream: { destroyed: boolean } = { destroyed: false }
  /** By names in lower case: the name as it was set, and the value. */
  readonly headers = new Map<string, readonly [name: string, value: HeaderValue]>()

  constructor() {
    super()
    // A listener for each middleware of the request, and for each gate.
    this.setMaxListeners(0)
  }

  setHeader(name: string, value: HeaderValue): this {
    this.headers.set(name.toLowerCase(), [name, value])
    return this
  }

  getHeader(name: string): HeaderValue | undefined {
    return this.headers.get(name.toLowerCase())?.[1]
  }

  removeHeader(name: string): void {
    this.headers.delete(name.toLowerCase())
  }

  /** The handler has done its work. */
  end(): void {
    if (this.writableEnded || this.destroyed) return
    this.writableEnded = true
    this.writableFinished = true
    this.emit('finish')
    this.#close()
  }

  /** The client has left. */
  destroy(): void {
    if (this.writableEnded || this.destroyed) return
    this.#close()
  }

  #close(): void {
    this.destroyed = true
    this.stream.destroyed = true
    this.emit('close')
  }
}

/** One request, shared by all middlewares that it meets. */
export class Exchange {
  /** The id that a request journal gave the request. */
  id: string | undefined
  readonly request: Request
  /** The second argument of the platform's handler, such as `env`, or the context of Hono. */
  readonly context: unknown
  /** The response of the handler, once there is one. */
  answer: Response | undefined
  readonly #response = new ExchangeResponse()
  #incoming: IncomingMessage | undefined
  #stop: (() => void) | undefined

  constructor(request: Request, context: unknown) {
    this.request = request
    this.context = context
    this.#stop = whenAborted(request.signal as AbortSignal | undefined, () => this.leave())
    if ((request.signal as AbortSignal | undefined)?.aborted === true) this.leave()
  }

  /** The interface of Node's request. */
  get incoming(): IncomingMessage {
    this.#incoming ??= incomingOf(this.request, this.address)
    return this.#incoming
  }

  /** The interface of Node's response. */
  get outgoing(): ServerResponse {
    return this.#response as unknown as ServerResponse
  }

  /** The address of the connection, where the platform tells it. */
  get address(): string | undefined {
    return addressOf(this.request, this.context)
  }

  /** The response to a request that is not served, because its client has left. */
  dropped(): Response {
    return new Response(null, { status: CLIENT_CLOSED_REQUEST })
  }

  /** The client has left. */
  leave(): void {
    this.#stop?.()
    this.#response.destroy()
  }

  /** Takes the handler's response: it gets the headers that were set, and its end is the end of the request. */
  complete(answer: Response): Response {
    this.answer = answer
    const response = this.#response
    if (!(answer instanceof Response) || answer.status < 200) {
      // An upgrade, or what a platform of its own makes of it: no response to add to.
      response.statusCode = 101
      this.#end()
      return answer
    }
    response.statusCode = answer.status
    const { body } = answer
    if (body === null || answer.bodyUsed || response.destroyed) {
      this.#end()
      return withHeaders(answer, response.headers, undefined)
    }
    response.headersSent = true
    return withHeaders(answer, response.headers, this.#watched(body))
  }

  /** The handler has failed. The platform answers. */
  fail(): void {
    this.#response.statusCode = FAILED
    this.#end()
  }

  #end(): void {
    this.#stop?.()
    this.#response.end()
  }

  /**
   * Returns a stream of the same chunks. Its source is read two chunks ahead, so that a body which is there at once ends
   * at once, however slowly its client reads.
   */
  #watched(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    const reader = body.getReader()
    return new ReadableStream(
      {
        pull: async (controller) => {
          try {
            const { done, value } = await reader.read()
            if (!done) return controller.enqueue(value)
            this.#end()
            controller.close()
          } catch (error) {
            this.leave()
            controller.error(error)
          }
        },
        cancel: async (reason) => {
          this.leave()
          await reader.cancel(reason)
        },
      },
      { highWaterMark: 2 },
    )
  }
}

/** Returns a response with more headers; those that it has already stay. */
function withHeaders(
  answer: Response,
  headers: ReadonlyMap<string, readonly [name: string, value: HeaderValue]>,
  body: ReadableStream<Uint8Array> | undefined,
): Response {
  const missing = [...headers.values()].filter(([name]) => !answer.headers.has(name))
  if (body === undefined && missing.length === 0) return answer
  const { status, statusText } = answer
  const response = new Response(body ?? null, { status, statusText, headers: answer.headers })
  for (const [name, value] of missing) {
    for (const one of typeof value === 'object' ? value : [value]) response.headers.append(name, String(one))
  }
  return response
}

/** Returns the part of Node's request that the middlewares use. Its body is left to the platform. */
function incomingOf(request: Request, remoteAddress: string | undefined): IncomingMessage {
  const { method, url } = request
  const path = url.indexOf('/', url.indexOf('//') + 2)
  const incoming = {
    method,
    url: path === -1 ? '/' : url.slice(path),
    headers: Object.fromEntries(request.headers.entries()),
    complete: true,
    httpVersionMajor: 2,
    socket: { remoteAddress, destroyed: false },
  }
  return incoming as unknown as IncomingMessage
}
