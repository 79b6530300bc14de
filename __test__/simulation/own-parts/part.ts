/** Simulations of keelson's own parts: 200 runs each in `npm test`, 10^5 in `npm run test:long`. */
import { GenServer, type GenServerRef } from 'keelson/otp'
import { simulate, type Simulation, type SimulationOptions, type SimulationProgram } from 'keelson/simulation'
import type { System } from 'keelson/system'
import { expect, it } from 'vitest'

import { printRuns, programs } from '../../support/programs.ts'
import { tempDirectory } from '../../support/temp-directory.ts'

const FAULTS = { crash: 0.03, delay: 0.05, pause: 0.02, skew: 0.1 }

/** A test of a part. Half of the runs are drawn by each schedule. */
export const part = (name: string, program: SimulationProgram, options: SimulationOptions = {}): void => {
  it.each(['random', 'pct'] as const)(`${name} (%s)`, async (schedule) => {
    const runs = Math.ceil(programs(200) / 2)
    const settings = { runs, seed: 1, schedule, faults: FAULTS, folder: tempDirectory(), checkEvery: 50 }
    await simulate({ ...settings, ...options }, program)()
    printRuns(String(expect.getState().currentTestName), runs)
  })
}

export const ignore = (): undefined => undefined

/** A process that counts its messages, and loses the count when it crashes. */
export const counter = {
  init: () => ({ count: 0 }),
  handleCall: (_: unknown, state: { count: number }): [number, { count: number }] => [++state.count, state],
}

/** Starts a counter. */
export const startCounter = async (system: System, name?: string): Promise<GenServerRef> =>
  (await GenServer.start(counter, name === undefined ? { system } : { system, name })) as unknown as GenServerRef

export const isRunning = (ref: unknown): boolean => ref !== undefined && GenServer.isRunning(ref as GenServerRef)

/** Calls a process again until it answers: it may restart, or its node may be paused. */
export async function callUntilAnswered(sim: Simulation, refOf: () => unknown): Promise<unknown> {
  for (;;) {
    const ref = refOf()
    const answer = ref === undefined ? undefined : await GenServer.call(ref as never, 1 as never).catch(ignore)
    if (answer !== undefined) return answer
    await sim.clock.sleep(50)
  }
}

/** A budget of restarts that no run uses up. */
export const ENDLESS = { maxRestarts: 100_000, withinMs: 1000 }
