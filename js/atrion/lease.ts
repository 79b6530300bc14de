import { limitOn } from '../clock/internal-timers.ts'
import type { Clock, TimerHandle } from '../clock/types.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { TimeoutError } from '../errors/errors.ts'
import { LeaseEndedError } from './errors.ts'
import { whenAborted } from '../internal/abort-hub.ts'
import { assertInternal, INTERNAL } from '../internal/private-constructor.ts'
import { known, options as checkOptions } from '../internal/validate.ts'
import { NativeHandles } from '../internal/native-handles.ts'
import { hot, scratch } from '../native.ts'
import { LEASE_ENDS_AT, LEASE_PROGRESS, MISSED_TIME } from '../protocol/admission.ts'
import type { NamedProfile } from './profiles.ts'

/** The end of a task: released as done or failed, out of time, or aborted. */
export type TaskOutcome = 'completed' | 'failed' | 'timeout' | 'aborted'

/** A sign of life of a task. */
export interface Heartbeat {
  /** Progress of the task, 0 to 1. With `requireProgress` only more than before renews its time. */
  readonly progress?: number | undefined
  /** Memory that the task holds, in bytes, for observers. */
  readonly memoryBytes?: number | undefined
  /** The task's current step, for observers. */
  readonly status?: string | undefined
}

/** @internal The parts of a lease. */
export interface LeaseSettings {
  readonly id: string
  readonly route: string
  readonly profile: NamedProfile
  readonly clock: Clock
  readonly controller: AbortController | undefined
  /** True if only progress renews the task's time. */
  readonly requireProgress: boolean
  /** Data of the user's. */
  readonly metadata: Readonly<Record<string, unknown>> | undefined
  /** Called once, as the lease ends. */
  readonly onEnd: (lease: TaskLease, outcome: TaskOutcome) => void
  readonly onBeat: (lease: TaskLease, heartbeat: Heartbeat) => void
}

const handles = new NativeHandles((lease) => hot.leaseEnd(lease))

const OUTCOMES: readonly TaskOutcome[] = ['completed', 'failed', 'timeout', 'aborted']

/** @internal Starts a lease. */
export let makeLease: (settings: LeaseSettings) => TaskLease

/**
 * The right of a long task to run, returned by `Atrion.startTask`.
 *
 * It ends when you release it, when its `AbortController` aborts, when its time is over, when it misses three
 * heartbeats, or when its Atrion closes. The last three also abort the controller.
 */
export class TaskLease {
  static {
    makeLease = (settings) => new TaskLease(INTERNAL, settings)
  }

  /** The id of the lease, unique in its Atrion. */
  readonly id: string
  /** The route of the task. */
  readonly route: string
  /** The name of the task's profile; `'custom'` for a route's profile without a name. */
  readonly profile: string
  /** Wall time of the start, in milliseconds since the epoch. */
  readonly startedAt: number
  /** The data that `startTask` was given; `undefined` for none. */
  readonly metadata: Readonly<Record<string, unknown>> | undefined
  readonly #settings: LeaseSettings
  readonly #startedAt: number
  /** The lease of the core. */
  readonly #lease: number
  /** The time at which the task ends without another heartbeat. */
  #endsAt = 0
  #progress = 0
  #stopListening: (() => void) | undefined
  #timer: TimerHandle | undefined
  #outcome: TaskOutcome | undefined

