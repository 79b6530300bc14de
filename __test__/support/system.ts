/** Systems under control for tests that look at what is reported; others take `keelson/testing` as it is. */
import type { ControlledClock } from 'keelson/clock'
import { createTestSystem, type TestSystem, type TestSystemOptions, useSystem } from 'keelson/testing'
import { afterEach, beforeEach } from 'vitest'

export type Report = [error: unknown, origin: string]

/** A test system, its clock, and the errors without a caller that were reported to it, in order. */
export interface Stage {
  readonly system: TestSystem
  readonly clock: ControlledClock
  readonly reported: Report[]
  /** Resolves after one turn of the real event loop. */
  turn(): Promise<void>
}

/** Hands the reports of `system` to `onError`, so that they do not fail its `close()`. */
function redirect(system: TestSystem, onError: (error: unknown, origin: string) => void): TestSystem {
  system.report = onError
  return system
}

/** Creates a test system that hands errors without a caller to `onError`. The test closes it. */
export const systemWith = (
  onError: (error: unknown, origin: string) => void,
  options?: TestSystemOptions,
): TestSystem => redirect(createTestSystem({ trace: false, ...options }), onError)

/** Creates a stage. The test closes its system. */
export function createStage(options?: TestSystemOptions): Stage {
  const reported: Report[] = []
  const system = systemWith((...report) => reported.push(report), options)
  return { system, clock: system.clock, reported, turn: () => system.clock.flush() }
}

/** Gives each test of the file a fresh stage, which is closed after it. */
export function useStage(options?: TestSystemOptions): Stage {
  const system = useSystem({ beforeEach, afterEach }, { trace: false, ...options })
  let reported: Report[] = []
  beforeEach(() => {
    reported = []
    redirect(system(), (...report) => reported.push(report))
  })
  return {
    get system() {
      return system()
    },
    get clock() {
      return system().clock
    },
    get reported() {
      return reported
    },
    turn: () => system().clock.flush(),
  }
}
