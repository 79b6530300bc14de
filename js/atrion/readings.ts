import { scratch } from '../native.ts'
import { MODES, readGateReading, readRouteReading, type RouteReading } from '../protocol/admission.ts'
import type { Mode } from './decisions.ts'
import type { GateState, RouteState } from './types.ts'

/** Returns the answer of `engineReading`, which lies in the scratch memory. */
export const readRoute = (): RouteReading => readRouteReading(scratch)

/** Returns a reading as users get it. */
export function routeState(routeId: string, reading: RouteReading): Omit<RouteState, 'gate'> {
  const { base, breakAt, momentum, pressure, recoveryAt, scarFactor, shared, staleness } = reading
  return {
    routeId,
    mode: MODES[reading.mode] as Mode,
    resistance: reading.total,
    base,
    pressure,
    momentum,
    scarTissue: reading.scar,
    shared,
    staleness,
    learnedLatencyMs: reading.learnedLatencyMs,
    learnedErrorRate: reading.learnedErrorRate,
    learnedSaturation: reading.learnedSaturation,
    scarFactor,
    breakAt,
    recoveryAt,
    tickCount: reading.ticks,
    lastUpdatedAt: reading.lastUpdate,
  }
}

/** Returns the answer of `engineGate`, which lies in the scratch memory, as users get it. */
export function readGate(): GateState {
  const reading = readGateReading(scratch)
  const { shedDisplaced, shedLimit, shedQueueDeadline, shedQueueFull, shedResistance, ...others } = reading
  const { shedBackground, shedCritical, shedHigh, shedLow, shedNormal, ...gate } = others
  return {
    ...gate,
    shed: {
      limit: shedLimit,
      'queue-full': shedQueueFull,
      'queue-deadline': shedQueueDeadline,
      displaced: shedDisplaced,
      resistance: shedResistance,
      closed: 0,
    },
    shedByPriority: {
      critical: shedCritical,
      high: shedHigh,
      normal: shedNormal,
      low: shedLow,
      background: shedBackground,
    },
  }
}
