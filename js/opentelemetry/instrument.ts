import { follow } from '../actor/system-runtime.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { lazy } from '../internal/lazy.ts'
import { isA, known, oneOf, options as checkOptions } from '../internal/validate.ts'
import { getDefaultSystem } from '../system/default.ts'
import { assertSystem, System } from '../system/system.ts'
import { VERSION } from '../version.ts'
import { followAdmissions } from './admission-spans.ts'
import { loadApi } from './api.ts'
import { EventCounts } from './event-counts.ts'
import type * as MetricsModule from './metrics.ts'
import { SpanTracer } from './span-tracer.ts'

/** Options of {@link instrument}. */
export interface InstrumentOptions {
  /**
   * How the handler of a cast, or of a message of a bus, belongs to the span of its sender: by a link, in a trace of its
   * own (`'link'`, the default), or as a child (`'parent'`). The handler of a call is always a child.
   */
  readonly castSpans?: 'link' | 'parent'
}

/** What {@link instrument} returns. */
export interface Instrumentation {
  /** Ends spans and metrics of the system. Spans that are open end with what they stand for. Idempotent. */
  close(): void
  /** Does the same at the end of a block: `using spans = instrument(system)`. */
  [Symbol.dispose](): void
}

const metricsModule = lazy(() => require('./metrics.ts') as typeof MetricsModule)

const CAST_SPANS: readonly string[] = ['link', 'parent']

/**
 * Makes spans and metrics of what a system does, for the OpenTelemetry SDK of the program. Start the SDK before. Ends
 * with the system.
 *
 * @param system The system. Default: the default system of this environment.
 * @throws DependencyMissingError when `@opentelemetry/api` is not installed.
 * @throws InvalidArgumentError naming the option that is refused, and for a system that is instrumented already;
 *   ClosedError for one that is closed.
 * @example
 * ```ts
 * const instrumentation = instrument(system, { castSpans: 'parent' })
 * ```
 */
export function instrument(system?: System, options?: InstrumentOptions): Instrumentation
/** Does the same for the default system of this environment. */
export function instrument(options: InstrumentOptions): Instrumentation
export function instrument(first?: System | InstrumentOptions, second?: InstrumentOptions): Instrumentation {
  const isOptions = second === undefined && first !== undefined && !isA(first, System)
  const system = first === undefined || isOptions ? getDefaultSystem() : first
  assertSystem('system', system)
  const settings = checkOptions('options', isOptions ? (first as InstrumentOptions) : second)
  known('options', settings, ['castSpans'])
  const { castSpans = 'link' } = settings
  oneOf('options.castSpans', CAST_SPANS, castSpans)
  system.assertOpen()
  if (system.tracer !== undefined) {
    throw new InvalidArgumentError('system', 'a system that is not instrumented already: close that first', system)
  }
  const api = loadApi()
  const spans = api.trace.getTracer('keelson', VERSION)
  const counts = new EventCounts(system)
  const tracer = new SpanTracer(api, spans, castSpans, counts)
  follow(system, tracer)
  const endAdmissions = followAdmissions(api, system, spans)
  const metrics = new (metricsModule().SystemMetrics)(system, api.metrics.getMeter('keelson', VERSION), counts)
  const close = (): void => {
    if (system.tracer !== tracer) return
    follow(system, undefined)
    endAdmissions()
    metrics.close()
    counts.close()
    disown()
  }
  const disown = system.own({ close })
  return { close, [Symbol.dispose]: close }
}
