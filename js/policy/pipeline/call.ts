/** One call through the layers of a stack of policies, in one pass and with one promise around it. */
import type { Clock } from '../../clock/types.ts'
import { promiseOf } from '../../internal/thenable.ts'
import { isAbortEcho } from '../../internal/thrown-values.ts'
import { abortSignal, callable, finite, known, options as checkOptions } from '../../internal/validate.ts'
import type { System } from '../../system/system.ts'
import { Abortable, type AbortScope, NEVER_ABORTED, SignalScope } from './abort-scope.ts'
import type { ExecuteOptions, PolicyContext, PolicyTask } from './types.ts'

/** Receives one outcome: one of the two methods is called, once. */
export interface Sink {
  /** The work returned a value. */
  succeeded(value: unknown): void
  /** The work failed, or was rejected. */
  failed(error: unknown): void
}

/** One policy of a stack. */
export interface Layer {
  /** True if it may run the layers inside it more than once in one call. */
  readonly mayRepeat?: boolean
  /**
   * Runs the layers inside it by `call.start(next, …)` under its own rules, and hands the outcome to `sink`, perhaps on
   * this stack. Must not throw. To resume a call from a timer or from another call, use `bindContext` on the call's own
   * stack, so that user code runs in the caller's asynchronous context.
   *
   * @param next - The index of the layer inside this one.
   * @param scope - Aborts this layer and everything inside it.
   * @param attempt - The number of the attempt, for the task.
   */
  enter(call: PolicyCall, next: number, scope: AbortScope, attempt: number, sink: Sink): void
}

/** Counts a call from its start to its answer: a `Meter`, whose class this file must not import. */
export interface CallMeter {
  /** Counts a call that starts. Returns what its end is measured from. */
  begin(call: PolicyCall): number
  /** Counts a call that succeeded. */
  succeeded(startedAt: number): void
  /** Counts a call that ended without success. */
  ended(startedAt: number, error: unknown, isAborted: boolean): void
}

class TaskContext implements PolicyContext {
  readonly attempt: number
  readonly #scope: AbortScope
  #signal: AbortSignal | undefined
  constructor(scope: AbortScope, attempt: number) {
    this.#scope = scope
    this.attempt = attempt
  }
  get signal(): AbortSignal {
    this.#signal ??= this.#scope.signal
    return this.#signal
  }
}

const LATER: Promise<void> = Promise.resolve()

/** Rejects in a microtask: rejecting a promise before its caller could add a handler costs Node a microsecond. */
function rejectLater(reject: (error: unknown) => void, error: unknown): void {
  void LATER.then(() => reject(error))
}

/** One call: its layers in order, and the work inside the last of them. */
export abstract class PolicyCall implements Sink {
  declare private readonly layers: readonly Layer[]
  /** True while the synchronous start of the call is still on the stack. */
  declare protected starting: boolean
  /** The arguments of the wrapped function, or of `fetch`. */
  declare readonly args: readonly unknown[]
  /** The call's own priority, if it has one. */
  declare readonly priority: number | undefined
  declare private clock: Clock | undefined
  declare private nowMs: number

  constructor(layers: readonly Layer[], args: readonly unknown[], priority: number | undefined) {
    this.layers = layers
    this.args = args
    this.priority = priority
    this.starting = true
    this.clock = undefined
    this.nowMs = 0
  }

  abstract succeeded(value: unknown): void
  abstract failed(error: unknown): void

  /** Runs the work inside all layers. */
  protected abstract innermost(scope: AbortScope, attempt: number, sink: Sink): void

  /** Starts the call in a scope that can abort it. */
  begin(scope: AbortScope): void {
    this.start(0, scope, 1, this)
    this.starting = false
  }

  /**
   * Returns the monotonic time of a clock. It is read once while a call starts, because a reading costs as much as a
   * policy.
   */
  now(clock: Clock): number {
    if (this.clock === clock && this.starting) return this.nowMs
    this.clock = clock
    this.nowMs = clock.monoMs()
    return this.nowMs
  }

  /** Runs the layer at an index, or the work inside the last layer. */
  start(index: number, scope: AbortScope, attempt: number, sink: Sink): void {
    if (index < this.layers.length) (this.layers[index] as Layer).enter(this, index + 1, scope, attempt, sink)
    else this.innermost(scope, attempt, sink)
  }
}

/** A call of a task, which settles a promise. */
class TaskCall extends PolicyCall {
  readonly #task: PolicyTask<unknown>
  readonly #system: System
  readonly #meter: CallMeter | undefined
  #startedAt = 0
  /** True if the signal had aborted before the call. */
  #wasAborted = false
  #resolve: ((value: unknown) => void) | undefined
  #reject: ((error: unknown) => void) | undefined
  #scope: SignalScope | undefined
  #caller: CallerAbort | undefined

