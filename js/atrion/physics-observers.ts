/** Observers that are objects, as Atrion had them: each report of `route()` is one event. */
import { InvalidArgumentError } from '../errors/errors.ts'
import { callbacks, fieldOf } from '../internal/validate.ts'
import type { RouteReading } from '../protocol/admission.ts'
import type { Mode } from './decisions.ts'
import type { AtrionEvent, AtrionObserver } from './observers.ts'

/** A report that `route()` took, and the state of the route after it. */
export interface PhysicsEvent {
  /** The route. */
  readonly routeId: string
  /** The state of the route's breaker. */
  readonly mode: Mode
  /** R, in ohms. */
  readonly resistance: number
  /** The term of R that momentum adds, in ohms. */
  readonly momentum: number
  /** The term of R that past stress adds, in ohms. */
  readonly scarTissue: number
  /** The decision: `'BOOTSTRAP'` while the route is in that mode, whatever was decided. */
  readonly decision: 'FLOW' | 'SHED' | 'BOOTSTRAP'
  /** Time since the report before, in milliseconds; 0 for the first that the observer sees of a route. */
  readonly deltaT: number
  /** Wall time of the report, in milliseconds since the epoch. */
  readonly timestamp: number
  /** Magnitude of the pressure of latency, errors and saturation, each from -1 to 1. */
  readonly pressureMagnitude: number
  /** The number of reports that the route has had. */
  readonly tickCount: number
  /** The change of mode since the event before; `undefined` for none. */
  readonly modeTransition?: { readonly from: Mode; readonly to: Mode } | undefined
}

/** An observer that is an object. Functions get more: see {@link AtrionObserver}. */
export interface PhysicsObserver {
  /** Receives each report. What it throws or rejects with is reported to the system's `onError`. */
  onUpdate(event: PhysicsEvent): unknown
}

/** Routes of which an observer remembers the last report; beyond that it forgets the one it saw first. */
const MAX_ROUTES = 10_000

/** What the events need of an Atrion. */
export interface PhysicsSource {
  readonly clock: { monoMs(): number; now(): { readonly wallMs: number } }
  read(route: string): RouteReading | undefined
}

/** Returns an observer as a function. Throws InvalidArgumentError, naming the field, for what is none. */
export function observerOf(field: string, value: unknown, source: PhysicsSource): AtrionObserver {
  if (typeof value === 'function') return value as AtrionObserver
  callbacks(field, value, ['onUpdate'])
  if (typeof fieldOf(value, 'onUpdate') !== 'function') {
    throw new InvalidArgumentError(field, 'a function, or an object with onUpdate', value)
  }
  const observer = value as PhysicsObserver
  const seen = new Map<string, { readonly at: number; readonly mode: Mode }>()
  return (event) => {
    if (event.type !== 'decision') return undefined
    const before = seen.get(event.route)
    const at = source.clock.monoMs()
    if (before === undefined && seen.size >= MAX_ROUTES) seen.delete(seen.keys().next().value as string)
    seen.set(event.route, { at, mode: event.mode })
    return observer.onUpdate(physicsEvent(event, source, at - (before?.at ?? at), before?.mode))
  }
}

function physicsEvent(
  { route, allow, mode, resistance }: AtrionEvent & { readonly type: 'decision' },
  source: PhysicsSource,
  deltaT: number,
  from: Mode | undefined,
): PhysicsEvent {
  const reading = source.read(route)
  const { momentum = 0, scar = 0, ticks = 0, latency = 0, errors = 0, saturation = 0 } = reading ?? {}
  return {
    routeId: route,
    mode,
    resistance,
    momentum,
    scarTissue: scar,
    decision: mode === 'BOOTSTRAP' ? 'BOOTSTRAP' : allow ? 'FLOW' : 'SHED',
    deltaT,
    timestamp: source.clock.now().wallMs,
    pressureMagnitude: Math.hypot(latency, errors, saturation),
    tickCount: ticks,
    ...(from !== undefined && from !== mode && { modeTransition: { from, to: mode } }),
  }
}
