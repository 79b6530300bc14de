/** `fetch` over the network of a run, as Node's works over a real one. */
import type { ClientRequest, IncomingMessage } from 'node:http'

import { limitOn } from '../../clock/internal-timers.ts'
import type { TimerHandle } from '../../clock/types.ts'
import { builtin } from '../../internal/builtin.ts'
import { isError } from '../../internal/thrown-values.ts'
import type { Endpoint } from '../network/transport.ts'
import { pump, streamOf } from './body-stream.ts'
import type { SimulatedConnection } from './connection.ts'
import { bodyTimeout, fetchFailed, headersTimeout, otherSideClosed, terminated } from './web-errors.ts'
import type { SimulatedWeb } from './web.ts'

/** The longest time without a response, and between two parts of its body, as in Node: in ms. */
const LONGEST_WAIT_MS = 300_000
const NULL_BODY: ReadonlySet<number> = new Set([204, 205, 304])
/** Methods whose requests say that they have no body. */
const WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

/** A request as it is sent. */
export interface Outgoing {
  readonly url: URL
  readonly method: string
  readonly headers: Headers
  readonly body: Buffer | ReadableStream<Uint8Array> | undefined
  readonly signal: AbortSignal
  /** The requests whose signal that is: the host forgets to abort it once they are garbage. */
  readonly sources: readonly unknown[]
}

/** Sends one request. Resolves with its response once that has begun; follows no redirect. */
export function exchange(web: SimulatedWeb, from: Endpoint | undefined, outgoing: Outgoing): Promise<Response> {
  return new Promise((resolve, reject) => {
    const connection = web.connect(outgoing.url, from)
    if (isError(connection)) {
      reject(fetchFailed(connection))
      return
    }
    new HttpExchange(connection, outgoing, from?.clock ?? web.world.clock, { resolve, reject }).begin()
  })
}

interface ResponseSettlers {
  resolve(response: Response): void
  reject(error: unknown): void
}

/** A request and its response over a connection of their own. */
class HttpExchange {
  readonly #connection: SimulatedConnection
  readonly #outgoing: Outgoing
  readonly #clock: Endpoint['clock']
  readonly #settle: ResponseSettlers
  #timer: TimerHandle | undefined
  #request: ClientRequest | undefined
  #response: IncomingMessage | undefined
  /** The error of the body, if it is known. */
  #failure: unknown

  constructor(connection: SimulatedConnection, outgoing: Outgoing, clock: Endpoint['clock'], settle: ResponseSettlers) {
    this.#connection = connection
    this.#outgoing = outgoing
    this.#clock = clock
    this.#settle = settle
  }

  begin(): void {
    const { url, method, body, signal } = this.#outgoing
    const request = builtin('node:http').request({
      createConnection: () => this.#connection.client as never,
      method,
      path: `${url.pathname}${url.search}`,
      headers: this.#headers(),
      setHost: false,
    })
    this.#request = request
    // Until there is a response, somebody waits.
    this.#arm(headersTimeout, true)
    signal.addEventListener('abort', this.#abort, { once: true })
    request.on('response', (response) => this.#respond(response))
    request.on('error', (error) => this.#fail(causeOf(error)))
    if (body === undefined || Buffer.isBuffer(body)) request.end(body)
    else pump(body, request).catch((error: unknown) => this.#giveUp(error))
  }

  readonly #abort = (): void => this.#giveUp(this.#outgoing.signal.reason)

  #headers(): Record<string, string> {
    const { url, method, headers, body } = this.#outgoing
    const all: Record<string, string> = {
      host: url.host,
      connection: 'keep-alive',
      accept: '*/*',
      'accept-language': '*',
      'sec-fetch-mode': 'cors',
      'user-agent': 'node',
    }
    for (const [name, value] of headers) all[name] = value
    if (Buffer.isBuffer(body)) all['content-length'] = String(body.length)
    else if (body !== undefined) all['transfer-encoding'] = 'chunked'
    else if (WITH_BODY.has(method)) all['content-length'] = '0'
    return all
  }

  #respond(message: IncomingMessage): void {
    this.#response = message
    const { statusCode: status = 0, statusMessage = '', rawHeaders } = message
    const headers = new Headers()
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
      headers.append(rawHeaders[at] as string, rawHeaders[at + 1] as string)
    }
    const { answeredAtWallMs } = this.#connection
    if (answeredAtWallMs !== undefined && !headers.has('date')) {
      headers.append('date', new Date(answeredAtWallMs).toUTCString())
    }
    this.#arm(bodyTimeout, false)
    message.on('data', () => this.#arm(bodyTimeout, false))
    message.on('end', () => this.#end())
    const body = streamOf(message, {
      failure: (error) => this.#failure ?? terminated(causeOf(error)),
      onCancel: () => this.#giveUp(undefined),
    })
    const init = { status, statusText: statusMessage, headers }
    try {
      if (NULL_BODY.has(status)) message.resume()
      this.#settle.resolve(new Response(NULL_BODY.has(status) ? null : body, init))
    } catch (error) {
      this.#giveUp(fetchFailed(error))
    }
  }

  /** Ends it with the end of the response. */
  #end(): void {
    this.#disarm()
    this.#connection.close()
  }

  #fail(cause: unknown): void {
    this.#disarm()
    this.#settle.reject(fetchFailed(cause))
  }

  /** Ends it before the end of the response. The server learns of it, if it can be reached. */
  #giveUp(reason: unknown): void {
    this.#disarm()
    this.#failure = reason
    this.#settle.reject(reason)
    const response = this.#response
    if (response === undefined) this.#request?.destroy()
    else response.destroy(isError(reason) ? reason : undefined)
    this.#connection.client.destroy()
  }

  #arm(timeout: () => Error, isAwaited: boolean): void {
    this.#timer?.cancel()
    const { method, url } = this.#outgoing
    const label = `the ${isAwaited ? 'response' : 'body'} of ${method} ${url.href}`
    const giveUp = (): void => {
      const cause = timeout()
      this.#giveUp(isAwaited ? fetchFailed(cause) : terminated(cause))
    }
    this.#timer = limitOn(this.#clock, LONGEST_WAIT_MS, label, giveUp, isAwaited)
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#outgoing.signal.removeEventListener('abort', this.#abort)
  }
}

/** Returns the cause of a failure as `fetch` has it: Node's HTTP speaks of a hang-up. */
function causeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown }).code === 'ECONNRESET' ? otherSideClosed() : error
}