  /** @throws PrivateConstructorError outside the package. */
  private constructor(internal: typeof INTERNAL, settings: LeaseSettings) {
    assertInternal(internal, 'TaskLease', 'Atrion.startTask()')
    this.id = settings.id
    this.route = settings.route
    this.profile = settings.profile.name
    this.startedAt = settings.clock.now().wallMs
    this.metadata = settings.metadata
    this.#settings = settings
    const { maxDurationMs, heartbeatMs } = settings.profile.budget
    this.#startedAt = settings.clock.monoMs()
    const lease = hot.leaseStart(maxDurationMs, heartbeatMs, settings.requireProgress ? 1 : 0, this.#startedAt)
    this.#lease = handles.own(this, lease)
    this.#read()
    this.#watch()
    this.#stopListening = whenAborted(settings.controller?.signal, () => this.#end('aborted'))
  }

  /** The route of the task; the same as {@link route}. */
  get routeId(): string {
    return this.route
  }

  /** True until the lease has ended. */
  get active(): boolean {
    return this.#outcome === undefined
  }

  /** True until the lease has ended; the same as {@link active}. */
  get isActive(): boolean {
    return this.active
  }

  /**
   * Wall time at which the lease ends without another heartbeat, in milliseconds since the epoch. Once it has ended: the
   * time at which it would have.
   */
  get expiresAt(): number {
    const { wallMs, monoMs } = this.#settings.clock.now()
    return wallMs + this.#endsAt - monoMs
  }

  /** The end of the lease; `undefined` while it runs. */
  get outcome(): TaskOutcome | undefined {
    return this.#outcome
  }

  /** The highest progress of all heartbeats, 0 to 1. */
  get progress(): number {
    return this.#progress
  }

  /** Returns how long the lease lasts without another heartbeat, in milliseconds; 0 once it has ended. */
  remainingMs(): number {
    return this.active ? Math.max(this.#endsAt - this.#settings.clock.monoMs(), 0) : 0
  }

  /** Returns how long ago the task started, in milliseconds. */
  elapsedMs(): number {
    return this.#settings.clock.monoMs() - this.#startedAt
  }

  /**
   * Reports that the task is alive, which renews its time.
   *
   * @throws LeaseEndedError when the lease has ended; InvalidArgumentError for a value out of range, which changes
   *   nothing.
   */
  heartbeat(heartbeat?: Heartbeat): void {
    const beat = checkOptions('heartbeat', heartbeat)
    known('heartbeat', beat, ['progress', 'memoryBytes', 'status'])
    const { progress, memoryBytes, status } = beat
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
    hot.leaseBeat(this.#lease, progress ?? NaN, this.#settings.clock.monoMs())
    this.#read()
    this.#settings.onBeat(this, beat)
  }

  /**
   * Ends the lease. `'failed'` and `'timeout'` scar the route. Resolves to whether the lease was still running.
   *
   * @param outcome The end of the task. Default `'completed'`.
   * @throws InvalidArgumentError for another outcome, as a rejection; the lease goes on.
   */
  async release(outcome: TaskOutcome = 'completed'): Promise<boolean> {
    if (!OUTCOMES.includes(outcome)) throw new InvalidArgumentError('outcome', `one of ${OUTCOMES.join(', ')}`, outcome)
    return this.#end(outcome)
  }

  /** Releases the lease as completed at the end of a block: `await using lease = await atrion.startTask(…)`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end('completed')
  }

  /** @internal Ends the lease and aborts its controller, because its Atrion closes. */
  cancel(reason: unknown): void {
    if (this.#end('aborted')) this.#settings.controller?.abort(reason)
  }

  #end(outcome: TaskOutcome): boolean {
    if (this.#outcome !== undefined) return false
    this.#outcome = outcome
    this.#timer?.cancel()
    this.#timer = undefined
    this.#stopListening?.()
    handles.close(this, this.#lease)
    this.#settings.onEnd(this, outcome)
    return true
  }

  /** Reads what the core has just shown of the lease. */
  #read(): void {
    this.#endsAt = scratch[LEASE_ENDS_AT] as number
    this.#progress = scratch[LEASE_PROGRESS] as number
  }

  /** Sets the only timer. A heartbeat moves the deadline and not the timer, which checks again when it fires. */
  #watch(): void {
    const { clock, route } = this.#settings
    const delay = Math.max(this.#endsAt - clock.monoMs(), 0)
    this.#timer = limitOn(clock, delay, `lease of ${route}`, this.#check, false)
  }

  readonly #check = (): void => {
    const { clock, controller, profile, route } = this.#settings
    const now = clock.monoMs()
    const missed = hot.leaseMissed(this.#lease, now)
    if (missed < 0) {
      this.#watch()
      return
    }
    const isOver = missed === MISSED_TIME
    const limit = isOver ? profile.budget.maxDurationMs : profile.budget.heartbeatMs
    const silent = this.#settings.requireProgress ? 'made no progress for' : 'was not heard of for'
    const why = isOver ? silent : 'sent no heartbeat for three times'
    this.#end('timeout')
    controller?.abort(new TimeoutError(route, limit, `the task of ${route} ${why} ${limit} ms`))
  }
}
