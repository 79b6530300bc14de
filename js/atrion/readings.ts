import { scratch } from '../native.ts'
import type { GateState, RouteState } from './types.ts'
import type { Mode } from './decisions.ts'

const at = (index: number): number => scratch[index] as number
const known = (value: number): number | undefined => (Number.isNaN(value) ? undefined : value)

/** Reads what `engineReading` left in the scratch memory. */
export function readRoute(routeId: string, modes: readonly Mode[]): Omit<RouteState, 'gate'> {
  return {
    routeId,
    mode: modes[at(5)] as Mode,
    resistance: at(4),
    base: at(0),
    pressure: at(1),
    momentum: at(2),
    scarTissue: at(3),
    shared: at(12),
    staleness: at(13),
    learnedLatencyMs: known(at(17)),
    learnedErrorRate: known(at(21)),
    learnedSaturation: known(at(22)),
    scarFactor: at(18),
    breakAt: at(6),
    recoveryAt: at(7),
    tickCount: at(8),
    lastUpdatedAt: known(at(9)),
  }
}

/** The pressure of each signal and the last decision of `route()`, beside what {@link readRoute} reads. */
export function readDecision(): {
  latency: number
  errors: number
  saturation: number
  momentumPerSecond: number
  voltage: number | undefined
} {
  return {
    latency: at(14),
    errors: at(15),
    saturation: at(16),
    momentumPerSecond: at(10),
    voltage: known(at(19)),
  }
}

/** Reads what `engineGate` left in the scratch memory. */
export function readGate(): GateState {
  return {
    limit: at(0),
    inFlight: at(1),
    queued: at(2),
    admitted: at(3),
    trickled: at(4),
    succeeded: at(5),
    failed: at(6),
    timedOut: at(7),
    latencyBaselineMs: known(at(8)),
    queueDelayMs: at(9),
    queueDeadlineMs: at(10),
    errorRate: known(at(11)),
    shed: {
      limit: at(13),
      'queue-full': at(14),
      'queue-deadline': at(15),
      displaced: at(16),
      resistance: at(17),
      closed: 0,
    },
  }
}
