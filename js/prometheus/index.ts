/** Metrics for Prometheus: text that the core makes, and a handler for Express and Fastify. */
export { metricsHandler, type MetricsHandler, type MetricsOptions, type MetricsRegistry } from './handler.ts'
export { metricsText } from './text.ts'
