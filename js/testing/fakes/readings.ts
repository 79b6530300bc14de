/** The readings of the host's time, and their replacement. */
import { builtin } from '../../internal/builtin.ts'
import { fakeDate } from './date.ts'
import { fakeHrtime } from './high-resolution.ts'
import type { Replacements } from './replacements.ts'

/** Returns the objects with `now` of `performance`. A test environment may have one of its own. */
export const performances = (): Set<typeof performance> =>
  new Set([performance, builtin('node:perf_hooks').performance])

/** Replaces `Date`, `performance.now` and `process.hrtime`. While `isActive` returns false, the host answers. */
export function replaceReadings(
  replacements: Replacements,
  isActive: () => boolean,
  wall: () => number,
  mono: () => number,
): void {
  const host = Date
  const fake = fakeDate(host, isActive, wall)
  replacements.replace(globalThis, 'Date', fake)
  // `new date.constructor()` is how libraries copy dates.
  replacements.replace(host.prototype, 'constructor', fake)
  for (const owner of performances()) {
    const read = owner.now.bind(owner)
    replacements.replace(owner, 'now', () => (isActive() ? mono() : read()))
  }
  replacements.replace(process, 'hrtime', fakeHrtime(process.hrtime, isActive, mono))
}
