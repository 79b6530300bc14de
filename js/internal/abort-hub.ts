/** Hears abort signals: one listener a signal, however many wait on it, so that Node warns of no leak. */
import { warnOwner } from './report-error.ts'

/** What hears a signal. */
export interface SignalListener {
  abort(reason: unknown): void
}

interface Hearing {
  readonly listeners: Set<SignalListener>
  readonly onAbort: () => void
}

/**
 * One listener a signal, and none when nobody waits: ten thousand concurrent calls on a server's shutdown signal add one.
 * Listeners are told once, in the order in which they joined. One that leaves while others are told is not told. One that
 * joins an aborted signal is told at once. One that throws stops nobody.
 */
class SignalHub {
  readonly #hearings = new WeakMap<AbortSignal, Hearing>()

  join(signal: AbortSignal, listener: SignalListener): void {
    if (signal.aborted) {
      tell(listener, signal.reason)
      return
    }
    const hearing = this.#hearings.get(signal)
    if (hearing === undefined) this.#begin(signal, listener)
    else hearing.listeners.add(listener)
  }

  leave(signal: AbortSignal, listener: SignalListener): void {
    const hearing = this.#hearings.get(signal)
    if (hearing?.listeners.delete(listener) !== true || hearing.listeners.size > 0) return
    this.#hearings.delete(signal)
    signal.removeEventListener('abort', hearing.onAbort)
  }

  #begin(signal: AbortSignal, listener: SignalListener): void {
    const listeners = new Set([listener])
    const onAbort = (): void => {
      signal.removeEventListener('abort', onAbort)
      const { reason } = signal
      // Who leaves meanwhile still finds the list; who joins is told by `join`.
      for (const one of listeners) {
        listeners.delete(one)
        tell(one, reason)
      }
      this.#hearings.delete(signal)
    }
    this.#hearings.set(signal, { listeners, onAbort })
    signal.addEventListener('abort', onAbort)
  }
}

function tell(listener: SignalListener, reason: unknown): void {
  try {
    listener.abort(reason)
  } catch (error) {
    warnOwner(error, 'a listener of an abort signal')
  }
}

export const signalHub: SignalHub = new SignalHub()

/** What ends a hearing where there is nothing to hear. */
export const nothing = (): void => undefined

/** Calls back once when a signal aborts, at once if it has. The returned function ends that, however often it is called. */
export function whenAborted(signal: AbortSignal | undefined, abort: (reason: unknown) => void): () => void {
  if (signal === undefined) return nothing
  const listener: SignalListener = { abort }
  signalHub.join(signal, listener)
  return () => signalHub.leave(signal, listener)
}
