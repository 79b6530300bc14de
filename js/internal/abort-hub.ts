/** Adds one listener to an abort signal, however many waits follow it, so that Node warns of no leak. */
import { warnOwner } from './report-error.ts'

/** The part of an `AbortSignal` that a wait uses. A request of a framework is the signal of its own wait. */
export interface WaitSignal {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** Is called when a signal aborts. */
export interface SignalListener {
  abort(reason: unknown): void
}

interface Subscription {
  readonly listeners: Set<SignalListener>
  readonly onAbort: () => void
}

/**
 * Keeps one listener a signal, and none when nobody waits: ten thousand calls on a server's shutdown signal add one.
 *
 * Listeners are called once, in the order in which they joined. A listener that leaves during the notification is not
 * called. A listener that joins an aborted signal is called at once. A listener that throws stops no other.
 */
class SignalHub {
  readonly #subscriptions = new WeakMap<WaitSignal, Subscription>()

  join(signal: WaitSignal, listener: SignalListener): void {
    if (signal.aborted) {
      notify(listener, signal.reason)
      return
    }
    const subscription = this.#subscriptions.get(signal)
    if (subscription === undefined) this.#begin(signal, listener)
    else subscription.listeners.add(listener)
  }

  leave(signal: WaitSignal, listener: SignalListener): void {
    const subscription = this.#subscriptions.get(signal)
    if (subscription?.listeners.delete(listener) !== true || subscription.listeners.size > 0) return
    this.#subscriptions.delete(signal)
    signal.removeEventListener('abort', subscription.onAbort)
  }

  #begin(signal: WaitSignal, first: SignalListener): void {
    const listeners = new Set([first])
    const onAbort = (): void => {
      signal.removeEventListener('abort', onAbort)
      const { reason } = signal
      // A listener that leaves meanwhile still finds the list. One that joins is called by `join`.
      for (const listener of listeners) {
        listeners.delete(listener)
        notify(listener, reason)
      }
      this.#subscriptions.delete(signal)
    }
    this.#subscriptions.set(signal, { listeners, onAbort })
    signal.addEventListener('abort', onAbort)
  }
}

function notify(listener: SignalListener, reason: unknown): void {
  try {
    listener.abort(reason)
  } catch (error) {
    warnOwner(error, 'a listener of an abort signal')
  }
}

export const signalHub: SignalHub = new SignalHub()

/** Does nothing: removes a listener where there is none. */
export const nothing = (): void => undefined

/**
 * Calls back once when a signal aborts, at once if it has. Returns a function that ends the wait; it may be called
 * twice.
 */
export function whenAborted(signal: WaitSignal | undefined, abort: (reason: unknown) => void): () => void {
  if (signal === undefined) return nothing
  const listener: SignalListener = { abort }
  signalHub.join(signal, listener)
  return () => signalHub.leave(signal, listener)
}
