import type { Clock } from '../clock/types.ts'
import type { System } from '../system/system.ts'
import type { Mode, ShedReason } from './decisions.ts'
import type { AtrionObserver } from './observers.ts'
import type { PhysicsObserver } from './physics-observers.ts'
import type { Priority } from './priority.ts'
import type { StateProvider, SyncOptions } from './provider/types.ts'

/** Measurements of a route since the last report. A field that is left out is unknown, never "good". */
export interface Telemetry {
  /** Latency in milliseconds, zero or more. */
  readonly latencyMs: number
  /** Share of failed calls, 0 to 1. */
  readonly errorRate?: number | undefined
  /** Load relative to capacity, zero or more; 1 is full. */
  readonly saturation?: number | undefined
  /**
   * Age of the measurements, in milliseconds from 0 to 1e9. The engine estimates the time since from the momentum.
   * Default 0.
   */
  readonly ageMs?: number | undefined
}

/** The answer of {@link Atrion.route}. */
export interface RouteDecision {
  /** True if the request may flow: the breaker is closed and the voltage is above the resistance. */
  readonly allow: boolean
  /** R at the decision, in ohms. */
  readonly resistance: number
  /** The state of the route's breaker after this report. */
  readonly mode: Mode
  /** The reason in words: `'OK'`, `'Circuit breaker open'`, or the voltage and the resistance that was not below it. */
  readonly reason: string
}

/** Options of {@link Atrion.route}. */
export interface RouteOptions {
  /**
   * The voltage, above 0 and at most 1e6: requests flow while it is above R. Default: the engine's `defaultVoltage`.
   */
  readonly voltage?: number | undefined
  /** A named priority, instead of a voltage. */
  readonly priority?: Priority | undefined
  /** The name of the profile that this report is measured against. Default: the route's profile. */
  readonly profile?: string | undefined
}

/** R of a route and its terms, now: `resistance` is the sum of the terms. In ohms unless the name says otherwise. */
export interface RouteState {
  /** The route. */
  readonly routeId: string
  /** The state of the route's breaker. */
  readonly mode: Mode
  /** R: requests flow while their voltage is above it. */
  readonly resistance: number
  /** The term of a route at rest. */
  readonly base: number
  /** The term of latency, errors and saturation against their baselines; negative when they are better. */
  readonly pressure: number
  /** The term of deterioration; recovery adds nothing. */
  readonly momentum: number
  /** The term of past stress that this engine saw itself; decays with time. */
  readonly scarTissue: number
  /** The term of the scar that other processes share; negative when they are better off. */
  readonly shared: number
  /** The term of silence; 0 unless `stalenessRate` is set. */
  readonly staleness: number
  /** Latency at which latency pressure is zero here, as learned, milliseconds; `undefined` where it is not. */
  readonly learnedLatencyMs: number | undefined
  /** Error rate at which error pressure is zero here, as learned; `undefined` where it is not. */
  readonly learnedErrorRate: number | undefined
  /** Saturation at which saturation pressure is zero here, as learned; `undefined` where it is not. */
  readonly learnedSaturation: number | undefined
  /** The growth of scar per `minDeltaT` of critical pressure, in ohms. */
  readonly scarFactor: number
  /** R at which the breaker opens. */
  readonly breakAt: number
  /** R below which it closes. */
  readonly recoveryAt: number
  /** The number of reports that the route has had. */
  readonly tickCount: number
  /** Monotonic time of the last report, in milliseconds; `undefined` before the first. */
  readonly lastUpdatedAt: number | undefined
  /** The gate's measurements; `undefined` before something was admitted or shed here. */
  readonly gate: GateState | undefined
}

