/** A layer that counts calls and measures how long they take. */
import type { Clock } from '../../clock/types.ts'
import type { AbortScope } from '../pipeline/abort-scope.ts'
import type { CallMeter, Layer, PolicyCall, Sink } from '../pipeline/call.ts'
import { isRejection } from '../rejections.ts'
import { type LatencyStats, LatencyWindow } from './latency-window.ts'

/** Counts of calls by their ends. */
export interface CallCounts {
  /** Calls that began. */
  readonly calls: number
  /** Calls that were not answered yet. */
  readonly active: number
  /** Calls that succeeded. */
  readonly succeeded: number
  /** Calls that failed. */
  readonly failed: number
  /** Calls that a policy rejected, so that their task was not run, or not run again. */
  readonly rejected: number
  /** Calls that were aborted by their caller, or by a policy around. */
  readonly aborted: number
}

/** Stands for the start of a call that is not measured. A small integer: V8 keeps a double in an object of its own. */
const UNMEASURED = -1
/** While there are more calls than the window holds, one call in so many is measured: reading a clock costs time. */
const SAMPLED = 8

/** Counts calls and measures their latencies: as a layer in front of others, or called by the call itself. */
export class Meter implements Layer, CallMeter {
  readonly #clock: Clock
  readonly #latencies: LatencyWindow
  #calls = 0
  #succeeded = 0
  #failed = 0
  #rejected = 0
  #aborted = 0
  /** The number of calls to come that are not measured. */
  #unmeasured = 0

  constructor(clock: Clock, windowMs: number) {
    this.#clock = clock
    this.#latencies = new LatencyWindow(windowMs)
  }

  /** Counts of the calls since its creation. */
  get counts(): CallCounts {
    const [calls, succeeded, failed, rejected, aborted] = [
      this.#calls,
      this.#succeeded,
      this.#failed,
      this.#rejected,
      this.#aborted,
    ]
    return { calls, active: calls - succeeded - failed - rejected - aborted, succeeded, failed, rejected, aborted }
  }

  /** How long calls took that succeeded or failed in the window. */
  get latency(): LatencyStats {
    return this.#latencies.stats(this.#clock.monoMs())
  }

  enter(call: PolicyCall, next: number, scope: AbortScope, attempt: number, sink: Sink): void {
    call.start(next, scope, attempt, new MeteredCall(this, scope, sink, this.begin(call)))
  }

  /** Counts a call that starts. Returns what its end is measured from. */
  begin(call: PolicyCall): number {
    this.#calls++
    if (this.#unmeasured === 0) return call.now(this.#clock)
    this.#unmeasured--
    return UNMEASURED
  }

  /** Counts a call that succeeded. */
  succeeded(startedAt: number): void {
    this.#succeeded++
    if (startedAt !== UNMEASURED) this.#measure(startedAt)
  }

  /** Counts a call that ended without success. Rejections and aborts say nothing about how long work takes. */
  ended(startedAt: number, error: unknown, isAborted: boolean): void {
    if (isAborted) this.#aborted++
    else if (isRejection(error)) this.#rejected++
    else {
      this.#failed++
      if (startedAt !== UNMEASURED) this.#measure(startedAt)
    }
  }

  #measure(startedAt: number): void {
    const now = this.#clock.monoMs()
    if (this.#latencies.add(now - startedAt, now)) this.#unmeasured = SAMPLED - 1
  }
}

/** One call under a meter. */
class MeteredCall implements Sink {
  readonly #meter: Meter
  readonly #scope: AbortScope
  readonly #sink: Sink
  readonly #startedAt: number

  constructor(meter: Meter, scope: AbortScope, sink: Sink, startedAt: number) {
    this.#meter = meter
    this.#scope = scope
    this.#sink = sink
    this.#startedAt = startedAt
  }

  succeeded(value: unknown): void {
    this.#meter.succeeded(this.#startedAt)
    this.#sink.succeeded(value)
  }

  failed(error: unknown): void {
    this.#meter.ended(this.#startedAt, error, this.#scope.isAborted)
    this.#sink.failed(error)
  }
}
