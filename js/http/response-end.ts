import type { IncomingMessage, ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'

/** Somebody who waits for the end of a response, and is to know when its client leaves before. */
export interface Attendee {
  readonly response: ServerResponse
  /**
   * The client has left.
   *
   * @param isClosed Whether the connection is closed. Otherwise its client has said that it sends no more: Node ends the
   *   connection then, and what was not answered until now is not sent.
   */
  left(isClosed: boolean): void
}

/** What tells of the end of a connection: its socket, or a response that has none of its own. */
type Carrier = Duplex | ServerResponse

/**
 * Who attends what a connection carries: one listener a connection, however many responses are queued on it. Node tells
 * of a closed connection to the response that is being sent, and to nobody whose response is queued behind it.
 */
const attendees = new WeakMap<Carrier, Set<Attendee>>()

/** Over HTTP/2 many requests share a connection. */
const isStream = (response: ServerResponse): boolean => (response as { stream?: unknown }).stream !== undefined

function carrierOf({ socket }: IncomingMessage, response: ServerResponse): Carrier {
  return isStream(response) || !(socket instanceof Duplex) ? response : socket
}

/** Returns who attends a response, in the order in which they came. */
export function attending(request: IncomingMessage, response: ServerResponse): readonly Attendee[] {
  const all = attendees.get(carrierOf(request, response))
  return all === undefined || all.size === 0 ? NOBODY : [...all].filter((one) => one.response === response)
}
const NOBODY: readonly Attendee[] = []

/** Tells an attendee when its client leaves, until it is called off. */
export function attend(request: IncomingMessage, attendee: Attendee): void {
  const carrier = carrierOf(request, attendee.response)
  let all = attendees.get(carrier)
  if (all === undefined) {
    all = new Set()
    attendees.set(carrier, all)
    listen(carrier, all)
  }
  all.add(attendee)
}

/** An attendee has seen the end. */
export function callOff(request: IncomingMessage, attendee: Attendee): void {
  attendees.get(carrierOf(request, attendee.response))?.delete(attendee)
}

function listen(carrier: Carrier, all: Set<Attendee>): void {
  const tell = (isClosed: boolean): void => {
    for (const one of all) {
      if (isClosed) all.delete(one)
      one.left(isClosed)
    }
  }
  carrier.once('close', () => tell(true))
  if (!allowsHalfOpen(carrier)) carrier.once('end', () => tell(false))
}

/** Returns whether a server goes on with requests of a client that sends no more. */
function allowsHalfOpen(carrier: Carrier): boolean {
  const { server } = carrier as { server?: { readonly httpAllowHalfOpen?: boolean } }
  return server?.httpAllowHalfOpen === true
}

/** Returns whether a response is queued behind another of its connection: then Node tells nothing of its end. */
export const isQueued = (response: ServerResponse): boolean => response.socket === null

/**
 * Returns whether a response is over, or its client has gone, so that Node will tell nothing of it any more. Over HTTP/2
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
 * Tells once that a response is over, and whether it was ended by who answered and written to its connection. Otherwise
 * the client had left before. Tells at once of a response that is over already. Over HTTP/2 Node says of a response
 * that its client reset first that it finished.
 */
export function whenOver(request: IncomingMessage, response: ServerResponse, over: (isEnded: boolean) => void): void {
  if (isOver(request, response)) return over(response.writableFinished === true)
  let isTold = false
  const tell = (isEnded: boolean): void => {
    if (isTold) return
    isTold = true
    callOff(request, attendee)
    over(isEnded)
  }
  const attendee: Attendee = {
    response,
    left: (isClosed) => {
      if (isClosed || !response.writableEnded) tell(false)
    },
  }
  response.on('finish', () => tell(response.writableEnded))
  attend(request, attendee)
}

/**
 * Tells when somebody ends a response, which is when its handler has done its work. How fast its client reads is nobody's
 * work. Node says so with `prefinish`, over HTTP/2 with `finish`, and of a response that is queued not at all.
 */
export function whenEnded(response: ServerResponse, ended: () => void): void {
  if (isQueued(response)) whenAnswered(response, ended)
  else response.on(isStream(response) ? 'finish' : 'prefinish', ended)
}

/**
 * Tells when somebody has ended or destroyed a response. One that is queued or closed emits nothing then, so that its
 * methods have to say it.
 */
export function whenAnswered(response: ServerResponse, answered: () => void): void {
  const { end, destroy } = response
  let isTold = false
  const telling =
    <F extends (...args: never[]) => unknown>(method: F) =>
    (...args: unknown[]): unknown => {
      try {
        return Reflect.apply(method, response, args)
      } finally {
        if (!isTold) {
          isTold = true
          answered()
        }
      }
    }
  response.end = telling(end) as typeof end
  response.destroy = telling(destroy) as typeof destroy
}
