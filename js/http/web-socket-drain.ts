import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

import { limitOn } from '../clock/internal-timers.ts'
import type { Clock, TimerHandle } from '../clock/types.ts'

/** The time limits of an end, by the system's clock. */
export interface DrainPace {
  readonly clock: Clock
  /** A WebSocket that was silent for this long is idle. */
  readonly webSocketIdleMs: number
  /** The longest time that the whole drain may take; `Infinity` is no limit. */
  readonly timeoutMs: number
}

/** A Close frame of a server with the code 1001, "going away" (RFC 6455, 5.5.1 and 7.4.1). */
const GOING_AWAY = Buffer.from([0x88, 0x02, 0x03, 0xe9])
/** How often in an idle time the connections are looked at. */
const LOOKS = 4

/** A WebSocket that is to be closed. */
interface BusySocket {
  readonly socket: Duplex
  bytes: number
  quietSince: number
}

/** Returns whether a request asks for a WebSocket. */
export const isWebSocketRequest = ({ headers }: IncomingMessage): boolean =>
  headers.upgrade?.toLowerCase() === 'websocket'

/**
 * Closes WebSockets as their server ends. An idle one gets a Close frame; one that is busy gets it as soon as it is idle,
 * or when half of the time is over. The rest of the closing handshake is up to the client and the program's library.
 */
export class WebSocketDrain {
  readonly #pace: DrainPace
  readonly #busy = new Map<Duplex, BusySocket>()
  readonly #startedAt: number
  #timer: TimerHandle | undefined

  constructor(pace: DrainPace) {
    this.#pace = pace
    this.#startedAt = pace.clock.monoMs()
  }

  /** Closes a WebSocket once it is idle. */
  add(socket: Duplex): void {
    if (this.#busy.has(socket)) return
    this.#busy.set(socket, { socket, bytes: bytesOf(socket), quietSince: this.#pace.clock.monoMs() })
    socket.once('close', () => this.#remove(socket))
    this.#look()
  }

  /** Sends the Close frame to those that did not get it, because they are broken off. */
  abort(): void {
    for (const socket of this.#busy.keys()) close(socket)
    this.dispose()
  }

  dispose(): void {
    this.#busy.clear()
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #remove(socket: Duplex): void {
    this.#busy.delete(socket)
    if (this.#busy.size === 0) this.dispose()
  }

  #look(): void {
    const { clock, webSocketIdleMs, timeoutMs } = this.#pace
    const now = clock.monoMs()
    const isLate = now - this.#startedAt >= timeoutMs / 2
    for (const entry of this.#busy.values()) {
      const bytes = bytesOf(entry.socket)
      if (bytes !== entry.bytes) {
        entry.bytes = bytes
        entry.quietSince = now
      }
      if (!isLate && now - entry.quietSince < webSocketIdleMs) continue
      close(entry.socket)
      this.#busy.delete(entry.socket)
    }
    if (this.#busy.size === 0 || this.#timer !== undefined) return
    const again = (): void => {
      this.#timer = undefined
      this.#look()
    }
    this.#timer = limitOn(clock, Math.max(webSocketIdleMs / LOOKS, 1), 'closing WebSockets', again)
  }
}

const bytesOf = (socket: Duplex): number => {
  const { bytesRead = 0, bytesWritten = 0 } = socket as Partial<Socket>
  return bytesRead + bytesWritten
}

/** Sends a Close frame behind what was written before. */
function close(socket: Duplex): void {
  if (socket.writable) socket.write(GOING_AWAY)
}
