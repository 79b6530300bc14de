/** What hears a signal. */
export interface SignalListener {
  abort(reason: unknown): void
}

interface Hearing {
  readonly listeners: Set<SignalListener>
  readonly onAbort: () => void
}

/**
 * One listener a signal, however many calls are under way with it, and none when none is: ten thousand concurrent calls
 * on a server's shutdown signal add one. Calls are told in the order in which they came.
 */
class SignalHub {
  readonly #hearings = new WeakMap<AbortSignal, Hearing>()

  join(signal: AbortSignal, listener: SignalListener): void {
    const hearing = this.#hearings.get(signal)
    if (hearing === undefined) this.#begin(signal, listener)
    else hearing.listeners.add(listener)
  }

  leave(signal: AbortSignal, listener: SignalListener): void {
    const hearing = this.#hearings.get(signal)
    if (hearing === undefined || !hearing.listeners.delete(listener) || hearing.listeners.size > 0) return
    this.#hearings.delete(signal)
    signal.removeEventListener('abort', hearing.onAbort)
  }

  #begin(signal: AbortSignal, listener: SignalListener): void {
    const listeners = new Set([listener])
    const onAbort = (): void => {
      this.#hearings.delete(signal)
      for (const one of listeners) one.abort(signal.reason)
    }
    this.#hearings.set(signal, { listeners, onAbort })
    signal.addEventListener('abort', onAbort, { once: true })
  }
}

export const signalHub: SignalHub = new SignalHub()
