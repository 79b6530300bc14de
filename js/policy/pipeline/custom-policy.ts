import { promiseOf } from '../../internal/thenable.ts'
import type { Call, Layer, Sink } from './call.ts'
import { Abortable, FREE, type Scope, SignalScope } from './scope.ts'

/** A way to run work that is not of this package's making: it gives the work a signal, and the outcome back. */
export type ForeignRun = (
  work: (context?: { readonly signal?: AbortSignal; readonly attempt?: number }) => Promise<unknown>,
  signal: AbortSignal | undefined,
) => PromiseLike<unknown>

/** A stranger in a stack: anything that runs a function under rules of its own. */
export class ForeignLayer implements Layer {
  readonly #run: ForeignRun
  readonly #isStranger: boolean

  /** @param isStranger Whether nobody knows in which form it takes a signal. */
  constructor(run: ForeignRun, isStranger: boolean) {
    this.#run = run
    this.#isStranger = isStranger
  }

  enter(call: Call, inside: number, scope: Scope, attempt: number, sink: Sink): void {
    const outer = this.#isStranger && scope.canAbort ? new OuterSignal() : undefined
    const given = outer?.signal ?? (scope.canAbort ? scope.signal : undefined)
    const leave = (): void => {
      if (outer !== undefined) scope.leave(outer)
    }
    let outcome: Promise<unknown> | undefined
    let value: unknown
    try {
      if (outer !== undefined) {
        if (scope.isAborted) outer.aborted(scope.reason)
        else scope.enter(outer)
      }
      value = this.#run(
        (context) =>
          new Promise((resolve, reject) => {
            // Read only if somebody wants it: to make a signal costs more than a call. A stranger may give none.
            const within = new SignalScope(() => context?.signal ?? given ?? FREE.signal)
            call.start(inside, within, context?.attempt ?? attempt, {
              succeeded: (made) => {
                within.unwatch()
                resolve(made)
              },
              failed: (error) => {
                within.unwatch()
                reject(error)
              },
            })
          }),
        given,
      )
      outcome = promiseOf(value)
    } catch (error) {
      leave()
      sink.failed(error)
      return
    }
    if (outcome === undefined) {
      leave()
      sink.succeeded(value)
      return
    }
    void outcome.then(
      (made) => {
        leave()
        sink.succeeded(made)
      },
      (error: unknown) => {
        leave()
        sink.failed(error)
      },
    )
  }
}

/**
 * What a stranger is told of an abort by: an `AbortSignal` whose property `signal` is itself. So it is right for those who
 * take `{ signal }` and for those, such as cockatiel, who take the signal.
 */
class OuterSignal extends Abortable {
  readonly #controller = new AbortController()
  readonly signal: AbortSignal

  constructor() {
    super()
    const { signal } = this.#controller
    this.signal = Object.assign(signal, { signal })
  }

  aborted(reason: unknown): void {
    this.#controller.abort(reason)
  }
}
