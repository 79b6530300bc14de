import type { Clock } from '../clock/types.ts'
import type { System } from '../system/system.ts'
import type { Mode, ShedReason } from './decisions.ts'
import type { AtrionObserver } from './observers.ts'
import type { Priority } from './priority.ts'
import type { StateProvider, SyncOptions } from './provider/types.ts'

/** What a caller saw of a route since it last looked. What is left out is unknown, never "good". */
export interface Telemetry {
  /** Latency in milliseconds, zero or more. */
  readonly latencyMs: number
  /** Share of failed calls, 0 to 1. */
  readonly errorRate?: number | undefined
  /** Load relative to capacity, zero or more; 1 is full. */
  readonly saturation?: number | undefined
  /** How long ago this was seen, milliseconds: what happened since is estimated from the momentum. Default 0. */
  readonly ageMs?: number | undefined
}

/** The answer of {@link Atrion.route}. */
export interface RouteDecision {
  /** Whether the request may flow: the breaker is closed and the voltage is above the resistance. */
  readonly allow: boolean
  /** R at the decision, in ohms. */
  readonly resistance: number
  readonly mode: Mode
  /** `'OK'`, `'Circuit breaker open'`, or which voltage stood against which resistance. */
  readonly reason: string
}

/** How {@link Atrion.route} is asked. */
export interface RouteOptions {
  /** Against which the resistance stands. Default: the engine's `defaultVoltage`. */
  readonly voltage?: number | undefined
  /** A named priority instead of a voltage. */
  readonly priority?: Priority | undefined
  /** What this report is measured against, by name. Default: the route's profile. */
  readonly profile?: string | undefined
}

/** R and its terms, now: what explains a decision. All in ohms unless the name says otherwise. */
export interface RouteState {
  readonly routeId: string
  readonly mode: Mode
  readonly resistance: number
  readonly base: number
  /** Of latency, errors and saturation against their baselines; negative when better. */
  readonly pressure: number
  /** Of deterioration; recovery adds nothing. */
  readonly momentum: number
  /** Of past trauma; decays with time. What this engine saw itself. */
  readonly scarTissue: number
  /** What the scar that other processes share adds; negative when they are better off. */
  readonly shared: number
  /** Of silence, where `stalenessRate` is set. */
  readonly staleness: number
  /** Latency at which latency pressure is zero here, as learned, milliseconds; `undefined` where it is not. */
  readonly learnedLatencyMs: number | undefined
  /** Error rate at which error pressure is zero here, as learned; `undefined` where it is not. */
  readonly learnedErrorRate: number | undefined
  /** Saturation at which saturation pressure is zero here, as learned; `undefined` where it is not. */
  readonly learnedSaturation: number | undefined
  /** Scar grown per `minDeltaT` of critical pressure. */
  readonly scarFactor: number
  /** R at which the breaker opens. */
  readonly breakAt: number
  /** R below which it closes. */
  readonly recoveryAt: number
  /** Reports taken in. */
  readonly tickCount: number
  /** Monotonic time of the last report, in milliseconds; `undefined` before the first. */
  readonly lastUpdatedAt: number | undefined
  /** What the gate measures, once something was admitted or shed here. */
  readonly gate: GateState | undefined
}

/** What a gate measures. */
export interface GateState {
  /** Most work in flight, now. */
  readonly limit: number
  readonly inFlight: number
  readonly queued: number
  /** Totals since the gate was made. */
  readonly admitted: number
  /** Of these, admitted by the trickle although limit, queue or resistance said no. */
  readonly trickled: number
  readonly succeeded: number
  /** Timeouts included. */
  readonly failed: number
  /** Tickets freed by their deadline. */
  readonly timedOut: number
  /** Latency of the service when nothing queues in it, in milliseconds, once known. */
  readonly latencyBaselineMs: number | undefined
  /** Mean wait of recent admissions, in milliseconds. */
  readonly queueDelayMs: number
  /** Longest wait in force, in milliseconds. */
  readonly queueDeadlineMs: number
  /** Failed share of recent calls, if there were enough to tell. */
  readonly errorRate: number | undefined
  /** Refusals by reason; in shadow mode, what would have been refused. */
  readonly shed: Readonly<Record<ShedReason, number>>
}

