import { type Caller, type CallScope } from '../../actor/call-context.ts'
import { isConsequence } from '../../actor/shutdown.ts'
import { runtimeOf } from '../../actor/system-runtime.ts'
import { whenAborted } from '../../internal/abort-hub.ts'
import type { System } from '../../system/system.ts'
import { promiseOf } from '../../internal/thenable.ts'
import type { TaskRun } from './run.ts'

/** An item whose result has not been taken. */
interface PendingResult<Result> {
  readonly id: string
  outcome: PromiseSettledResult<Result> | undefined
}

interface ResultReader<Out> {
  /** The handler that waits, if a handler does. */
  readonly scope: CallScope | undefined
  readonly resolve: (result: IteratorResult<Out, undefined>) => void
  readonly reject: (error: unknown) => void
}

export interface StreamSettings<Item, Result, Out> {
  readonly source: Iterator<Item> | AsyncIterator<Item>
  readonly startItem: (item: Item, index: number) => TaskRun<Result>
  /** Converts an outcome to what the reader gets. A throw ends the stream. */
  readonly toOutput: (outcome: PromiseSettledResult<Result>) => Out
  readonly maxConcurrency: number
  readonly ordered: boolean
  readonly signal: AbortSignal | undefined
  readonly system: System
}

/**
 * Runs a task for each item of a source and yields the results. Nothing begins before the first `next()`. An item is
 * taken from the source when there is room for its result. When the stream ends, all its tasks are cancelled and the
 * source is closed.
 */
export class TaskStream<Item, Result, Out> implements AsyncIterableIterator<Out, undefined>, CallScope {
  readonly #settings: StreamSettings<Item, Result, Out>
  readonly #running = new Set<TaskRun<Result>>()
  /** Items that have begun, with `ordered`; otherwise those that have finished. */
  #queue: PendingResult<Result>[] = []
  #untaken = 0
  #readers: ResultReader<Out>[] = []
  #index = 0
  #isBegun = false
  #isPulling = false
  #isExhausted = false
  #isClosed = false
  #isPumping = false
  /** Removes the listener of the signal. */
  #stopListening: (() => void) | undefined
  /** The error of the next `next()`, once all results are taken. */
  #failure: { readonly error: unknown } | undefined

  constructor(settings: StreamSettings<Item, Result, Out>) {
    this.#settings = settings
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<Out, undefined>> {
    return new Promise((resolve, reject) => {
      const { system } = this.#settings
      const scope = system.closed ? undefined : runtimeOf(system).callScope()
      this.#readers.push({ scope, resolve, reject })
      if (!this.#isBegun) this.#begin()
      this.#pump()
    })
  }

  /** Ends the stream: cancels its tasks and closes the source. */
  async return(): Promise<IteratorResult<Out, undefined>> {
    this.#isBegun = true
    const closing = this.#end()
    this.#pump()
    await closing
    return { done: true, value: undefined }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  /** Returns the handler that waits for a result: it waits for all tasks that run. */
  caller(): Caller | undefined {
    for (const { scope } of this.#readers) {
      const found = scope?.caller()
      if (found !== undefined) return found
    }
    return undefined
  }

  #begin(): void {
    this.#isBegun = true
    this.#stopListening = whenAborted(this.#settings.signal, (reason) => {
      this.#fail(reason)
      this.#pump()
    })
    // The signal had aborted already.
    if (this.#isClosed) this.#stopListening()
  }

  /** Hands out results that are ready, and starts items for which there is room. */
  #pump(): void {
    // A source may call `next()` of this stream while it is asked for an item.
    if (this.#isPumping) return
    this.#isPumping = true
    do {
      this.#handOut()
    } while (this.#hasRoom() && this.#pull())
    this.#isPumping = false
  }

  #hasRoom(): boolean {
    return !this.#isPulling && !this.#isExhausted && this.#untaken < this.#settings.maxConcurrency
  }

  #handOut(): void {
    for (let reader = this.#readers[0]; reader !== undefined; reader = this.#readers[0]) {
      const outcome = this.#queue[0]?.outcome
      if (outcome !== undefined) {
        this.#queue.shift()
        this.#untaken--
        this.#readers.shift()
        try {
          reader.resolve({ done: false, value: this.#settings.toOutput(outcome) })
        } catch (error) {
          reader.reject(error)
          this.#endAfterFailure()
        }
      } else if (this.#untaken === 0 && this.#isExhausted) {
        this.#readers.shift()
        const failure = this.#failure
        this.#failure = undefined
        this.#close()
        if (failure === undefined) reader.resolve({ done: true, value: undefined })
        else reader.reject(failure.error)
      } else {
        return
      }
    }
  }

  /** Takes an item from the source. Returns false when the source answers with a promise. */
  #pull(): boolean {
    try {
      const step: unknown = this.#settings.source.next()
      const pending = promiseOf(step)
      if (pending === undefined) {
        this.#take(step as IteratorResult<Item>)
        return true
      }
      this.#isPulling = true
      void pending.then(
        (result) => this.#pulled(() => this.#take(result as IteratorResult<Item>)),
        (error: unknown) => this.#pulled(() => this.#sourceFailed(error)),
      )
      return false
    } catch (error) {
      this.#sourceFailed(error)
      return true
    }
  }

  #pulled(act: () => void): void {
    this.#isPulling = false
    try {
      act()
    } catch (error) {
      // The source's answer cannot be read.
      this.#sourceFailed(error)
    }
    this.#pump()
  }

