import { ClosedError, InvalidArgumentError } from '../errors/errors.ts'
import { flag, known, object, options as checkOptions, positiveMillis } from '../internal/validate.ts'
import { hot, scratch } from '../native.ts'
import {
  ADMISSION_RESISTANCE,
  ADMISSION_RETRY_AFTER,
  NOT_SHED,
  OWN_PROFILE,
  TASK_ABORTED,
  TASK_COMPLETED,
  TASK_FAILED,
  TASK_TIMED_OUT,
} from '../protocol/admission.ts'
import type { ShedReason } from './decisions.ts'
import { ShedError } from './errors.ts'
import type { Gate } from './gate.ts'
import { type LeaseSettings, makeLease, type TaskLease, type TaskOutcome } from './lease.ts'
import type { Observers } from './observers.ts'
import { type Priority, voltageOf } from './priority.ts'
import { interval, type NamedProfile } from './profiles.ts'
import { SHED_REASONS } from './shed-reasons.ts'

/** Options of {@link Atrion.startTask}. */
export interface LeaseOptions {
  /** The name of the task's profile. Default: the route's profile. */
  readonly profile?: string | undefined
  /**
   * Aborts when the task's time is over, or it misses three heartbeats; aborting it ends the lease. HEAVY and EXTREME
   * need one. Default: none.
   */
  readonly abortController?: AbortController | undefined
  /** The importance of the task: a name, or a voltage. Default: the Atrion's `defaultVoltage`. */
  readonly priority?: Priority | number | undefined
  /**
   * Most time between heartbeats, or between reports of progress with `requireProgress`, milliseconds. Default: the
   * profile's.
   */
  readonly timeoutMs?: number | undefined
  /** The same as `timeoutMs`, by the name that Atrion had; not together with it. */
  readonly timeout?: number | undefined
  /** Data of yours about the task, which the lease and its events carry. Default: none. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  /** The interval of the heartbeats that the task must send, in milliseconds; 0 is none. Default: the profile's. */
  readonly heartbeatMs?: number | undefined
  /** Lets only a heartbeat with more progress renew the time, and ten times at most. Default false. */
  readonly requireProgress?: boolean | undefined
}

const OPTIONS = [
  'profile',
  'abortController',
  'priority',
  'timeoutMs',
  'timeout',
  'metadata',
  'heartbeatMs',
  'requireProgress',
]
/** The core's codes of outcomes. */
const CODES: Readonly<Record<TaskOutcome, number>> = {
  completed: TASK_COMPLETED,
  failed: TASK_FAILED,
  timeout: TASK_TIMED_OUT,
  aborted: TASK_ABORTED,
}

/** The tasks of one Atrion that run under a lease. */
export class Tasks {
  readonly #gate: Gate
  readonly #observers: Observers
  readonly #max: number
  readonly #leases = new Set<TaskLease>()
  readonly #perRoute = new Map<string, number>()
  #count = 0

  constructor(gate: Gate, observers: Observers, max: number) {
    this.#gate = gate
    this.#observers = observers
    this.#max = max
  }

  /** Returns how many tasks of a route run. */
  count(route: string): number {
    return this.#perRoute.get(route) ?? 0
  }

