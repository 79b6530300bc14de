/**
 * Building blocks for Node services under load: testable time, shared state, durable journals, supervised processes,
 * caches, rate limits and admission control, on a Rust core.
 *
 * Exports everything except the adapters (`keelson/express`, `fastify`, `koa`, `fetch`) and the test helpers
 * (`keelson/testing`). `Supervisor` and `TimeoutError` are those of `keelson/otp`; `keelson/process` has its own.
 */
export * from './atom/index.ts'
export * from './atrion/index.ts'
export * from './clock/index.ts'
export * from './effect/index.ts'
export * from './atom/errors.ts'
export * from './atrion/errors.ts'
export * from './clock/errors.ts'
export * from './dashboard/errors.ts'
export * from './errors/errors.ts'
export * from './journal/errors.ts'
export * from './observe/errors.ts'
export * from './plain/errors.ts'
export * from './simulation/errors.ts'
export { isTimeoutError, TimeoutError } from './errors/errors.ts'
export { Supervisor } from './otp/supervisor/supervisor.ts'
export * from './journal/index.ts'
export * from './otp/index.ts'
export * from './process/index.ts'
export * from './system/index.ts'
