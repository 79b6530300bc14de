/** Spans and metrics of processes, buses and gates, for OpenTelemetry. Needs the package `@opentelemetry/api`. */
export { type Instrumentation, instrument, type InstrumentOptions } from './instrument.ts'
