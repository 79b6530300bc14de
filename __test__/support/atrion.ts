import { Atrion, type AtrionEvent, type AtrionOptions, type ControlledClock, type System } from 'keelson'
import { expect, onTestFinished } from 'vitest'

import { systemWith } from './system.ts'

export const good = { latencyMs: 45, errorRate: 0.001, saturation: 0.3 }
export const bad = { latencyMs: 900, errorRate: 0.6, saturation: 1 }
/** An SLO of which nothing is learned. */
export const given = { baselineLatencyMs: 100, targetErrorRate: 0.01, saturationBaseline: 0.5 }

export interface Bench {
  readonly clock: ControlledClock
  readonly system: System
  readonly atrion: Atrion
  readonly events: AtrionEvent[]
  readonly reported: unknown[]
}

/** Creates an engine on a test system, and keeps its events and reports. It is closed with the test. */
export function bench(options: AtrionOptions = {}, seed = 1): Bench {
  const reported: unknown[] = []
  const { clock, system } = systemWith((error) => reported.push(error), { seed })
  const events: AtrionEvent[] = []
  const atrion = new Atrion({ system, observer: (event) => void events.push(event), ...options })
  onTestFinished(() => system.close())
  return { clock, system, atrion, events, reported }
}

/** Matches the error that refuses `field`. */
export const refused = (field: string): unknown => expect.objectContaining({ code: 'KEELSON_INVALID_ARGUMENT', field })

/** Reports the same telemetry ten times a second. */
export function hold(
  { atrion, clock }: Bench,
  route: string,
  telemetry: typeof good,
  seconds: number,
  how?: object,
): void {
  for (let report = 0; report < 10 * seconds; report++) {
    atrion.route(route, telemetry, how)
    clock.advanceBy(100)
  }
}
