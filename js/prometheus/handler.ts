import { InvalidArgumentError } from '../errors/errors.ts'
import { callable, fieldOf, isA, known, object, options as checkOptions } from '../internal/validate.ts'
import { getDefaultSystem } from '../system/default.ts'
import { assertSystem, System } from '../system/system.ts'
import { metricsText } from './text.ts'

/** A registry of `prom-client`, as far as it is used. */
export interface MetricsRegistry {
  /** Its content type. That of OpenMetrics is refused: its text cannot follow another. */
  readonly contentType?: string
  /** Returns its metrics as text. */
  metrics(): string | Promise<string>
}

/** Options of {@link metricsHandler}. */
export interface MetricsOptions {
  /** A registry whose metrics stand behind those of keelson. Default: none. */
  readonly register?: MetricsRegistry
}

/** A response of Express, or a reply of Fastify. */
interface MetricsResponse {
  header(name: string, value: string): unknown
  send(body: string): unknown
}

/** Answers a request with metrics: a handler of Express, and one of Fastify. */
export type MetricsHandler = (
  request: unknown,
  response: MetricsResponse,
  next?: (error?: unknown) => void,
) => Promise<unknown>

/** The content type of Prometheus's text format. */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

function registerOf(value: unknown): MetricsRegistry | undefined {
  if (value === undefined) return undefined
  const register = object<MetricsRegistry>('options.register', value, 'a registry of prom-client')
  callable('options.register.metrics', fieldOf(register, 'metrics'))
  const type = fieldOf(register, 'contentType')
  if (typeof type === 'string' && type.includes('openmetrics')) {
    throw new InvalidArgumentError('options.register', "a registry with Prometheus's content type", type)
  }
  return register
}

/**
 * Returns a handler that answers with the metrics of a system, for Express and for Fastify. An error of the registry
 * goes to `next`, or rejects, as the framework expects it.
 *
 * @param system The system. Default: the default system.
 * @throws InvalidArgumentError naming the argument or option that is refused.
 * @example
 * ```ts
 * app.get('/metrics', metricsHandler())
 * ```
 */
export function metricsHandler(options?: MetricsOptions): MetricsHandler
export function metricsHandler(system: System, options?: MetricsOptions): MetricsHandler
export function metricsHandler(...args: readonly unknown[]): MetricsHandler {
  const hasSystem = args.length > 1 || isA(args[0], System)
  if (hasSystem) assertSystem('system', args[0])
  const settings = checkOptions('options', (hasSystem ? args[1] : args[0]) as MetricsOptions | undefined)
  known('options', settings, ['register'])
  const register = registerOf(settings.register)
  return async (_request, response, next) => {
    try {
      const own = metricsText(hasSystem ? (args[0] as System) : getDefaultSystem())
      const others = register === undefined ? '' : await register.metrics()
      response.header('content-type', CONTENT_TYPE)
      response.send(own + others)
      // Fastify takes the reply for the answer of an asynchronous handler; Express looks at nothing.
      return response
    } catch (error) {
      if (next === undefined) throw error
      next(error)
      return undefined
    }
  }
}
