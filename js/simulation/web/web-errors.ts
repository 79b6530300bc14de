/** The errors of requests, as Node's `fetch` has them: a `TypeError` whose cause says what happened. */

interface CauseFields {
  readonly code: string
  readonly [field: string]: unknown
}

function caused(name: string, message: string, fields: CauseFields): Error {
  const error = Object.assign(new Error(message), fields)
  if (name !== 'Error') Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true })
  return error
}

/** No server listens under the name. */
export const hostNotFound = (hostname: string): Error =>
  caused('Error', `getaddrinfo ENOTFOUND ${hostname}`, {
    errno: -3008,
    code: 'ENOTFOUND',
    syscall: 'getaddrinfo',
    hostname,
  })

/** The server has closed, or its node has crashed. */
export const connectionRefused = (address: string, port: number): Error =>
  caused('Error', `connect ECONNREFUSED ${address}:${port}`, {
    errno: -111,
    code: 'ECONNREFUSED',
    syscall: 'connect',
    address,
    port,
  })

/** The connection ended before the response did. */
export const otherSideClosed = (): Error => caused('SocketError', 'other side closed', { code: 'UND_ERR_SOCKET' })

export const headersTimeout = (): Error =>
  caused('HeadersTimeoutError', 'Headers Timeout Error', { code: 'UND_ERR_HEADERS_TIMEOUT' })

export const bodyTimeout = (): Error =>
  caused('BodyTimeoutError', 'Body Timeout Error', { code: 'UND_ERR_BODY_TIMEOUT' })

/** The error of a request without a response. */
export const fetchFailed = (cause: unknown): TypeError => new TypeError('fetch failed', { cause })

/** The error of a body that ends too early. */
export const terminated = (cause: unknown): TypeError => new TypeError('terminated', { cause })