  /** Starts a task, if the core admits it. */
  start(route: string, options: LeaseOptions | undefined, defaultVoltage: number): TaskLease {
    const gate = this.#gate
    gate.assertOpen()
    const opts = checkOptions('options', options)
    known('options', opts, OPTIONS)
    const profile = this.#profileFor(route, opts)
    const controller = checkedController(opts.abortController, profile)
    const voltage = opts.priority === undefined ? defaultVoltage : voltageOf('options.priority', opts.priority)
    const requireProgress = flag('options.requireProgress', false, opts.requireProgress)
    const metadata = opts.metadata === undefined ? undefined : object('options.metadata', opts.metadata)
    controller?.signal.throwIfAborted()
    const now = gate.clock.monoMs()
    const id = gate.routes.id(route, now)
    const answer = hot.engineBeginTask(gate.engine, id, voltage, this.#leases.size, this.#max, now)
    if (answer !== NOT_SHED) {
      const [retryAfterMs, resistance] = [
        scratch[ADMISSION_RETRY_AFTER] as number,
        scratch[ADMISSION_RESISTANCE] as number,
      ]
      throw new ShedError(route, SHED_REASONS[-answer] as ShedReason, retryAfterMs, resistance)
    }
    const settings: LeaseSettings = {
      id: `lease-${++this.#count}`,
      route,
      profile,
      clock: gate.clock,
      controller,
      requireProgress,
      metadata: metadata as LeaseOptions['metadata'],
      onEnd: (lease, outcome) => this.#ended(lease, outcome, profile.index),
      onBeat: (lease, { progress, memoryBytes, status }) =>
        this.#observers.tell({ type: 'lease:heartbeat', route, lease: lease.id, progress, memoryBytes, status }),
    }
    const lease = makeLease(settings)
    this.#leases.add(lease)
    this.#perRoute.set(route, this.count(route) + 1)
    this.#observers.tell({
      type: 'lease:start',
      route,
      lease: lease.id,
      profile: profile.name,
      metadata: lease.metadata,
    })
    return lease
  }

  /** Ends all leases, and aborts their controllers. */
  close(): void {
    const reason = new ClosedError('the Atrion')
    for (const lease of this.#leases) lease.cancel(reason)
  }

  /** Returns the profile of a task, with the time limits of its options. */
  #profileFor(route: string, opts: LeaseOptions): NamedProfile {
    const { profiles } = this.#gate
    const profile =
      opts.profile === undefined
        ? { ...profiles.of(route), index: OWN_PROFILE }
        : profiles.named('options.profile', opts.profile)
    const { heartbeatMs } = opts
    const [field, timeoutMs] = timeLimitOf(opts)
    const { budget } = profile
    return {
      ...profile,
      budget: {
        ...budget,
        maxDurationMs: timeoutMs === undefined ? budget.maxDurationMs : positiveMillis(field, timeoutMs),
        heartbeatMs: heartbeatMs === undefined ? budget.heartbeatMs : interval('options.heartbeatMs', heartbeatMs),
      },
    }
  }

  #ended(lease: TaskLease, outcome: TaskOutcome, profile: number): void {
    const { route } = lease
    this.#leases.delete(lease)
    const left = this.count(route) - 1
    if (left > 0) this.#perRoute.set(route, left)
    else this.#perRoute.delete(route)
    const gate = this.#gate
    let scar = 0
    if (!gate.closed) {
      const now = gate.clock.monoMs()
      scar = hot.engineTaskEnded(gate.engine, gate.routes.id(route, now), profile, CODES[outcome], now)
    }
    this.#observers.tell({ type: 'lease:end', route, lease: lease.id, outcome, scar, elapsedMs: lease.elapsedMs() })
  }
}

/** Returns the time limit of a task's options, and the field that it stands in. */
function timeLimitOf({ timeoutMs, timeout }: LeaseOptions): readonly [field: string, limit: number | undefined] {
  if (timeout === undefined) return ['options.timeoutMs', timeoutMs]
  if (timeoutMs === undefined) return ['options.timeout', timeout]
  throw new InvalidArgumentError('options.timeout', 'left out beside options.timeoutMs, which is the same', timeout)
}

function checkedController(value: unknown, { name, budget }: NamedProfile): AbortController | undefined {
  if (value === undefined) {
    if (!budget.requireAbort) return undefined
    const hint = `: AbortController is required for tasks of ${name}`
    throw new InvalidArgumentError('options.abortController', 'an AbortController', value, hint)
  }
  const controller = value as AbortController
  if (typeof controller?.abort === 'function' && typeof controller.signal?.addEventListener === 'function') {
    return controller
  }
  throw new InvalidArgumentError('options.abortController', 'an AbortController', value)
}
