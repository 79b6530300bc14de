import { limitOn } from '../clock/internal-timers.ts'
import type { TimerHandle } from '../clock/types.ts'
import { ClosedError, TimeoutError } from '../errors/errors.ts'
import { nothing, whenAborted } from '../internal/abort-hub.ts'
import { callable } from '../internal/validate.ts'
import type { System } from '../system/system.ts'
import { admissions } from './admission-trace.ts'
import { ShedError } from './errors.ts'
import type { Gate } from './gate.ts'
import { type RunRequest, runRequest } from './request.ts'
import type { Ticket } from './ticket.ts'
import type { RunContext, RunOptions, TicketOutcome } from './types.ts'

const FAILED: TicketOutcome = { ok: false }
const ABORTED: TicketOutcome = { aborted: true }
/**
 * Abandoned work that never settles frees its place this much before its deadline, without counting as a failure. So a
 * caller who tries again at the deadline finds the place free.
 */
const EARLY_MS = 1

/** Creates an `AbortController` only for work that reads `signal`: one costs more than the admission. */
class LazyRunContext implements RunContext {
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

/** Runs work under a gate: admitted first, timed, and reported exactly once. */
export async function run<T>(
  gate: Gate,
  system: System,
  route: string,
  work: (context: RunContext) => T | PromiseLike<T>,
  options: RunOptions | undefined,
  defaultMs: number,
): Promise<T> {
  callable('fn', work)
  const request = runRequest(gate.profiles, route, options, defaultMs)
  const admission = await (admissions.hasSubscribers ? gate.enterTraced(request) : gate.enter(request))
  if (admission.allow) return perform(gate, system, request, admission, work)
  if (admission.reason === 'closed') throw new ClosedError('the Atrion')
  throw new ShedError(admission.route, admission.reason, admission.retryAfterMs, admission.resistance)
}

/** Runs admitted work. Its one timer is the deadline of its ticket as well: the core keeps none for it. */
function perform<T>(
  gate: Gate,
  system: System,
  request: RunRequest,
  ticket: Ticket,
  work: (context: RunContext) => T | PromiseLike<T>,
): Promise<T> {
  const { route, runMs, signal, isFailure } = request
  const context = new LazyRunContext(ticket.waitedMs, signal)
  const remainingMs = Math.max(runMs - ticket.waitedMs, 0)
  const isFailed = (error: unknown): boolean => {
    try {
      return isFailure === undefined || isFailure(error)
    } catch (second) {
      system.report(second, 'isFailure')
      return true
    }
  }
  return new Promise<T>((resolve, reject) => {
    let deadline: TimerHandle | undefined
    let stopListening = nothing
    /** The caller has left, and the work goes on. */
    let isAbandoned = false
    const end = (outcome: TicketOutcome | undefined): void => {
      deadline?.cancel()
      stopListening()
      ticket.done(isAbandoned ? ABORTED : outcome)
    }
    const onAbort = (reason: unknown): void => {
      isAbandoned = true
      deadline?.cancel()
      const leftMs = Math.max(remainingMs - EARLY_MS - (gate.clock.monoMs() - startedAt), 0)
      try {
        deadline = gate.schedule(leftMs, () => void ticket.done(ABORTED))
      } catch {
        // The clock is closed, so nothing would free the place later.
        ticket.done(ABORTED)
      }
      ticket.left()
      context.abort(reason)
      reject(reason)
    }
    const onTimeout = (): void => {
      const error = new TimeoutError(route, runMs)
      stopListening()
      ticket.timeOut()
      context.abort(error)
      reject(error)
    }
    const onError = (error: unknown): void => {
      end(isAbandoned || !isFailed(error) ? undefined : FAILED)
      reject(error)
    }
    const onValue = (value: T): void => {
      end(undefined)
      resolve(value)
    }
    const startedAt = signal === undefined ? 0 : gate.clock.monoMs()
    try {
      deadline = limitOn(gate.clock, remainingMs, `run ${route}`, onTimeout)
    } catch (error) {
      // The clock is closed: work without a deadline is not begun.
      ticket.done(ABORTED)
      reject(error)
      return
    }
    if (signal?.aborted) {
      end(ABORTED)
      reject(signal.reason)
      return
    }
    stopListening = whenAborted(signal, onAbort)
    try {
      Promise.resolve(work(context)).then(onValue, onError)
    } catch (error) {
      onError(error)
    }
  })
}
