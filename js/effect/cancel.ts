/** Cancel tokens. */
import type { ErrorOwner } from '../internal/report-error.ts'
import { ifRejected } from '../internal/thenable.ts'
import { callable, callbacks, fieldOf } from '../internal/validate.ts'
import { getDefaultSystem } from '../system/default.ts'

/** A signal that work is no longer wanted. */
export interface CancelToken {
  /** Identifies the token in logs. */
  readonly id: string
  /** The argument of the first `cancel`; `undefined` until then. */
  readonly reason: unknown
  /** Returns whether it, or its parent, was cancelled. */
  isCanceled(): boolean
  /** Calls back once when it is cancelled, at once if it is already. Returns a function that removes the callback. */
  onCancel(callback: () => unknown): () => void
  /** Cancels it and its children. Later calls do nothing, so the first reason stays. */
  cancel(reason?: unknown): void
}

let lastId = 0
const reportToDefault: ErrorOwner = (error, origin) => getDefaultSystem().report(error, origin)

/**
 * A token, with or without a parent. It listens to its parent only while it has listeners itself, so a long-lived
 * parent does not keep its children in memory.
 */
export class CancelTokenImpl implements CancelToken {
  readonly id: string = `cancel-${++lastId}`
  readonly #parent: CancelToken | undefined
  readonly #report: ErrorOwner
  #canceled = false
  #reason: unknown
  #listeners: Set<{ readonly callback: () => unknown }> | undefined
  #leaveParent: (() => void) | undefined

  constructor(parent?: CancelToken, report: ErrorOwner = reportToDefault) {
    this.#parent = parent
    this.#report = report
  }

  get reason(): unknown {
    return this.#canceled ? this.#reason : this.#parent?.reason
  }

  isCanceled(): boolean {
    return this.#canceled || this.#parent?.isCanceled() === true
  }

  onCancel(callback: () => unknown): () => void {
    callable('callback', callback)
    if (this.isCanceled()) {
      this.#call(callback)
      return () => {}
    }
    const listeners = (this.#listeners ??= new Set())
    // An object per call, so that one function can be added twice.
    const listener = { callback }
    listeners.add(listener)
    this.#leaveParent ??= this.#parent?.onCancel(() => this.cancel(this.#parent?.reason))
    return () => {
      if (!listeners.delete(listener) || listeners.size > 0) return
      this.#leaveParent?.()
      this.#leaveParent = undefined
    }
  }

  cancel(reason?: unknown): void {
    if (this.#canceled) return
    this.#canceled = true
    this.#reason = reason
    this.#leaveParent?.()
    this.#leaveParent = undefined
    const listeners = this.#listeners
    this.#listeners = undefined
    for (const { callback } of listeners ?? []) this.#call(callback)
  }

  #call(callback: () => unknown): void {
    const failed = (error: unknown): void => this.#report(error, 'a callback of onCancel')
    try {
      ifRejected(callback(), failed)
    } catch (error) {
      failed(error)
    }
  }
}

/**
 * Creates a token that is cancelled by `cancel`, or with its parent.
 *
 * @throws InvalidArgumentError when the parent is no token.
 * @example
 * ```ts
 * const token = createCancelToken()
 * token.onCancel(() => socket.destroy())
 * token.cancel('shutting down')
 * ```
 */
export function createCancelToken(parent?: CancelToken): CancelToken {
  callbacks('parent', parent, ['isCanceled', 'onCancel', 'cancel'])
  if (parent !== undefined) {
    callable('parent.onCancel', fieldOf(parent, 'onCancel'))
    callable('parent.isCanceled', parent.isCanceled)
  }
  return new CancelTokenImpl(parent)
}