  constructor(
    layers: readonly Layer[],
    system: System,
    task: PolicyTask<unknown>,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
    args: readonly unknown[],
    priority: number | undefined,
    meter: CallMeter | undefined,
  ) {
    super(layers, args, priority)
    this.#meter = meter
    this.#system = system
    this.#task = task
    this.#resolve = resolve
    this.#reject = reject
  }

  run(signal: AbortSignal | undefined): void {
    if (this.#meter !== undefined) this.#startedAt = this.#meter.begin(this)
    if (signal === undefined) {
      this.begin(NEVER_ABORTED)
      return
    }
    if (signal.aborted) {
      this.#wasAborted = true
      this.failed(signal.reason)
      return
    }
    const scope = new SignalScope(() => signal)
    this.#scope = scope
    this.#caller = new CallerAbort(this)
    // The first member of the scope, so that the caller is answered before anything inside is aborted.
    scope.enter(this.#caller)
    this.begin(scope)
  }

  succeeded(value: unknown): void {
    const resolve = this.#resolve
    if (resolve === undefined) return
    this.#end()
    if (this.#meter !== undefined) this.#meter.succeeded(this.#startedAt)
    resolve(value)
  }

  failed(error: unknown): void {
    const reject = this.#reject
    if (reject === undefined) {
      reportLate(this.#system, this.#scope?.reason, error)
      return
    }
    this.#end()
    if (this.#meter !== undefined) this.#meter.ended(this.#startedAt, error, this.#isAborted)
    if (this.starting) rejectLater(reject, error)
    else reject(error)
  }

  /** Returns whether the caller's signal has aborted. */
  get #isAborted(): boolean {
    return this.#scope?.isAborted === true || this.#wasAborted
  }

  protected innermost(scope: AbortScope, attempt: number, sink: Sink): void {
    runTask(this.#task, scope, attempt, sink)
  }

  #end(): void {
    this.#resolve = undefined
    this.#reject = undefined
    if (this.#scope === undefined) return
    this.#scope.leave(this.#caller as CallerAbort)
    this.#scope.unwatch()
  }
}

/** Rejects the call at once when the caller's signal aborts, wherever the call waits. */
class CallerAbort extends Abortable {
  readonly #call: TaskCall
  constructor(call: TaskCall) {
    super()
    this.#call = call
  }
  aborted(reason: unknown): void {
    this.#call.failed(reason)
  }
}

/** Runs a task that may return a value, return a promise, or throw, and hands its outcome to `sink`. */
export function runTask(task: PolicyTask<unknown>, scope: AbortScope, attempt: number, sink: Sink): void {
  let result: unknown
  let later: Promise<unknown> | undefined
  try {
    result = task(new TaskContext(scope, attempt))
    later = promiseOf(result)
  } catch (error) {
    sink.failed(error)
    return
  }
  if (later === undefined) {
    sink.succeeded(result)
    return
  }
  void later.then(
    (value) => sink.succeeded(value),
    (error: unknown) => sink.failed(error),
  )
}

/** Reports the failure of a task whose call is over to the system, unless it only says that the task was aborted. */
export function reportLate(system: System, reason: unknown, error: unknown): void {
  if (!isAbortEcho(error, reason)) system.report(error, 'a task that had been given up')
}

/** The arguments of calls that have none. */
export const NO_ARGS: readonly unknown[] = []

/**
 * Runs a task under layers, outermost first. Rejects when the task is no function or an option is refused.
 *
 * @param args - The arguments of the wrapped function, for policies that look at them.
 * @param meter - Counts the call, at less cost than a layer would.
 */
export function execute<T>(
  layers: readonly Layer[],
  system: System,
  task: PolicyTask<T>,
  options: ExecuteOptions | undefined,
  args: readonly unknown[] = NO_ARGS,
  meter?: CallMeter,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    callable('task', task)
    let signal: AbortSignal | undefined
    let priority: number | undefined
    if (options !== undefined) {
      known('options', checkOptions('options', options), EXECUTE_OPTIONS)
      signal = abortSignal('options.signal', options.signal)
      priority = options.priority === undefined ? undefined : finite('options.priority', options.priority)
    }
    const settle = resolve as (value: unknown) => void
    new TaskCall(layers, system, task, settle, reject, args, priority, meter).run(signal)
  })
}

const EXECUTE_OPTIONS = ['signal', 'priority']
