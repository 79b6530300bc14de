import { type Caller, type Scope, scopeOf } from '../../actor/call-context.ts'
import { isConsequence } from '../../actor/shutdown.ts'
import { runtimeOf } from '../../actor/system-runtime.ts'
import { whenAborted } from '../../internal/abort-hub.ts'
import type { System } from '../../system/system.ts'
import { promiseOf } from '../../internal/thenable.ts'
import type { TaskRun } from './run.ts'

type Outcome<Result> = PromiseSettledResult<Result>

/** An item whose result was not taken. */
interface Entry<Result> {
  readonly id: string
  outcome: Outcome<Result> | undefined
}

interface Waiting<Out> {
  /** The handler that waits, if one does. */
  readonly scope: Scope | undefined
  readonly resolve: (result: IteratorResult<Out, undefined>) => void
  readonly reject: (error: unknown) => void
}

export interface StreamSettings<Item, Result, Out> {
  readonly source: Iterator<Item> | AsyncIterator<Item>
  readonly begin: (item: Item, index: number) => TaskRun<Result>
  /** Makes what is handed out; what it throws ends the stream. */
  readonly show: (outcome: Outcome<Result>) => Out
  readonly maxConcurrency: number
  readonly ordered: boolean
  readonly signal: AbortSignal | undefined
  readonly system: System
}

/**
 * The results of a task for each item. Nothing begins before the first `next()`; an item is taken from the source when
 * there is room for its result. Once it ends, for whatever reason, all its tasks are cancelled and the source is closed.
 */
export class TaskStream<Item, Result, Out> implements AsyncIterableIterator<Out, undefined>, Scope {
  readonly #settings: StreamSettings<Item, Result, Out>
  readonly #running = new Set<TaskRun<Result>>()
  /** In order: what was begun; else: what has finished. */
  #queue: Entry<Result>[] = []
  #untaken = 0
  #waiting: Waiting<Out>[] = []
  #index = 0
  #isBegun = false
  #isPulling = false
  #isExhausted = false
  #isOver = false
  #isPumping = false
  /** Ends the hearing of the signal. */
  #unfollow: (() => void) | undefined
  /** An error that the next `next()` gets, once all results are taken. */
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
      const scope = system.closed ? undefined : scopeOf(runtimeOf(system).current)
      this.#waiting.push({ scope, resolve, reject })
      if (!this.#isBegun) this.#begin()
      this.#pump()
    })
  }

  /** Ends the stream: tasks are cancelled, and the source is closed. */
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

  /** Who waits for a result, waits for all tasks that are under way. */
  caller(): Caller | undefined {
    for (const { scope } of this.#waiting) {
      const found = scope?.caller()
      if (found !== undefined) return found
    }
    return undefined
  }

  #begin(): void {
    this.#isBegun = true
    this.#unfollow = whenAborted(this.#settings.signal, (reason) => {
      this.#fail(reason)
      this.#pump()
    })
    // It had aborted already.
    if (this.#isOver) this.#unfollow()
  }

  /** Hands out what has finished, and begins what there is room for. */
  #pump(): void {
    // The source may ask for the next result while it is asked for the next item.
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
    for (let waiting = this.#waiting[0]; waiting !== undefined; waiting = this.#waiting[0]) {
      const outcome = this.#queue[0]?.outcome
      if (outcome !== undefined) {
        this.#queue.shift()
        this.#untaken--
        this.#waiting.shift()
        try {
          waiting.resolve({ done: false, value: this.#settings.show(outcome) })
        } catch (error) {
          waiting.reject(error)
          this.#closeAfterFailure()
        }
      } else if (this.#untaken === 0 && this.#isExhausted) {
        this.#waiting.shift()
        const failure = this.#failure
        this.#failure = undefined
        this.#over()
        if (failure === undefined) waiting.resolve({ done: true, value: undefined })
        else waiting.reject(failure.error)
      } else {
        return
      }
    }
  }

  /** Takes an item from the source. Whether that has come to something already. */
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
      // What it gave cannot be read.
      this.#sourceFailed(error)
    }
    this.#pump()
  }

  #take({ done, value }: IteratorResult<Item>): void {
    if (this.#isOver) return
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
    const { begin, ordered } = this.#settings
    const run = begin(item, this.#index++)
    const entry: Entry<Result> = { id: run.server?.id as string, outcome: undefined }
    this.#running.add(run)
    run.waitedBy(this)
    this.#untaken++
    if (ordered) this.#queue.push(entry)
    run.watch((outcome) => {
      this.#running.delete(run)
      if (this.#isOver) return
      entry.outcome = outcome
      if (!ordered) this.#queue.push(entry)
      this.#pump()
    })
  }

  /** What was begun is handed out before the error is. */
  #sourceFailed(error: unknown): void {
    if (this.#isOver) {
      this.#settings.system.report(error, 'the source of Task.asyncStream, after the stream had ended')
      return
    }
    this.#isExhausted = true
    this.#failure = { error }
  }

  #fail(error: unknown): void {
    this.#failure = { error }
    this.#closeAfterFailure()
  }

  /** The failure is what the consumer gets; one of closing the source besides has no caller. */
  #closeAfterFailure(): void {
    this.#end().catch((error: unknown) => {
      this.#settings.system.report(error, 'closing the source of Task.asyncStream')
    })
  }

  /** Nothing more will be begun or handed out. */
  #over(): void {
    this.#isOver = true
    this.#isExhausted = true
    this.#unfollow?.()
  }

  async #end(): Promise<void> {
    if (this.#isOver) return
    const { source, system } = this.#settings
    const isSourceOpen = !this.#isExhausted
    this.#over()
    const abandoned = this.#queue
    this.#queue = []
    this.#untaken = 0
    for (const run of this.#running) run.cancel(new DOMException('The stream was ended', 'AbortError'))
    for (const { id, outcome } of abandoned) {
      if (outcome?.status === 'rejected' && !isConsequence(system, outcome.reason))
        system.report(outcome.reason, `task ${id}, whose result was not taken`)
    }
    if (!isSourceOpen) return
    const closing = source.return?.()
    // A generator that waits for its next item could keep us waiting for ever.
    if (!this.#isPulling) await closing
    else Promise.resolve(closing).catch((error: unknown) => this.#sourceFailed(error))
  }
}
