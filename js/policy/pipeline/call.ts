import { abortSignal, callable, known, options as checkOptions } from '../../internal/validate.ts'
import type { Clock } from '../../clock/types.ts'
import type { System } from '../../system/system.ts'
import { promiseOf } from '../../internal/thenable.ts'
import { isError } from '../../internal/thrown-values.ts'
import { Abortable, FREE, type Scope, SignalScope } from './scope.ts'
import type { ExecuteOptions, PolicyContext, PolicyTask } from './types.ts'

/** Who is told how something ended: one of the two, once. */
export interface Sink {
  succeeded(value: unknown): void
  failed(error: unknown): void
}

/** A policy as one of a stack. */
export interface Layer {
  /**
   * Runs what stands inside it, `call.start(inside, …)`, under its rules, and tells `sink`. Must not throw. The sink may
   * be told on this stack. Whoever resumes a call from a timer or from another call does it by a promise made on the
   * call's own stack, so that everything a user wrote runs in the caller's asynchronous context.
   */
  enter(call: Call, inside: number, scope: Scope, attempt: number, sink: Sink): void
}

class Context implements PolicyContext {
  readonly attempt: number
  readonly #scope: Scope
  #signal: AbortSignal | undefined
  constructor(scope: Scope, attempt: number) {
    this.#scope = scope
    this.attempt = attempt
  }
  get signal(): AbortSignal {
    this.#signal ??= this.#scope.signal
    return this.#signal
  }
}

const LATER: Promise<void> = Promise.resolve()

/** Rejects when the caller has had its turn: a promise that is rejected before anybody could catch it costs Node a microsecond. */
function rejectLater(reject: (error: unknown) => void, error: unknown): void {
  void LATER.then(() => reject(error))
}

/** One call: the policies in their order, and what stands inside the last. */
export abstract class Call implements Sink {
  declare private readonly layers: readonly Layer[]
  /** Whether it has not come back to the caller yet. */
  declare protected starting: boolean
  declare private clock: Clock | undefined
  declare private nowMs: number

  constructor(layers: readonly Layer[]) {
    this.layers = layers
    this.starting = true
    this.clock = undefined
    this.nowMs = 0
  }

  abstract succeeded(value: unknown): void
  abstract failed(error: unknown): void

  /** Runs what stands inside all policies. */
  protected abstract innermost(scope: Scope, attempt: number, sink: Sink): void

  /** Begins it, in a scope that can give it up. */
  begin(scope: Scope): void {
    this.start(0, scope, 1, this)
    this.starting = false
  }

  /** Monotonic time of a clock. While a call starts it stands still, because a reading costs as much as a policy. */
  now(clock: Clock): number {
    if (this.clock === clock && this.starting) return this.nowMs
    this.clock = clock
    this.nowMs = clock.monoMs()
    return this.nowMs
  }

  /** Runs the layer of an index, or what is inside the last. */
  start(index: number, scope: Scope, attempt: number, sink: Sink): void {
    if (index < this.layers.length) (this.layers[index] as Layer).enter(this, index + 1, scope, attempt, sink)
    else this.innermost(scope, attempt, sink)
  }
}

/** A call of a function, with the promise around it. */
class TaskCall extends Call {
  readonly #task: PolicyTask<unknown>
  readonly #system: System
  #resolve: ((value: unknown) => void) | undefined
  #reject: ((error: unknown) => void) | undefined
  #scope: SignalScope | undefined
  #caller: Caller | undefined

  constructor(
    layers: readonly Layer[],
    system: System,
    task: PolicyTask<unknown>,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    super(layers)
    this.#system = system
    this.#task = task
    this.#resolve = resolve
    this.#reject = reject
  }

  run(signal: AbortSignal | undefined): void {
    if (signal === undefined) {
      this.begin(FREE)
      return
    }
    if (signal.aborted) {
      this.failed(signal.reason)
      return
    }
    const scope = new SignalScope(() => signal)
    this.#scope = scope
    this.#caller = new Caller(this)
    // Before everything inside: the caller is answered first.
    scope.enter(this.#caller)
    this.begin(scope)
  }

  succeeded(value: unknown): void {
    const resolve = this.#resolve
    if (resolve === undefined) return
    this.#end()
    resolve(value)
  }

  failed(error: unknown): void {
    const reject = this.#reject
    if (reject === undefined) {
      reportLate(this.#system, this.#scope?.reason, error)
      return
    }
    this.#end()
    if (this.starting) rejectLater(reject, error)
    else reject(error)
  }

  protected innermost(scope: Scope, attempt: number, sink: Sink): void {
    runTask(this.#task, scope, attempt, sink)
  }

  #end(): void {
    this.#resolve = undefined
    this.#reject = undefined
    if (this.#scope === undefined) return
    this.#scope.leave(this.#caller as Caller)
    this.#scope.unwatch()
  }
}

/** The caller of a function, whose signal answers the call at once, wherever it stands. */
class Caller extends Abortable {
  readonly #call: TaskCall
  constructor(call: TaskCall) {
    super()
    this.#call = call
  }
  aborted(reason: unknown): void {
    this.#call.failed(reason)
  }
}

/** Runs a task, whichever way it answers. */
export function runTask(task: PolicyTask<unknown>, scope: Scope, attempt: number, sink: Sink): void {
  let result: unknown
  let later: Promise<unknown> | undefined
  try {
    result = task(new Context(scope, attempt))
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

/** Whether a failure only says that its work was told to give up. */
export function isEcho(error: unknown, reason: unknown): boolean {
  if (error === reason) return true
  try {
    return isError(error) && (error.name === 'AbortError' || (error.cause !== undefined && error.cause === reason))
  } catch {
    return false
  }
}

/** A failure of work that nobody waits for any more. That it gave up is no news; anything else has the system as its owner. */
export function reportLate(system: System, reason: unknown, error: unknown): void {
  if (!isEcho(error, reason)) system.report(error, 'a task that had been given up')
}

/** Runs a task under layers, outermost first. */
export function execute<T>(
  layers: readonly Layer[],
  system: System,
  task: PolicyTask<T>,
  options: ExecuteOptions | undefined,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    callable('task', task)
    const signal = options === undefined ? undefined : signalOf(options)
    new TaskCall(layers, system, task, resolve as (value: unknown) => void, reject).run(signal)
  })
}

function signalOf(options: ExecuteOptions): AbortSignal | undefined {
  known('options', checkOptions('options', options), ['signal'])
  return abortSignal('options.signal', options.signal)
}
