import { hot } from '../native.ts'
import { ANSWER_CIRCUIT_OPEN, ANSWER_INSUFFICIENT_VOLTAGE, NOT_SHED, QUEUED } from '../protocol/admission.ts'
import type { Mode, ShedReason } from './decisions.ts'
import type { Gate } from './gate.ts'
import { readGate, readRoute, routeState } from './readings.ts'
import { SHED_REASONS } from './shed-reasons.ts'

/** The last decision about a route, as data and in words. In ohms unless the name says otherwise. */
export interface Explanation {
  /** The route. */
  readonly routeId: string
  /** The part that decided: `route()` by telemetry, or the gate of `admit`, `tryAdmit` and `run`. */
  readonly decidedBy: 'route' | 'gate'
  /** The answer; `'waits'` for a request that was queued. */
  readonly answer: 'admitted' | 'refused' | 'waits'
  /** The reason of a refusal: one of a `Shed`, or `'circuit-open'`; `undefined` without one. */
  readonly reason: ShedReason | 'circuit-open' | undefined
  /** The voltage of the request. */
  readonly voltage: number
  /** The state of the route's breaker. */
  readonly mode: Mode
  /** R, the sum of the terms. */
  readonly resistance: number
  /**
   * The terms of the resistance. Of `route()`: at the decision. Of a gate: now, because work changes them between
   * decisions.
   */
  readonly terms: {
    /** The term of a route at rest. */
    readonly base: number
    /** The term of latency, errors and saturation together; negative when they are better than normal. */
    readonly pressure: number
    /** Each signal against its baseline, -1 to 1; 0 is at the baseline, or unknown. */
    readonly signals: { readonly latency: number; readonly errors: number; readonly saturation: number }
    /** The term of deterioration. */
    readonly momentum: number
    /** The term of past stress, which decays with time. */
    readonly scar: number
    /** The term of the scar that other processes share. */
    readonly shared: number
    /** The term of silence. */
    readonly staleness: number
  }
  /** R at which the breaker opens. */
  readonly breakAt: number
  /** R below which it closes. */
  readonly recoveryAt: number
  /** The name of the route's profile. */
  readonly profile: string
  /** The time of the decision, in monotonic milliseconds. */
  readonly decidedAt: number
  /** The same in words: a line for the answer, and one for each term that counts. */
  readonly text: string
}

/** Returns an explanation of the last decision about a route; `undefined` when there was none. */
export function explain(gate: Gate, route: string): Explanation | undefined {
  const id = gate.routes.find(route)
  if (id === undefined) return undefined
  const now = gate.clock.monoMs()
  const noted = gate.routes.noted(id)
  if (hot.engineReading(gate.engine, id, noted === undefined ? NaN : now) !== 1) return undefined
  const reading = readRoute()
  const state = routeState(route, reading)
  const voltage = noted?.voltage ?? reading.voltage
  if (voltage === undefined) return undefined
  const reason = noted === undefined ? reasonOfRoute(reading.decided) : reasonOfGate(noted.code)
  const waits = noted?.code === QUEUED
  const facts: Omit<Explanation, 'text'> = {
    routeId: route,
    decidedBy: noted === undefined ? 'route' : 'gate',
    answer: waits ? 'waits' : reason === undefined ? 'admitted' : 'refused',
    reason,
    voltage,
    mode: state.mode,
    resistance: state.resistance,
    terms: {
      base: state.base,
      pressure: state.pressure,
      signals: { latency: reading.latency, errors: reading.errors, saturation: reading.saturation },
      momentum: state.momentum,
      scar: state.scarTissue,
      shared: state.shared,
      staleness: state.staleness,
    },
    breakAt: state.breakAt,
    recoveryAt: state.recoveryAt,
    profile: gate.profiles.of(route).name,
    decidedAt: noted?.at ?? state.lastUpdatedAt ?? now,
  }
  const measured = noted !== undefined && hot.engineGate(gate.engine, id) === 1 ? readGate() : undefined
  const place =
    measured === undefined
      ? undefined
      : `${measured.inFlight} in flight of ${measured.limit.toFixed(1)}, ${measured.queued} waiting`
  return { ...facts, text: words(facts, place) }
}

function reasonOfRoute(decided: number | undefined): Explanation['reason'] {
  if (decided === ANSWER_CIRCUIT_OPEN) return 'circuit-open'
  return decided === ANSWER_INSUFFICIENT_VOLTAGE ? 'resistance' : undefined
}

function reasonOfGate(code: number): Explanation['reason'] {
  return code === NOT_SHED || code === QUEUED ? undefined : SHED_REASONS[-code]
}

function words(facts: Omit<Explanation, 'text'>, place: string | undefined): string {
  const { answer, breakAt, decidedBy, mode, reason, recoveryAt, resistance, routeId, terms, voltage } = facts
  const because = reason === undefined ? '' : ` (${reason})`
  const against = voltage > resistance ? 'is above' : 'is not above'
  const lines = [
    `${routeId}: ${answer}${because} by ${decidedBy === 'route' ? 'route()' : 'its gate'}; ` +
      `${ohms(voltage, 'V')} ${against} ${ohms(resistance)}, ${mode}`,
  ]
  if (place !== undefined) lines.push(`gate: ${place}`)
  if (mode === 'BOOTSTRAP') lines.push('bootstrap: too few reports to judge, so the terms below do not count yet')
  lines.push(`base ${ohms(terms.base)}`)
  if (terms.pressure !== 0) lines.push(`pressure ${signed(terms.pressure)}: ${signalWords(terms.signals)}`)
  if (terms.momentum > 0) lines.push(`momentum ${signed(terms.momentum)}: it is getting worse`)
  if (terms.scar >= 0.05) lines.push(`scar ${signed(terms.scar)}: stress of the last while, which heals with time`)
  if (Math.abs(terms.shared) >= 0.05) lines.push(`shared ${signed(terms.shared)}: what other processes say`)
  if (terms.staleness > 0) lines.push(`staleness ${signed(terms.staleness)}: nothing was heard of it`)
  lines.push(`opens at ${ohms(breakAt)}, closes below ${ohms(recoveryAt)}`)
  return lines.join('\n')
}

const ohms = (value: number, unit = 'Ω'): string => `${value.toFixed(1)} ${unit}`
const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)} Ω`

function signalWords(signals: Explanation['terms']['signals']): string {
  const named = Object.entries(signals).filter(([, value]) => value !== 0)
  return named.map(([name, value]) => `${name} ${value > 0 ? 'above' : 'below'} normal`).join(', ')
}
