/**
 * Watches for the end of a response, and for a client that leaves before, over HTTP/1 and HTTP/2.
 *
 * Node tells the response that is being sent when its connection closes. It tells nothing to the responses that are
 * queued behind it, so this module listens to the connection.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { builtin } from '../internal/builtin.ts'

/** Waits for the end of a response, and learns when its client leaves before. */
export interface ResponseWatcher {
  readonly response: ServerResponse
  /**
   * Called when the client has left.
   *
   * @param isClosed Whether the connection is closed. Otherwise its client has said that it sends no more: Node ends
   *   the connection then, and does not send what was not answered until now.
   */
  onClientLeft(isClosed: boolean): void
}

/** An emitter that tells of the end of a connection: a socket, or a response that has no socket of its own. */
type Carrier = Duplex | ServerResponse

/** One listener a connection, however many responses are queued on it. */
const watchers = new WeakMap<Carrier, Set<ResponseWatcher>>()

/** Returns whether a response is an HTTP/2 stream. Many of these share a connection. */
const isStream = (response: ServerResponse): boolean => (response as { stream?: unknown }).stream !== undefined

function carrierOf({ socket }: IncomingMessage, response: ServerResponse): Carrier {
  return isStream(response) || !(socket instanceof builtin('node:stream').Duplex) ? response : socket
}

/** Returns the watchers of a response, in the order in which they were added. */
export function watchersOf(request: IncomingMessage, response: ServerResponse): readonly ResponseWatcher[] {
  const all = watchers.get(carrierOf(request, response))
  return all === undefined || all.size === 0 ? NO_WATCHERS : [...all].filter((watcher) => watcher.response === response)
}
const NO_WATCHERS: readonly ResponseWatcher[] = []

/** Calls a watcher when its client leaves, until {@link removeWatcher}. */
export function addWatcher(request: IncomingMessage, watcher: ResponseWatcher): void {
  const carrier = carrierOf(request, watcher.response)
  let all = watchers.get(carrier)
  if (all === undefined) {
    all = new Set()
    watchers.set(carrier, all)
    listen(carrier, all)
  }
  all.add(watcher)
}

/** Removes a watcher, which has seen the end of its response. */
export function removeWatcher(request: IncomingMessage, watcher: ResponseWatcher): void {
  watchers.get(carrierOf(request, watcher.response))?.delete(watcher)
}

function listen(carrier: Carrier, all: Set<ResponseWatcher>): void {
  const notify = (isClosed: boolean): void => {
    for (const watcher of all) {
      if (isClosed) all.delete(watcher)
      watcher.onClientLeft(isClosed)
    }
  }
  carrier.once('close', () => notify(true))
  if (!allowsHalfOpen(carrier)) carrier.once('end', () => notify(false))
}

/** Returns whether a server goes on with the requests of a client that sends no more. */
function allowsHalfOpen(carrier: Carrier): boolean {
  const { server } = carrier as { server?: { readonly httpAllowHalfOpen?: boolean } }
  return server?.httpAllowHalfOpen === true
}

/** Returns whether a response is queued behind another of its connection. Node emits nothing of its end then. */
export const isQueued = (response: ServerResponse): boolean => response.socket === null

/**
 * Returns whether a response is over, or its client has left, so that Node emits nothing about it any more. Over HTTP/2
 * a response has a stream, which knows.
 */
export function isOver(request: IncomingMessage, response: ServerResponse): boolean {
  if (response.destroyed || response.writableFinished) return true
  if (isStream(response)) return (response as unknown as { stream: { readonly destroyed: boolean } }).stream.destroyed
  const { socket } = request
  if (socket.destroyed) return isQueued(response)
  // A client that has ended its side gets what was answered until then.
  return socket.readableEnded === true && !response.writableEnded && !allowsHalfOpen(socket)
}

/**
 * Calls back once when a response is over; at once if it is over already.
 *
 * `isEnded` is true when the handler has ended the response and it was written to the connection, and false when the
 * client left before. Over HTTP/2 Node says of a response that its client reset that it finished.
 */
export function onResponseEnd(
  request: IncomingMessage,
  response: ServerResponse,
  listener: (isEnded: boolean) => void,
): void {
  if (isOver(request, response)) return listener(response.writableFinished === true)
  let isCalled = false
  const end = (isEnded: boolean): void => {
    if (isCalled) return
    isCalled = true
    removeWatcher(request, watcher)
    listener(isEnded)
  }
  const watcher: ResponseWatcher = {
    response,
    onClientLeft: (isClosed) => {
      if (isClosed || !response.writableEnded) end(false)
    },
  }
  response.on('finish', () => end(response.writableEnded))
  addWatcher(request, watcher)
}

/**
 * Calls back when a handler ends its response, which is when its work is done: how fast a client reads is no work.
 *
 * Node says so with `prefinish`, over HTTP/2 with `finish`, and of a response that is queued not at all.
 */
export function onHandlerEnd(response: ServerResponse, listener: () => void): void {
  if (isQueued(response)) onEndCall(response, listener)
  else response.on(isStream(response) ? 'finish' : 'prefinish', listener)
}

/**
 * Calls back once, after the first call of a response's `end` or `destroy`. A response that is queued or closed emits
 * nothing then, so this wraps the two methods.
 */
export function onEndCall(response: ServerResponse, listener: () => void): void {
  const { end, destroy } = response
  let isCalled = false
  const wrap =
    <F extends (...args: never[]) => unknown>(method: F) =>
    (...args: unknown[]): unknown => {
      try {
        return Reflect.apply(method, response, args)
      } finally {
        if (!isCalled) {
          isCalled = true
          listener()
        }
      }
    }
  response.end = wrap(end) as typeof end
  response.destroy = wrap(destroy) as typeof destroy
}
