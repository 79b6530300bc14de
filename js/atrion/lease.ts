import { known, options as checkOptions } from '../internal/validate.ts'
import { limitOn } from '../clock/internal-timers.ts'
import type { Clock, TimerHandle } from '../clock/types.ts'
import { InvalidArgumentError, LeaseEndedError, TimeoutError } from '../errors/errors.ts'
import { whenAborted } from '../internal/abort-hub.ts'
import { LeaseState, type TaskOutcome } from './lease-state.ts'
import type { NamedProfile } from './profiles.ts'

/** What a task tells of itself. */
export interface Heartbeat {
  /** How far it is, 0 to 1. More than before renews its time. */
  readonly progress?: number | undefined
  /** How much memory it holds, bytes. */
  readonly memoryBytes?: number | undefined
  /** What it is doing, for observers. */
  readonly status?: string | undefined
}

/** @internal What a lease is made with. */
export interface LeaseTerms {
  readonly id: string
  readonly route: string
  readonly profile: NamedProfile
  readonly clock: Clock
  readonly controller: AbortController | undefined
  /** Whether only progress renews its time. */
  readonly requireProgress: boolean
  /** Told once, as it ends. */
  readonly onEnd: (lease: TaskLease, outcome: TaskOutcome) => void
  readonly onBeat: (lease: TaskLease, heartbeat: Heartbeat) => void
}

const OUTCOMES: readonly TaskOutcome[] = ['completed', 'failed', 'timeout', 'aborted']

/**
 * A long task's right to run. It ends when it is released, when its `AbortController` aborts, when its time is over or
 * it is not heard of for three heartbeats (both abort the controller), or with its engine; then it holds nothing.
 */
export class TaskLease {
  /** Unique in its engine. */
  readonly id: string
  /** The route it belongs to. */
  readonly route: string
  /** The name of its profile; `'custom'` for one without. */
  readonly profile: string
  readonly #terms: LeaseTerms
  readonly #state: LeaseState
  #unhear: (() => void) | undefined
  #timer: TimerHandle | undefined
  #outcome: TaskOutcome | undefined

  /** @internal */
  constructor(terms: LeaseTerms) {
    this.id = terms.id
    this.route = terms.route
    this.profile = terms.profile.name
    this.#terms = terms
    this.#state = new LeaseState(terms.profile.budget, terms.clock.monoMs(), terms.requireProgress)
    this.#watch()
    this.#unhear = whenAborted(terms.controller?.signal, () => this.#end('aborted'))
  }

  /** Whether it has not ended. */
  get active(): boolean {
    return this.#outcome === undefined
  }

  /** How it ended; `undefined` while it runs. */
  get outcome(): TaskOutcome | undefined {
    return this.#outcome
  }

  /** The most progress that was reported, 0 to 1. */
  get progress(): number {
    return this.#state.progress
  }

  /** How long it has if nothing is heard of it, milliseconds; 0 once it has ended. */
  remainingMs(): number {
    return this.active ? Math.max(this.#state.endsAt - this.#terms.clock.monoMs(), 0) : 0
  }

  /** How long it has run, milliseconds. */
  elapsedMs(): number {
    return this.#terms.clock.monoMs() - this.#state.startedAt
  }

  /**
   * Says that the task is alive.
   *
   * @throws LeaseEndedError when it has ended, InvalidArgumentError for a value out of range; nothing is counted then.
   */
  heartbeat(heartbeat?: Heartbeat): void {
    const given = checkOptions('heartbeat', heartbeat)
    known('heartbeat', given, ['progress', 'memoryBytes', 'status'])
    const { progress, memoryBytes, status } = given
    if (progress !== undefined && !(typeof progress === 'number' && progress >= 0 && progress <= 1)) {
      throw new InvalidArgumentError('heartbeat.progress', 'a number from 0 to 1', progress)
    }
    if (memoryBytes !== undefined && !(typeof memoryBytes === 'number' && memoryBytes >= 0 && memoryBytes < Infinity)) {
      throw new InvalidArgumentError('heartbeat.memoryBytes', 'a finite number, zero or more', memoryBytes)
    }
    if (status !== undefined && typeof status !== 'string') {
      throw new InvalidArgumentError('heartbeat.status', 'a string', status)
    }
    if (this.#outcome !== undefined) throw new LeaseEndedError(this.route, this.#outcome)
    this.#state.beat(progress, this.#terms.clock.monoMs())
    this.#terms.onBeat(this, given)
  }

  /**
   * Ends the lease; a failure or a timeout scars the route. Whether this was what ended it.
   *
   * @throws InvalidArgumentError when the outcome is none (as a rejection); the lease goes on.
   */
  async release(outcome: TaskOutcome = 'completed'): Promise<boolean> {
    if (!OUTCOMES.includes(outcome)) throw new InvalidArgumentError('outcome', `one of ${OUTCOMES.join(', ')}`, outcome)
    return this.#end(outcome)
  }

  /** `await using lease = await atrion.startTask(…)` releases it as completed at the end of the block. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end('completed')
  }

  /** @internal Ends it for another reason than its own, and calls the work off. */
  cancel(reason: unknown): void {
    if (this.#end('aborted')) this.#terms.controller?.abort(reason)
  }

  #end(outcome: TaskOutcome): boolean {
    if (this.#outcome !== undefined) return false
    this.#outcome = outcome
    this.#timer?.cancel()
    this.#timer = undefined
    this.#unhear?.()
    this.#terms.onEnd(this, outcome)
    return true
  }

  /** One timer: heartbeats move its deadline and not the timer, which looks again when it fires. */
  #watch(): void {
    const { clock, route } = this.#terms
    const delay = Math.max(this.#state.endsAt - clock.monoMs(), 0)
    this.#timer = limitOn(clock, delay, `lease of ${route}`, this.#look, false)
  }

  readonly #look = (): void => {
    const { clock, controller, profile, route } = this.#terms
    const now = clock.monoMs()
    if (now < this.#state.endsAt) {
      this.#watch()
      return
    }
    const late = this.#state.overdue(now)
    const limit = late === 'time' ? profile.budget.maxDurationMs : profile.budget.heartbeatMs
    const silent = this.#terms.requireProgress ? 'made no progress for' : 'was not heard of for'
    const why = late === 'time' ? silent : 'sent no heartbeat for three times'
    this.#end('timeout')
    controller?.abort(new TimeoutError(route, limit, `the task of ${route} ${why} ${limit} ms`))
  }
}