/** Measurements of a route's gate. Totals count from when the gate was created. */
export interface GateState {
  /** Most work in flight at the moment; adapts to the speed of the service, and is rarely a whole number. */
  readonly limit: number
  /** Work in flight. */
  readonly inFlight: number
  /** Requests that wait. */
  readonly queued: number
  /** Total of admitted requests. */
  readonly admitted: number
  /** Total of those that the trickle admitted, although limit, queue or resistance refused them. */
  readonly trickled: number
  /** Total of successes. */
  readonly succeeded: number
  /** Total of failures, timeouts included. */
  readonly failed: number
  /** Total of tickets that their deadline freed. */
  readonly timedOut: number
  /** Latency of the service when nothing queues in it, in milliseconds, once known. */
  readonly latencyBaselineMs: number | undefined
  /** Mean wait of recent admissions, in milliseconds. */
  readonly queueDelayMs: number
  /** Longest wait in force, in milliseconds. */
  readonly queueDeadlineMs: number
  /** Failed share of recent calls, 0 to 1; `undefined` when there were too few to tell. */
  readonly errorRate: number | undefined
  /** Total of refusals by reason; in shadow mode, of requests that would have been refused. */
  readonly shed: Readonly<Record<ShedReason, number>>
  /** The same by priority. A voltage counts as the most important priority whose voltage it reaches. */
  readonly shedByPriority: Readonly<Record<Exclude<Priority, 'bulk'>, number>>
}

/** A refusal by a gate. */
export interface Shed {
  /** False, which tells a refusal from a ticket. */
  readonly allow: false
  /** The route. */
  readonly route: string
  /** The reason of the refusal. */
  readonly reason: ShedReason
  /** A jittered estimate of when a retry can succeed, in milliseconds. */
  readonly retryAfterMs: number
  /** R at the decision, in ohms. */
  readonly resistance: number
}

/** The end of admitted work. */
export interface TicketOutcome {
  /** True if the work succeeded; a failure counts as an error of the route. Default true. */
  readonly ok?: boolean | undefined
  /** True if the caller left, so that the work counts neither as success nor as failure. Default false. */
  readonly aborted?: boolean | undefined
}

/** Options of {@link Atrion.admit} and {@link Atrion.tryAdmit}. */
export interface AdmitOptions {
  /** The importance of the work: a name, or a voltage. Default `'normal'`. */
  readonly priority?: Priority | number | undefined
  /**
   * Time after which the ticket is freed and counts as a failure, in milliseconds. Default: the profile's
   * `maxDurationMs`, where there is a profile, else `admission.ticketTimeoutMs`.
   */
  readonly timeoutMs?: number | undefined
  /** The profile whose `maxDurationMs` is the default of `timeoutMs`. Default: the route's, where it was given one. */
  readonly profile?: string | undefined
  /** Longest wait, in milliseconds. Default: as long as the gate's own queue deadline, which always holds. */
  readonly maxWaitMs?: number | undefined
  /** Ends the wait when it aborts: the promise rejects with `signal.reason`. Default: none. */
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link Atrion.run}. */
export interface RunOptions {
  /** The importance of the work: a name, or a voltage. Default `'normal'`. */
  readonly priority?: Priority | number | undefined
  /**
   * Time for waiting and running together, in milliseconds; then the promise rejects with TimeoutError. Default: the
   * profile's `maxDurationMs`, where there is a profile, else `admission.ticketTimeoutMs`.
   */
  readonly timeoutMs?: number | undefined
  /** The profile whose `maxDurationMs` is the default of `timeoutMs`. Default: the route's, where it was given one. */
  readonly profile?: string | undefined
  /**
   * Ends the wait when it aborts, and aborts {@link RunContext.signal}. The promise rejects at once with
   * `signal.reason`; the place stays taken until the work settles, or its time is over. Default: none.
   */
  readonly signal?: AbortSignal | undefined
  /** Returns whether an error of the work counts as a failure of the route. Default: every error does. */
  readonly isFailure?: ((error: unknown) => boolean) | undefined
}

/** The argument of the work of {@link Atrion.run}. */
export interface RunContext {
  /** Aborts at the timeout or with the caller's signal. */
  readonly signal: AbortSignal
  /** The time that the work waited for admission, in milliseconds. */
  readonly waitedMs: number
}

