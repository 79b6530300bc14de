/** The table of routes. */
import { monoMsOf } from '../clock/observed-time.ts'
import type { Clock } from '../clock/types.ts'
import { hot, native, scratch } from '../native.ts'
import { type GateReading, MODES, readGateReading, type RouteReading } from '../protocol/admission.ts'
import type { System } from '../system/system.ts'
import { Members } from '../tables/members.ts'
import { offerTable, type TableItems } from '../tables/offers.ts'
import type { Gate } from './gate.ts'
import { readRoute } from './readings.ts'

const gates = new Members<Gate>(({ closed }) => closed)

/** Lists the routes of a gate among those of its system. */
export const listGate = (system: System, gate: Gate): void => void gates.add(system, gate, undefined)

/** A gate of a system that observers read by themselves. */
export interface ObservedEngine {
  /** The core's id of its engine. */
  readonly engine: number
  readonly clock: Clock
  /** Its number among the gates of its system, with which the keys of its routes begin. */
  readonly number: number
}

/** Returns the gates of a system. */
export const observedEngines = (system: System): ObservedEngine[] =>
  gates.of(system).map(({ item: { clock, engine }, number }) => ({ clock, engine, number }))

/** A route at one instant. */
interface ObservedRoute {
  readonly key: string
  readonly name: string
  readonly reading: RouteReading
  /** Nothing for a route that only `route()` was called for. */
  readonly gate: GateReading | undefined
}

function routesOf(system: System): TableItems<ObservedRoute> {
  const items: ObservedRoute[] = []
  for (const { item: gate, number } of gates.of(system)) {
    const { clock, engine, routes } = gate
    const now = monoMsOf(clock)
    for (const name of native.engineRoutes(engine)) {
      const route = routes.find(name)
      if (route === undefined || hot.engineReading(engine, route, now) !== 1) continue
      const reading = readRoute()
      const measured = hot.engineGate(engine, route) === 1 ? readGateReading(scratch) : undefined
      items.push({ key: `${number}/${name}`, name, reading, gate: measured })
    }
  }
  return { items, key: ({ key }) => key }
}

/** The refusals of a gate for any reason. */
const shed = (gate: GateReading): number =>
  gate.shedLimit + gate.shedQueueFull + gate.shedQueueDeadline + gate.shedDisplaced + gate.shedResistance

offerTable('route', routesOf, {
  name: ({ name }) => name,
  R: ({ reading }) => reading.total,
  base: ({ reading }) => reading.base,
  pressure: ({ reading }) => reading.pressure,
  momentum: ({ reading }) => reading.momentum,
  scar: ({ reading }) => reading.scar,
  mode: ({ reading }) => MODES[reading.mode] as string,
  limit: ({ gate }) => gate?.limit ?? NaN,
  inFlight: ({ gate }) => gate?.inFlight ?? 0,
  queued: ({ gate }) => gate?.queued ?? 0,
  admitted: ({ gate }) => gate?.admitted ?? 0,
  trickled: ({ gate }) => gate?.trickled ?? 0,
  succeeded: ({ gate }) => gate?.succeeded ?? 0,
  failed: ({ gate }) => gate?.failed ?? 0,
  timedOut: ({ gate }) => gate?.timedOut ?? 0,
  shed: ({ gate }) => (gate === undefined ? 0 : shed(gate)),
  shedLimit: ({ gate }) => gate?.shedLimit ?? 0,
  shedQueueFull: ({ gate }) => gate?.shedQueueFull ?? 0,
  shedQueueDeadline: ({ gate }) => gate?.shedQueueDeadline ?? 0,
  shedDisplaced: ({ gate }) => gate?.shedDisplaced ?? 0,
  shedResistance: ({ gate }) => gate?.shedResistance ?? 0,
  shedCritical: ({ gate }) => gate?.shedCritical ?? 0,
  shedHigh: ({ gate }) => gate?.shedHigh ?? 0,
  shedNormal: ({ gate }) => gate?.shedNormal ?? 0,
  shedLow: ({ gate }) => gate?.shedLow ?? 0,
  shedBackground: ({ gate }) => gate?.shedBackground ?? 0,
  baselineMs: ({ gate }) => gate?.latencyBaselineMs ?? NaN,
  queueDelayMs: ({ gate }) => gate?.queueDelayMs ?? 0,
  errorRate: ({ gate }) => gate?.errorRate ?? NaN,
})
