import { callable, callbacks, fieldOf } from '../internal/validate.ts'
import { getDefaultSystem } from '../system/default.ts'
import { ifRejected } from '../internal/thenable.ts'

type Report = (error: unknown, origin: string) => void

/** Tells that something is no longer wanted. */
export interface CancelToken {
  readonly id: string
  /** What `cancel` was given first. */
  readonly reason: unknown
  isCanceled(): boolean
  /** Calls back once when it is cancelled, at once if it is already; the returned function forgets that. */
  onCancel(callback: () => unknown): () => void
  /** Cancels it and its children. The first reason stays. */
  cancel(reason?: unknown): void
}

let made = 0
const reportToDefault: Report = (error, origin) => getDefaultSystem().report(error, origin)

/**
 * A token under no parent, or under one. It listens to its parent only while somebody listens to it, so a parent that
 * outlives a thousand children holds none of them.
 */
export class CancelTokenImpl implements CancelToken {
  readonly id: string = `cancel-${++made}`
  readonly #parent: CancelToken | undefined
  readonly #report: Report
  #canceled = false
  #reason: unknown
  #listeners: Set<{ readonly callback: () => unknown }> | undefined
  #leaveParent: (() => void) | undefined

  constructor(parent?: CancelToken, report: Report = reportToDefault) {
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
    // An object each, so that one function can listen twice.
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
 * A token that is cancelled by hand, or with its parent.
 *
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
