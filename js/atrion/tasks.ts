import { flag, known, options as checkOptions, positiveMillis } from '../internal/validate.ts'
import { ClosedError, InvalidArgumentError } from '../errors/errors.ts'
import { ShedError } from './errors.ts'
import { hot, scratch } from '../native.ts'
import {
  MODE_CIRCUIT_BREAKER,
  OWN_PROFILE,
  PEEKED_MODE,
  TASK_ABORTED,
  TASK_COMPLETED,
  TASK_FAILED,
  TASK_TIMED_OUT,
} from '../protocol/admission.ts'
import type { Gate } from './gate.ts'
import { type LeaseTerms, TaskLease } from './lease.ts'
import type { TaskOutcome } from './lease-state.ts'
import type { Observers } from './observers.ts'
import { type Priority, voltageOf } from './priority.ts'
import { interval, type NamedProfile, type Profiles } from './profiles.ts'

/** How {@link Atrion.startTask} is asked. */
export interface LeaseOptions {
  /** The profile of the task. Default: the route's. */
  readonly profile?: string | undefined
  /** Aborted when the task's time is over; aborting it ends the lease. Needed for HEAVY and EXTREME. */
  readonly abortController?: AbortController | undefined
  /** How important it is: a name, or a voltage. Default: the engine's `defaultVoltage`. */
  readonly priority?: Priority | number | undefined
  /** Most time between heartbeats, or between reports of progress with `requireProgress`, milliseconds. Default: the profile's. */
  readonly timeoutMs?: number | undefined
  /** It must be heard of this often, milliseconds; 0 is never. Default: the profile's. */
  readonly heartbeatMs?: number | undefined
  /** Whether a heartbeat renews the time only with more progress than before, and ten times at most. Default false. */
  readonly requireProgress?: boolean | undefined
}

const OPTIONS = ['profile', 'abortController', 'priority', 'timeoutMs', 'heartbeatMs', 'requireProgress']
/** The outcome's code in the core. */
const CODES: Readonly<Record<TaskOutcome, number>> = {
  completed: TASK_COMPLETED,
  failed: TASK_FAILED,
  timeout: TASK_TIMED_OUT,
  aborted: TASK_ABORTED,
}

/** The tasks of one engine that run under a lease. */
export class Tasks {
  readonly #gate: Gate
  readonly #profiles: Profiles
  readonly #observers: Observers
  readonly #max: number
  readonly #leases = new Set<TaskLease>()
  readonly #perRoute = new Map<string, number>()
  #made = 0

  constructor(gate: Gate, profiles: Profiles, observers: Observers, max: number) {
    this.#gate = gate
    this.#profiles = profiles
    this.#observers = observers
    this.#max = max
  }

  count(route: string): number {
    return this.#perRoute.get(route) ?? 0
  }

  start(route: string, options: LeaseOptions | undefined, defaultVoltage: number): TaskLease {
    const gate = this.#gate
    gate.assertOpen()
    const given = checkOptions('options', options)
    known('options', given, OPTIONS)
    const profile = this.#profileFor(route, given)
    const controller = controllerOf(given.abortController, profile)
    const voltage = given.priority === undefined ? defaultVoltage : voltageOf('options.priority', given.priority)
    const requireProgress = flag('options.requireProgress', false, given.requireProgress)
    controller?.signal.throwIfAborted()
    const now = gate.clock.monoMs()
    const id = gate.routes.id(route, now)
    const resistance = hot.enginePeek(gate.engine, id, now)
    const isOpen = scratch[PEEKED_MODE] === MODE_CIRCUIT_BREAKER
    if (isOpen || voltage <= resistance) throw new ShedError(route, 'resistance', 1000, resistance)
    if (this.#leases.size >= this.#max) throw new ShedError(route, 'limit', 1000, resistance)
    const terms: LeaseTerms = {
      id: `lease-${++this.#made}`,
      route,
      profile,
      clock: gate.clock,
      controller,
      requireProgress,
      onEnd: (lease, outcome) => this.#ended(lease, outcome, profile.index),
      onBeat: (lease, { progress, memoryBytes, status }) =>
        this.#observers.tell({ type: 'lease:heartbeat', route, lease: lease.id, progress, memoryBytes, status }),
    }
    const lease = new TaskLease(terms)
    this.#leases.add(lease)
    this.#perRoute.set(route, this.count(route) + 1)
    this.#observers.tell({ type: 'lease:start', route, lease: lease.id, profile: profile.name })
    return lease
  }

  /** Ends all of them, and calls their work off. */
  close(): void {
    const reason = new ClosedError('the Atrion')
    for (const lease of this.#leases) lease.cancel(reason)
  }

  #profileFor(route: string, given: LeaseOptions): NamedProfile {
    const profile =
      given.profile === undefined
        ? { ...this.#profiles.of(route), index: OWN_PROFILE }
        : this.#profiles.named('options.profile', given.profile)
    const { timeoutMs, heartbeatMs } = given
    const { budget } = profile
    return {
      ...profile,
      budget: {
        ...budget,
        maxDurationMs: timeoutMs === undefined ? budget.maxDurationMs : positiveMillis('options.timeoutMs', timeoutMs),
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

function controllerOf(given: unknown, { name, budget }: NamedProfile): AbortController | undefined {
  if (given === undefined) {
    if (!budget.requireAbort) return undefined
    throw new InvalidArgumentError('options.abortController', `an AbortController, which ${name} tasks need`, given)
  }
  const controller = given as AbortController
  if (typeof controller?.abort === 'function' && typeof controller.signal?.addEventListener === 'function') {
    return controller
  }
  throw new InvalidArgumentError('options.abortController', 'an AbortController', given)
}
