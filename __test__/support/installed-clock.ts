/** A controlled clock in the place of the host's time, for one test, and a check that the host's time is back. */
import nodeTimers, { setTimeout as namedSetTimeout } from 'node:timers'
import nodePromises, { setTimeout as namedWait } from 'node:timers/promises'

import { type InstalledClock, installClock } from 'keelson/testing'
import { afterEach, expect } from 'vitest'

import { type Stage, useStage } from './system.ts'

const NAMES = ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate'] as const

/** Returns everything that `installClock` may replace, as it is now. */
export function theHost(): unknown[] {
  return [
    ...NAMES.flatMap((name) => [globalThis[name], nodeTimers[name]]),
    nodePromises.setTimeout,
    nodePromises.setInterval,
    nodePromises.setImmediate,
    nodePromises.scheduler.wait,
    nodePromises.scheduler.yield,
    namedSetTimeout,
    namedWait,
    Date,
    Date.prototype.constructor,
    AbortSignal.timeout,
    performance.now,
    process.hrtime,
    Object.keys(performance).join(),
  ]
}

/** The host before any test. */
export const hostBefore = theHost()

/** Gives each test of the file a stage at 1 000 000 ms. `install` installs its clock until the end of the test. */
export function useInstalledClock(): { stage: Stage; install: () => InstalledClock } {
  const stage = useStage({ initialTime: 1_000_000 })
  let installed: InstalledClock | undefined
  afterEach(() => {
    installed?.uninstall()
    expect(theHost()).toEqual(hostBefore)
  })
  return { stage, install: () => (installed = installClock(stage.clock)) }
}