  #take({ done, value }: IteratorResult<Item>): void {
    if (this.#isClosed) return
    if (done === true) {
      this.#isExhausted = true
      return
    }
    try {
      this.#start(value as Item)
    } catch (error) {
      this.#fail(error)
    }
  }

  #start(item: Item): void {
    const { startItem, ordered } = this.#settings
    const run = startItem(item, this.#index++)
    const entry: PendingResult<Result> = { id: run.server?.id as string, outcome: undefined }
    this.#running.add(run)
    run.waitedBy(this)
    this.#untaken++
    if (ordered) this.#queue.push(entry)
    run.watch((outcome) => {
      this.#running.delete(run)
      if (this.#isClosed) return
      entry.outcome = outcome
      if (!ordered) this.#queue.push(entry)
      this.#pump()
    })
  }

  /** Keeps an error of the source until the results of items that have begun are taken. */
  #sourceFailed(error: unknown): void {
    if (this.#isClosed) {
      this.#settings.system.report(error, 'the source of Task.asyncStream, after the stream had ended')
      return
    }
    this.#isExhausted = true
    this.#failure = { error }
  }

  #fail(error: unknown): void {
    this.#failure = { error }
    this.#endAfterFailure()
  }

  /**
   * Ends the stream after a failure, which the consumer gets. The system reports a further failure of closing the
   * source.
   */
  #endAfterFailure(): void {
    this.#end().catch((error: unknown) => {
      this.#settings.system.report(error, 'closing the source of Task.asyncStream')
    })
  }

  /** Marks the stream as ended: no item is started and no result handed out any more. */
  #close(): void {
    this.#isClosed = true
    this.#isExhausted = true
    this.#stopListening?.()
  }

  async #end(): Promise<void> {
    if (this.#isClosed) return
    const { source, system } = this.#settings
    const isSourceOpen = !this.#isExhausted
    this.#close()
    const queue = this.#queue
    this.#queue = []
    this.#untaken = 0
    for (const run of this.#running) run.cancel(new DOMException('The stream was ended', 'AbortError'))
    for (const { id, outcome } of queue) {
      if (outcome?.status === 'rejected' && !isConsequence(system, outcome.reason))
        system.report(outcome.reason, `task ${id}, whose result was not taken`)
    }
    if (!isSourceOpen) return
    const closing = source.return?.()
    // A generator that waits for its next item might never answer `return()`, so nobody waits for it.
    if (!this.#isPulling) await closing
    else Promise.resolve(closing).catch((error: unknown) => this.#sourceFailed(error))
  }
}
