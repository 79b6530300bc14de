import type { Call, Layer, Sink } from './call.ts'
import { type Scope, SignalScope } from './scope.ts'

/** A way to run work that is not of this package's making: it gives the work a signal, and the outcome back. */
export type ForeignRun = (
  work: (context: { readonly signal: AbortSignal; readonly attempt?: number }) => Promise<unknown>,
  signal: AbortSignal | undefined,
) => PromiseLike<unknown>

/** A stranger in a stack: anything that runs a function under rules of its own. */
export class ForeignLayer implements Layer {
  readonly #run: ForeignRun

  constructor(run: ForeignRun) {
    this.#run = run
  }

  enter(call: Call, inside: number, scope: Scope, attempt: number, sink: Sink): void {
    let outcome: Promise<unknown>
    try {
      outcome = Promise.resolve(
        this.#run(
          (context) =>
            new Promise((resolve, reject) => {
              // Read only if somebody wants it: to make a signal costs more than a call.
              const within = new SignalScope(() => context.signal)
              call.start(inside, within, context.attempt ?? attempt, {
                succeeded: (value) => {
                  within.unwatch()
                  resolve(value)
                },
                failed: (error) => {
                  within.unwatch()
                  reject(error)
                },
              })
            }),
          scope.canAbort ? scope.signal : undefined,
        ),
      )
    } catch (error) {
      sink.failed(error)
      return
    }
    void outcome.then(
      (value) => sink.succeeded(value),
      (error: unknown) => sink.failed(error),
    )
  }
}