/** Constants of the resistance; `docs/design/resistance.md` explains each. */
export interface PhysicsConfig {
  /** R at rest, ohms. Default 10. */
  readonly baseResistance?: number
  /** Scar decay per second. Default 0.1. */
  readonly decayRate?: number
  /** Extra scar decay per second while the evidence is healthy. Default 1. */
  readonly healRate?: number
  /** Scar grown per `minDeltaT` while pressure is critical, ohms. Default 5. */
  readonly scarFactor?: number
  /** The scar's upper bound, ohms. Default 1.2 times the untuned break. */
  readonly scarCap?: number
  /**
   * Weight of momentum, ohms per (pressure per second). Default 0: momentum shows in `why()`'s data, and does not
   * refuse.
   */
  readonly dampingFactor?: number
  /** Magnitude of positive pressure above which scar grows. Default 0.7. */
  readonly criticalPressure?: number
  /** The untuned break is `baseResistance` times this. Default 10. */
  readonly breakMultiplier?: number
  /** The recovery threshold is this share of the break. Default 0.5. */
  readonly recoveryMultiplier?: number
  /** Reports during which a route is in BOOTSTRAP. Default 10. */
  readonly bootstrapTicks?: number
  /** The unit of time of the per-tick constants, milliseconds. Default 100. */
  readonly minDeltaT?: number
  /** Steepness of tanh. Default 1. */
  readonly tanhScale?: number
  /** The time for which one report speaks for the route, in milliseconds. Default 1000. */
  readonly holdMs?: number
  /** Time constant with which a report fades after that, milliseconds. Default 1000. */
  readonly fadeMs?: number
  /** Fast average of momentum, milliseconds. Default 1000. */
  readonly momentumFastMs?: number
  /** Slow average of momentum, milliseconds. Default 5000. */
  readonly momentumSlowMs?: number
  /** Momentum below this, per second, is noise. Default 0.02. */
  readonly momentumDeadBand?: number
  /**
   * R added by each second of silence once a report has ceased to hold, ohms. Default 0: silence means that nobody
   * asked.
   */
  readonly stalenessRate?: number
  /** Staleness from which a route is closed until its next report, ohms. Default 5. */
  readonly stalenessLimit?: number
  /** Scar that a route which opens adds to its neighbours, ohms; it never opens them. Default 5. */
  readonly cascadeBump?: number
  /** Time constant with which a scar that was shared loses its weight, milliseconds. Default 10 000. */
  readonly sharedFadeMs?: number
}

/**
 * Levels that count as normal for a route. A number that you set stays, whatever the service does; the others are
 * learned per route. A number out of its range throws InvalidArgumentError.
 */
export interface Slo {
  /** Latency at which latency pressure is zero, in milliseconds, above 0. Default: learned. */
  readonly baselineLatencyMs?: number
  /**
   * Lets the route learn its normal latency: with `baselineLatencyMs`, within a factor of eight of it. `false` without
   * `baselineLatencyMs` means 100 ms. Default: true without `baselineLatencyMs`, false with it.
   */
  readonly learnedBaseline?: boolean
  /** Error rate at which error pressure is zero, above 0 and at most 1. Default: learned. */
  readonly targetErrorRate?: number
  /**
   * Saturation at which saturation pressure is zero, above 0, in the unit of the `saturation` that you report for the
   * route. Default: learned.
   */
  readonly saturationBaseline?: number
  /**
   * Accepted for programs of Atrion, where it had no effect either: a latency is unacceptable by its distance from the
   * baseline. A warning says so once.
   */
  readonly maxAcceptableLatencyMs?: number
  /** The importance of each signal, at least 0. The weight is `ln(1 + criticality)`. Defaults: 5, 8 and 3. */
  readonly criticality?: { readonly latency?: number; readonly error?: number; readonly saturation?: number }
}

