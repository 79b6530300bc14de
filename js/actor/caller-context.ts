/** The option `context: 'caller'`: handlers run in the AsyncLocalStorage context of the code that sent the message. */
import { AsyncResource } from 'node:async_hooks'

import { runTracked } from './call-context.ts'
import { outsideEffects } from '../internal/ambient-fiber.ts'
import type { Process } from './process.ts'

/** The values of the option: handlers run in the context of the start of their process, or of their caller. */
export const CONTEXTS: readonly string[] = ['process', 'caller']

/** The context of a sender. It is part of no effect: a handler outlives the effect that calls it. */
export class SenderContext {
  readonly #resource: AsyncResource = outsideEffects(
    () => new AsyncResource('keelson.message', { requireManualDestroy: true }),
  )

  /** Runs a handler of a process in this context. Its calls stay those of its process. */
  run<T>(process: Process, handler: () => T): T {
    return this.#resource.runInAsyncScope(() => runTracked(process, handler))
  }
}

/** A cast, with the context of its sender. */
export class CastInContext extends SenderContext {
  readonly #own = true
  readonly message: unknown

  constructor(message: unknown) {
    super()
    this.message = message
  }

  /** Returns whether a message is a cast with a context. It runs no code of the message, which may be a revoked proxy. */
  static has(message: unknown): message is CastInContext {
    return typeof message === 'object' && message !== null && #own in message && message.#own
  }
}
