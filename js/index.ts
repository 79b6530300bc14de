/**
 * keelson: time a Node service controls, and a door that knows when to close.
 *
 * Everything but the adapters (`keelson/express`, `keelson/fastify`) and the test helpers (`keelson/testing`).
 */
export * from './atom/index.ts'
export * from './atrion/index.ts'
export * from './clock/index.ts'
export * from './effect/index.ts'
export * from './errors.ts'
export * from './journal/index.ts'
export * from './otp/index.ts'
export * from './system/index.ts'
