/** Adapts code that runs functions by itself, such as a policy of another library, to a layer of a stack. */
import { promiseOf } from '../../internal/thenable.ts'
import { Abortable, type AbortScope, NEVER_ABORTED, SignalScope } from './abort-scope.ts'
import type { Layer, PolicyCall, Sink } from './call.ts'

/** A function of other code that runs work under its own rules, hands it a signal, and returns its outcome. */
export type CustomRun = (
  work: (context?: { readonly signal?: AbortSignal; readonly attempt?: number }) => Promise<unknown>,
  signal: AbortSignal | undefined,
) => PromiseLike<unknown>

/** A layer around other code that runs functions: a policy of another library, or an admission. */
export class CustomLayer implements Layer {
  readonly #run: CustomRun
  readonly #takesAnySignalForm: boolean

  /** @param takesAnySignalForm - True if it is unknown whether the code takes `signal` or `{ signal }`. */
  constructor(run: CustomRun, takesAnySignalForm: boolean) {
    this.#run = run
    this.#takesAnySignalForm = takesAnySignalForm
  }

  enter(call: PolicyCall, next: number, scope: AbortScope, attempt: number, sink: Sink): void {
    const outer = this.#takesAnySignalForm && scope.canAbort ? new OuterSignal() : undefined
    const signal = outer?.signal ?? (scope.canAbort ? scope.signal : undefined)
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
            // Read on demand, because creating a signal costs more than a call. Other code may hand none over.
            const inner = new SignalScope(() => context?.signal ?? signal ?? NEVER_ABORTED.signal)
            call.start(next, inner, context?.attempt ?? attempt, {
              succeeded: (result) => {
                inner.unwatch()
                resolve(result)
              },
              failed: (error) => {
                inner.unwatch()
                reject(error)
              },
            })
          }),
        signal,
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
      (result) => {
        leave()
        sink.succeeded(result)
      },
      (error: unknown) => {
        leave()
        sink.failed(error)
      },
    )
  }
}

/**
 * The signal for other code: an `AbortSignal` whose property `signal` is itself. So it suits code that takes `{ signal
 * }` and code, such as cockatiel, that takes the signal.
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