/** A refusal. */
export interface Shed {
  readonly allow: false
  readonly route: string
  readonly reason: ShedReason
  /** A jittered estimate of when a retry can succeed, in milliseconds. */
  readonly retryAfterMs: number
  /** R at the decision, in ohms. */
  readonly resistance: number
}

/** How admitted work ended. */
export interface TicketOutcome {
  /** Whether it worked; default true. A failure counts as an error of the route. */
  readonly ok?: boolean | undefined
  /** The caller went away: counts as nothing. */
  readonly aborted?: boolean | undefined
}

/** How {@link Atrion.admit} is asked. */
export interface AdmitOptions {
  /** How important it is: a name, or a voltage. Default `'normal'`. */
  readonly priority?: Priority | number | undefined
  /** The ticket is freed and counted as a failure after this, in milliseconds. Default `admission.ticketTimeoutMs`. */
  readonly timeoutMs?: number | undefined
  /** The profile whose `maxDurationMs` is the default of `timeoutMs`. Default: the route's, where it was given one. */
  readonly profile?: string | undefined
  /** Longest wait, in milliseconds; the gate's own queue deadline also holds. Default: only that. */
  readonly maxWaitMs?: number | undefined
  /** Ends the wait: the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined
}

/** How {@link Atrion.run} is asked. */
export interface RunOptions {
  /** How important it is: a name, or a voltage. Default `'normal'`. */
  readonly priority?: Priority | number | undefined
  /** Time for waiting and running together, in milliseconds. Default: the profile's, else `admission.ticketTimeoutMs`. */
  readonly timeoutMs?: number | undefined
  /** The profile whose `maxDurationMs` is the default of `timeoutMs`. Default: the route's, where it was given one. */
  readonly profile?: string | undefined
  /**
   * Ends the wait, and is passed on to the work. The caller is told at once; the place stays taken until the work settles,
   * or its time is over.
   */
  readonly signal?: AbortSignal | undefined
  /** Whether an error of the work counts as a failure of the route. Default: every error does. */
  readonly isFailure?: ((error: unknown) => boolean) | undefined
}

/** What the work of {@link Atrion.run} gets. */
export interface RunContext {
  /** Aborts at the timeout or with the caller's signal. */
  readonly signal: AbortSignal
  /** How long it waited for admission, in milliseconds. */
  readonly waitedMs: number
}

/** Constants of the physics; see `docs/admission.md` for what each does. */
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
  /** Weight of momentum, ohms per (pressure per second). Default 0: momentum shows in `why()`'s data, and does not refuse. */
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
  /** How long one report speaks for the route, milliseconds. Default 1000. */
  readonly holdMs?: number
  /** Time constant with which a report fades after that, milliseconds. Default 1000. */
  readonly fadeMs?: number
  /** Fast average of momentum, milliseconds. Default 1000. */
  readonly momentumFastMs?: number
  /** Slow average of momentum, milliseconds. Default 5000. */
  readonly momentumSlowMs?: number
  /** Momentum below this, per second, is noise. Default 0.02. */
  readonly momentumDeadBand?: number
  /** What each second of silence adds once a report has ceased to hold, ohms. Default 0: silence means that nobody asked. */
  readonly stalenessRate?: number
  /** From this much of it on a route is closed until it is heard of again, ohms. Default 5. */
  readonly stalenessLimit?: number
  /** What a route that opens adds to the scar of its neighbours, ohms; it never opens them. Default 5. */
  readonly cascadeBump?: number
  /** Time constant with which a scar that was shared loses its weight, milliseconds. Default 10 000. */
  readonly sharedFadeMs?: number
}

