import type { Endpoint } from '../network/transport.ts'
import { exchange, type Outgoing } from './client.ts'
import { fetchFailed } from './web-errors.ts'
import type { SimulatedWeb } from './web.ts'

const MOST_REDIRECTS = 20
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
/** Headers of a request that go with its body, and those that another origin must not see. */
const OF_BODY = ['content-encoding', 'content-language', 'content-location', 'content-type', 'content-length']
const OF_ORIGIN = ['authorization', 'proxy-authorization', 'cookie', 'host']

/**
 * Sends a request from a node, or from the program, as Node's `fetch` would: with its checks, its errors, and redirects.
 */
export async function fetchFrom(
  web: SimulatedWeb,
  from: Endpoint | undefined,
  input: string | URL | Request,
  init: RequestInit | undefined,
): Promise<Response> {
  const request = new Request(input, init)
  const { signal, redirect } = request
  signal.throwIfAborted()
  let outgoing: Outgoing = {
    url: new URL(request.url),
    method: request.method,
    headers: new Headers(request.headers),
    body: await bodyOf(web, request, init),
    signal,
    sources: [request, input],
  }
  for (let redirects = 0; ; redirects++) {
    signal.throwIfAborted()
    if (!/^https?:$/.test(outgoing.url.protocol)) throw fetchFailed(new Error('unknown scheme'))
    const response = await exchange(web, from, outgoing)
    const location = REDIRECTS.has(response.status) ? response.headers.get('location') : null
    if (location === null || redirect === 'manual') return described(response, outgoing.url, redirects > 0)
    await response.body?.cancel()
    if (redirect === 'error') throw fetchFailed(new Error('unexpected redirect'))
    if (redirects === MOST_REDIRECTS) throw fetchFailed(new Error('redirect count exceeded'))
    outgoing = redirected(outgoing, response.status, location)
  }
}

/** Returns the body of a request: all its bytes, or a stream if it is given as one. */
async function bodyOf(web: SimulatedWeb, request: Request, init: RequestInit | undefined): Promise<Outgoing['body']> {
  if (request.body === null) return undefined
  const source: unknown = init?.body
  const isKnown =
    typeof source === 'string' ||
    source instanceof ArrayBuffer ||
    ArrayBuffer.isView(source) ||
    source instanceof URLSearchParams
  const isRead = isKnown || source instanceof Blob || source instanceof FormData
  if (!isRead) return request.body
  // The host reads blobs in its own time.
  const release = isKnown ? undefined : web.world.holds.take('the body of a request', Infinity)
  try {
    return Buffer.from(await request.arrayBuffer())
  } finally {
    release?.()
  }
}

/** Returns the request that follows a redirect. */
function redirected(before: Outgoing, status: number, location: string): Outgoing {
  const { url, method, headers, body } = before
  let target: URL
  try {
    target = new URL(location, url)
  } catch (error) {
    throw fetchFailed(error)
  }
  const next = new Headers(headers)
  const isGet = (status === 303 && method !== 'GET' && method !== 'HEAD') || (status < 303 && method === 'POST')
  if (isGet) for (const name of OF_BODY) next.delete(name)
  else if (body !== undefined && !Buffer.isBuffer(body)) throw fetchFailed(new Error('a stream cannot be sent again'))
  if (target.origin !== url.origin) for (const name of OF_ORIGIN) next.delete(name)
  const sent = isGet ? { method: 'GET', body: undefined } : { method, body }
  return { ...before, ...sent, url: target, headers: next }
}

/** Sets what only `fetch` sets of a response. */
function described(response: Response, { href }: URL, isRedirected: boolean): Response {
  const [url] = href.split('#', 1)
  return Object.defineProperties(response, {
    url: { value: url, configurable: true },
    redirected: { value: isRedirected, configurable: true },
    type: { value: 'basic', configurable: true },
  })
}
