import { hot } from '../native.ts'
import type { Gate } from './gate.ts'
import { SHED_REASONS } from './shed-reasons.ts'
import { readGate, readRoute, routeState } from './readings.ts'
import { NOT_SHED, QUEUED } from '../protocol/admission.ts'
import type { RouteState } from './types.ts'
import type { Mode, ShedReason } from './decisions.ts'

/** Why a route answered as it did, as data and in words. All in ohms unless the name says otherwise. */
export interface Explanation {
  /** The name of the route. */
  readonly routeId: string
  /** Who decided: `route()` by telemetry, or the gate of `admit`, `tryAdmit` and `run`. */
  readonly decidedBy: 'route' | 'gate'
  /** The answer; `'waits'` for a request that was queued. */
  readonly answer: 'admitted' | 'refused' | 'waits'
  /** Why it was refused: a reason of a {@link Shed}, or `'circuit-open'`. */
  readonly reason: ShedReason | 'circuit-open' | undefined
  /** The voltage of the request that was decided. */
  readonly voltage: number
  /** The mode of the route at the decision. */
  readonly mode: Mode
  /** The resistance of the route at the decision. */
  readonly resistance: number
  /** What the resistance is made of. Of `route()` at the decision; of a gate now, because work changes it between decisions. */
  readonly terms: {
    readonly base: number
    /** Of latency, errors and saturation together; negative when better than normal. */
    readonly pressure: number
    /** Each signal against its baseline, -1 to 1; 0 is at the baseline, or unknown. */
    readonly signals: { readonly latency: number; readonly errors: number; readonly saturation: number }
    readonly momentum: number
    readonly scar: number
    readonly shared: number
    readonly staleness: number
  }
  /** The resistance at which the route opens. */
  readonly breakAt: number
  /** The resistance at which an open route closes again. */
  readonly recoveryAt: number
  /** The name of the route's profile. */
  readonly profile: string
  /** When it was decided, monotonic milliseconds. */
  readonly decidedAt: number
  /** The same in words, a line for the answer and one for each term that counts. */
  readonly text: string
}

/** Explains the last decision about a route; `undefined` when there was none. */
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
  const reason = noted === undefined ? reasonOfRoute(state, voltage) : reasonOfGate(noted.code)
  const waits = noted?.code === QUEUED
  const explained: Omit<Explanation, 'text'> = {
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
  return { ...explained, text: words(explained, place) }
}

function reasonOfRoute(state: Omit<RouteState, 'gate'>, voltage: number): Explanation['reason'] {
  if (state.mode === 'CIRCUIT_BREAKER') return 'circuit-open'
  return voltage > state.resistance ? undefined : 'resistance'
}

function reasonOfGate(code: number): Explanation['reason'] {
  return code === NOT_SHED || code === QUEUED ? undefined : SHED_REASONS[-code]
}

function words(explained: Omit<Explanation, 'text'>, place: string | undefined): string {
  const { answer, breakAt, decidedBy, mode, reason, recoveryAt, resistance, routeId, terms, voltage } = explained
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
