import {
  abortSignal,
  callable,
  known,
  optionalCallable,
  options as checkOptions,
  positiveMillis,
} from '../internal/validate.ts'
import { ClosedError } from '../errors/errors.ts'
import { TimeoutError } from '../errors/errors.ts'
import { ShedError } from './errors.ts'
import { limitOn } from '../clock/internal-timers.ts'
import type { TimerHandle } from '../clock/types.ts'
import type { Gate } from './gate.ts'
import { nothing, whenAborted } from '../internal/abort-hub.ts'
import type { System } from '../system/system.ts'
import type { Ticket } from './ticket.ts'
import type { RunContext, RunOptions, TicketOutcome } from './types.ts'

const ABORTED: TicketOutcome = { aborted: true }
const OPTIONS = ['priority', 'timeoutMs', 'profile', 'signal', 'isFailure'] as const satisfies (keyof RunOptions)[]

/** Makes an `AbortController` only for work that asks for its signal: one costs more than the admission. */
class Context implements RunContext {
  readonly waitedMs: number
  readonly #outer: AbortSignal | undefined
  #controller: AbortController | undefined
  #reason: unknown

  constructor(waitedMs: number, outer: AbortSignal | undefined) {
    this.waitedMs = waitedMs
    this.#outer = outer
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason !== undefined) this.#controller.abort(this.#reason)
      else if (this.#outer?.aborted) this.#controller.abort(this.#outer.reason)
    }
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    this.#reason = reason
    this.#controller?.abort(reason)
  }
}

/** Runs one piece of work under a gate: admitted first, timed, and reported exactly once. */
export async function run<T>(
  gate: Gate,
  system: System,
  route: string,
  work: (context: RunContext) => T | PromiseLike<T>,
  options: RunOptions | undefined,
  defaultTimeoutMs: number,
): Promise<T> {
  callable('fn', work)
  const given = checkOptions('options', options)
  if (options !== undefined) known('options', given, OPTIONS)
  const timeoutMs =
    given.timeoutMs === undefined
      ? (gate.budgetOf(route, given.profile) ?? defaultTimeoutMs)
      : positiveMillis('options.timeoutMs', given.timeoutMs)
  const signal = abortSignal('options.signal', given.signal)
  const isFailure = optionalCallable<(error: unknown) => boolean>('options.isFailure', given.isFailure)
  const admission = await gate.admit(route, { priority: given.priority, timeoutMs, maxWaitMs: timeoutMs, signal })
  if (!admission.allow) {
    if (admission.reason === 'closed') throw new ClosedError('the Atrion')
    throw new ShedError(admission.route, admission.reason, admission.retryAfterMs, admission.resistance)
  }
  return perform(gate, system, admission, work, { timeoutMs, signal, isFailure })
}

interface Terms {
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  readonly isFailure: ((error: unknown) => boolean) | undefined
}

function perform<T>(
  gate: Gate,
  system: System,
  ticket: Ticket,
  work: (context: RunContext) => T | PromiseLike<T>,
  terms: Terms,
): Promise<T> {
  const { timeoutMs, signal, isFailure } = terms
  const context = new Context(ticket.waitedMs, signal)
  const remainingMs = Math.max(timeoutMs - ticket.waitedMs, 0)
  const label = `run ${ticket.route}`
  const isFailed = (error: unknown): boolean => {
    try {
      return isFailure === undefined || isFailure(error)
    } catch (second) {
      system.report(second, 'isFailure')
      return true
    }
  }
  return new Promise<T>((resolve, reject) => {
    const finish = (outcome: TicketOutcome | undefined): void => {
      timer?.cancel()
      callOff?.()
      unhear()
      ticket.done(orphaned ? ABORTED : outcome)
    }
    const onAbort = (): void => {
      const { reason } = signal as AbortSignal
      orphaned = true
      timer?.cancel()
      // Work that never settles is a failure at its deadline, but not if it was called off.
      const leftMs = Math.max(remainingMs - (gate.clock.monoMs() - startedAt) - 1, 0)
      try {
        callOff = gate.later(leftMs, () => void ticket.done(ABORTED))
      } catch {
        // The clock is closed: nobody would see a deadline.
        ticket.done(ABORTED)
      }
      ticket.left()
      context.abort(reason)
      reject(reason)
    }
    const onTimeout = (): void => {
      const error = new TimeoutError(ticket.route, timeoutMs)
      finish({ ok: false })
      context.abort(error)
      reject(error)
    }
    const onError = (error: unknown): void => {
      finish(orphaned || !isFailed(error) ? undefined : { ok: false })
      reject(error)
    }
    let timer: TimerHandle | undefined
    let callOff: (() => void) | undefined
    let unhear = nothing
    /** The caller is gone, and the work is not at its end. */
    let orphaned = false
    const startedAt = signal === undefined ? 0 : gate.clock.monoMs()
    try {
      timer = limitOn(gate.clock, remainingMs, label, onTimeout)
    } catch (error) {
      // The clock is closed: work without a deadline is not begun.
      ticket.done(ABORTED)
      reject(error)
      return
    }
    if (signal?.aborted) {
      finish(ABORTED)
      reject(signal.reason)
      return
    }
    unhear = whenAborted(signal, onAbort)
    try {
      const result = work(context)
      Promise.resolve(result).then((value) => {
        finish(undefined)
        resolve(value)
      }, onError)
    } catch (error) {
      onError(error)
    }
  })
}
