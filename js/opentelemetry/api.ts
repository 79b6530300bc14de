import type * as OpenTelemetry from '@opentelemetry/api'

import { DependencyMissingError } from '../errors/errors.ts'

/** The OpenTelemetry API, where the program's SDK registers itself. */
export type Api = typeof OpenTelemetry

/**
 * Loads the OpenTelemetry API. Not before it is needed: Node 20 ends a program that imports a module which throws, also
 * where the program catches that.
 *
 * @throws DependencyMissingError when it is not installed.
 */
export function loadApi(): Api {
  try {
    return require('@opentelemetry/api') as Api
  } catch (error) {
    if ((Object(error) as { code?: unknown }).code !== 'MODULE_NOT_FOUND') throw error
    throw new DependencyMissingError('instrument of keelson/opentelemetry', ['@opentelemetry/api'], error)
  }
}
