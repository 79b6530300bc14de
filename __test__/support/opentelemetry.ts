/** The OpenTelemetry SDK, with everything it exports kept in memory. */
import { context, metrics, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'

import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'

const exporter = new InMemorySpanExporter()
const open = new Set<Span>()
const watch = {
  onStart: (span: Span) => void open.add(span),
  onEnd: (span: ReadableSpan) => void open.delete(span as never),
  forceFlush: async () => undefined,
  shutdown: async () => undefined,
}
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter), watch as never] })
trace.setGlobalTracerProvider(provider)
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())

/** Spans of the test itself. */
export const tests = provider.getTracer('tests')

/** A span, as tests compare it. `parent` and `links` are the names of spans. */
export interface Shown {
  readonly name: string
  readonly parent?: string
  readonly links?: readonly string[]
  readonly error?: string
}

/** Forgets all spans that have ended. */
export const resetSpans = (): void => exporter.reset()

/** The number of spans that have not ended. */
export const openSpans = (): number => open.size

/** Returns the spans that have ended, in the order in which they ended. */
export const endedSpans = (): ReadableSpan[] => exporter.getFinishedSpans()

/** Returns what the spans that have ended show of each other. */
export function shown(spans: readonly ReadableSpan[] = endedSpans()): Shown[] {
  const names = new Map(spans.map((span) => [span.spanContext().spanId, span.name]))
  for (const span of open) names.set(span.spanContext().spanId, (span as unknown as ReadableSpan).name)
  const nameOf = (id: string): string => names.get(id) ?? 'unknown'
  return spans.map(({ name, parentSpanContext: parent, links, status }) => ({
    name,
    ...(parent !== undefined && { parent: nameOf(parent.spanId) }),
    ...(links.length > 0 && { links: links.map((link) => nameOf(link.context.spanId)) }),
    ...(status.code === SpanStatusCode.ERROR && { error: status.message ?? '' }),
  }))
}

/** Runs a function in a span of the test, which ends with it. */
export function inSpan<T>(name: string, body: () => T | Promise<T>): Promise<T> {
  return tests.startActiveSpan(name, async (span) => {
    try {
      return await body()
    } finally {
      span.end()
    }
  })
}

class Reader extends MetricReader {
  protected onForceFlush(): Promise<void> {
    return Promise.resolve()
  }
  protected onShutdown(): Promise<void> {
    return Promise.resolve()
  }
}
let reader = new Reader()

/** Begins with no metrics. Call it before `instrument`: the SDK keeps series that are read no more. */
export function resetMetrics(): void {
  metrics.disable()
  reader = new Reader()
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
}

/** A metric, as tests compare it: its series by their attributes, as JSON without the system. */
export interface ShownMetric {
  readonly unit: string
  readonly series: Readonly<Record<string, number>>
  readonly isMonotonic: boolean | undefined
}

/** Collects all metrics, by name. */
export async function collectMetrics(): Promise<Record<string, ShownMetric>> {
  const { resourceMetrics, errors } = await reader.collect()
  if (errors.length > 0) throw new Error(String(errors[0]))
  const found: Record<string, ShownMetric> = {}
  for (const metric of resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics)) {
    const series: Record<string, number> = {}
    for (const { attributes, value } of metric.dataPoints) {
      const { 'keelson.system': _system, ...own } = attributes
      series[Object.values(own).join(' ')] = value as number
    }
    const isMonotonic = 'isMonotonic' in metric ? metric.isMonotonic : undefined
    found[metric.descriptor.name] = { unit: metric.descriptor.unit, series, isMonotonic }
  }
  return found
}
