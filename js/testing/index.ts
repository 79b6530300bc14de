/** Gives a test a system under control, closed after the test, for vitest, jest and node:test. */
export { type InstalledClock, installClock } from './install-clock.ts'
export { ExpectationError, isExpectationError } from '../errors/errors.ts'
export { createProbe } from './create-probe.ts'
export type { ExpectOptions, MessageMatch, Probe, ProbeOptions } from './probe.ts'
export { assertNoLeaks, leaksOf } from './leaks.ts'
export { createTestSystem, type TestSystem, type TestSystemOptions } from './test-system.ts'
export { type TestHooks, useSystem } from './use-system.ts'
export { withSystem } from './with-system.ts'