/** What counts as normal for a route. A number that is given stays, whatever the service does; the others are learned of each route. */
export interface Slo {
  /** Latency at which latency pressure is zero, milliseconds. Default: learned. */
  readonly baselineLatencyMs?: number
  /**
   * Whether normal latency is learned: within a factor of eight of `baselineLatencyMs` where that is given; `false` without it means
   * 100 ms. Default: true without `baselineLatencyMs`, false with it.
   */
  readonly learnedBaseline?: boolean
  /** Error rate at which error pressure is zero, 0 to 1. Default: learned. */
  readonly targetErrorRate?: number
  /** Saturation at which saturation pressure is zero. Default: learned. */
  readonly saturationBaseline?: number
  /** How much a breach of each matters; the weight is ln(1 + c). Defaults 5, 8 and 3. */
  readonly criticality?: { readonly latency?: number; readonly error?: number; readonly saturation?: number }
}

/** How a route learns its break threshold: mean + sensitivity × deviation of R, while it is healthy. */
export interface TunerConfig {
  /** Memory, in units of `minDeltaT`. Default 100. */
  readonly windowSize?: number
  /** Deviations above the mean. Default 3. */
  readonly sensitivity?: number
  /** Deviations above the mean at which an open breaker has recovered. Default 1. */
  readonly recoverySensitivity?: number
  /** The break never goes below this, ohms. Default 0: it stays above the mean by `baseResistance` anyway. */
  readonly minFloor?: number
  /** The break never goes above this, ohms. Default 500. */
  readonly hardCeiling?: number
  /** Healthy time that weighs as much as the untuned break does, in units of `minDeltaT`. Default 100. */
  readonly warmupTicks?: number
}

/** Constants of the gates behind {@link Atrion.admit}. */
export interface AdmissionConfig {
  /** The in-flight limit stays at or above this. Default 1. */
  readonly minLimit?: number
  /** The in-flight limit stays at or below this. Default 10 000. */
  readonly maxLimit?: number
  /** The in-flight limit before anything was measured. Default 4. */
  readonly initialLimit?: number
  /** A fixed limit instead of an adaptive one. */
  readonly limit?: number
  /** How much slower than its baseline work may get before the limit stops growing. Default 1.5. */
  readonly tolerance?: number
  /** Latency of the service when nothing queues in it, milliseconds. Default: learned. */
  readonly latencyBaselineMs?: number
  /** Most requests waiting; 0 turns the queue off. Default 1000. */
  readonly maxQueue?: number
  /** Longest wait, milliseconds. Default: from the measured service time. */
  readonly queueDeadlineMs?: number
  /** A ticket that is not done is freed after this, milliseconds. Default 30 000. */
  readonly ticketTimeoutMs?: number
  /** Requests a second that are admitted whatever everything else says. Default 1. */
  readonly tricklePerSecond?: number
  /** Share of the arrivals that is. Default 0.01. */
  readonly trickleShare?: number
  /** Most of them in flight beyond the limit. Default 8. */
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
  /** What it belongs to: its clock, its random source, and closed with it. Default: the default system. */
  readonly system?: System
  /** Another clock than the system's. */
  readonly clock?: Clock
  /** Against which resistance stands where a call says nothing. Default 100. */
  readonly defaultVoltage?: number
  /** Routes kept; beyond it the coldest idle one is forgotten. Default 10 000. */
  readonly maxRoutes?: number
  /** Constants of the physics of {@link Atrion.route}. */
  readonly config?: PhysicsConfig
  /** What counts as normal for {@link Atrion.route}. Default: what each route shows to be normal for it. */
  readonly slo?: Slo
  /** Learned break thresholds: options, true for the defaults, or false for none. Default true. */
  readonly autoTuner?: boolean | TunerConfig
  /** Constants of the gates behind {@link Atrion.admit}. */
  readonly admission?: AdmissionConfig
  /** With whom routes' state is shared, from `connect()` on. Default: with nobody. */
  readonly provider?: StateProvider
  /** How it is shared. */
  readonly sync?: SyncOptions
  /** Told what happens; the same as the first {@link Atrion.observe}. */
  readonly observer?: AtrionObserver
  /** Tasks under a lease at one time. Default 10 000. */
  readonly maxTasks?: number
  /** Kept for users of the earlier library: the engine is always the native one. */
  readonly engine?: 'auto' | 'native'
}