/** Constants of the learned break threshold: mean + sensitivity × deviation of R, while the route is healthy. */
export interface TunerConfig {
  /** Memory, in units of `minDeltaT`. Default 100. */
  readonly windowSize?: number
  /** Deviations above the mean. Default 3. */
  readonly sensitivity?: number
  /** Deviations above the mean at which an open breaker has recovered. Default 1. */
  readonly recoverySensitivity?: number
  /**
   * The recovery threshold is this share of the break until the tuner is warm, 0 to 1. The same as
   * `config.recoveryMultiplier`, and not together with it. Default 0.5.
   */
  readonly recoveryMultiplier?: number
  /** The break never goes below this, ohms. Default 0: it stays above the mean by `baseResistance` anyway. */
  readonly minFloor?: number
  /** The break never goes above this, ohms. Default 500. */
  readonly hardCeiling?: number
  /** Healthy time that weighs as much as the untuned break does, in units of `minDeltaT`. Default 100. */
  readonly warmupTicks?: number
}

/** Constants of the gates behind {@link Atrion.admit}. */
export interface AdmissionConfig {
  /** Lower bound of the in-flight limit. Default 1. */
  readonly minLimit?: number
  /** Upper bound of the in-flight limit. Default 10 000. */
  readonly maxLimit?: number
  /** The in-flight limit before anything was measured. Default 4. */
  readonly initialLimit?: number
  /** A fixed limit instead of an adaptive one. */
  readonly limit?: number
  /** The factor by which work may get slower than its baseline before the limit stops growing. Default 1.5. */
  readonly tolerance?: number
  /** Latency of the service when nothing queues in it, milliseconds. Default: learned. */
  readonly latencyBaselineMs?: number
  /** Most requests waiting; 0 turns the queue off. Default 1000. */
  readonly maxQueue?: number
  /** Longest wait, milliseconds. Default: from the measured service time. */
  readonly queueDeadlineMs?: number
  /** Time after which a ticket that is not done is freed, milliseconds. Default 30 000. */
  readonly ticketTimeoutMs?: number
  /** Requests a second that the trickle admits, whatever limit, queue and resistance say. Default 1. */
  readonly tricklePerSecond?: number
  /** Share of the arrivals that the trickle admits. Default 0.01. */
  readonly trickleShare?: number
  /** Most trickled requests in flight beyond the limit. Default 8. */
  readonly trickleInFlight?: number
  /** Time constant of the error rate, milliseconds. Default 2000. */
  readonly errorWindowMs?: number
  /** Calls in that window below which an error rate means nothing. Default 10. */
  readonly minCalls?: number
  /** Error rate at which error pressure is zero. Default 0.25: about half of the calls failing is critical. */
  readonly targetErrorRate?: number
}

/** Options of {@link Atrion}. */
export interface AtrionOptions {
  /** The system whose clock and random source it uses, and which closes it. Default: the default system. */
  readonly system?: System
  /** A clock to use instead of the system's. */
  readonly clock?: Clock
  /** The voltage of calls to `route()` and `startTask()` that name none. Default 100. */
  readonly defaultVoltage?: number
  /** The most routes that are kept; beyond that the coldest idle one is forgotten. Default 10 000. */
  readonly maxRoutes?: number
  /** Constants of the physics of {@link Atrion.route}. */
  readonly config?: PhysicsConfig
  /** Levels that count as normal for {@link Atrion.route}. Default: learned of each route. */
  readonly slo?: Slo
  /** Learned break thresholds: constants, true for the defaults, or false for none. Default true. */
  readonly autoTuner?: boolean | TunerConfig
  /** Constants of the gates behind {@link Atrion.admit}. */
  readonly admission?: AdmissionConfig
  /** The provider through which routes' state is shared, from `connect()` on. Default: none. */
  readonly provider?: StateProvider
  /** Constants of the sharing. */
  readonly sync?: SyncOptions
  /** An observer from the start; the same as a first {@link Atrion.observe}. */
  readonly observer?: AtrionObserver | PhysicsObserver
  /** Most tasks under a lease at one time. Default 10 000. */
  readonly maxTasks?: number
  /**
   * Accepted for programs of Atrion: the engine is always the native one, in Rust. A warning says so once for `'wasm'`
   * and `'ts'`. Default `'auto'`.
   */
  readonly engine?: 'auto' | 'native' | 'wasm' | 'ts'
  /** Accepted for programs of Atrion: there is no WebAssembly. A warning says so once. */
  readonly useWasm?: boolean
}
