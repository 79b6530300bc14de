/** Telemetry of routes, and the answer to it. */
import { isProxy } from 'node:util/types'

import { InvalidArgumentError } from '../errors/errors.ts'
import { fields } from '../internal/validate.ts'
import { ANSWER_INSUFFICIENT_VOLTAGE, ANSWER_OK } from '../protocol/admission.ts'
import type { Mode } from './decisions.ts'
import type { RouteDecision, Telemetry } from './types.ts'

const NAMES: readonly string[] = ['latencyMs', 'errorRate', 'saturation', 'ageMs']

/** Returns the core's decision as users get it. */
export function routeDecision(reason: number, mode: Mode, resistance: number, voltage: number): RouteDecision {
  switch (reason) {
    case ANSWER_OK:
      return { allow: true, resistance, mode, reason: 'OK' }
    case ANSWER_INSUFFICIENT_VOLTAGE:
      return {
        allow: false,
        resistance,
        mode,
        reason: `Insufficient voltage: V=${voltage} ≤ R=${resistance.toFixed(1)}Ω`,
      }
    default:
      return { allow: false, resistance, mode, reason: 'Circuit breaker open' }
  }
}

/** Throws InvalidArgumentError for a name that telemetry does not have. */
export function checkNames(telemetry: Telemetry): void {
  try {
    for (const name in telemetry) if (!NAMES.includes(name)) fields('telemetry', telemetry, NAMES)
  } catch (error) {
    // Nothing can be read of a revoked proxy.
    if (isProxy(telemetry) && error instanceof TypeError) {
      throw new InvalidArgumentError('telemetry', 'an object with latencyMs', telemetry)
    }
    throw error
  }
}

/** Returns a checked age of telemetry, in ms. */
export function checkAge(ageMs: unknown): number {
  if (typeof ageMs === 'number' && ageMs >= 0 && ageMs <= 1e9) return ageMs
  throw new InvalidArgumentError('telemetry.ageMs', 'a number of milliseconds from 0 to 1e9', ageMs)
}

/** Applies the rules of the core, to name the field and the value. The core checks again. */
export function checkTelemetry(latencyMs: unknown, errorRate: unknown, saturation: unknown): void {
  if (typeof latencyMs !== 'number' || !(latencyMs >= 0 && latencyMs < Infinity)) {
    throw new InvalidArgumentError('telemetry.latencyMs', 'a finite number of milliseconds, zero or more', latencyMs)
  }
  if (errorRate !== undefined && (typeof errorRate !== 'number' || !(errorRate >= 0 && errorRate <= 1))) {
    throw new InvalidArgumentError('telemetry.errorRate', 'a number from 0 to 1', errorRate)
  }
  if (saturation !== undefined && (typeof saturation !== 'number' || !(saturation >= 0 && saturation < Infinity))) {
    throw new InvalidArgumentError('telemetry.saturation', 'a finite number, zero or more', saturation)
  }
}
