/** The types of simulations: values that they take, and values that they refuse. */
import { GenServer } from 'keelson/otp'
import {
  explore,
  replay,
  simulate,
  type Simulation,
  type SimulationClock,
  type SimulationFailure,
  type SimulationResult,
} from 'keelson/simulation'
import type { System } from 'keelson/system'

export const result: SimulationResult = await explore(async (sim: Simulation) => {
  const system: System = sim.system('a')
  const clock: SimulationClock = sim.clock
  const ref = await GenServer.start({ init: () => 0 }, { system })
  sim.crash(ref)
  sim.crash(system)
  sim.pause(system, 10)
  clock.jumpWall(-1, system)
  const answer: number = sim.choose(3, 'which')
  sim.sometimes('first', answer === 0)
  const external: Promise<string> = sim.external(Promise.resolve('a'))
  await external
  await sim.settle({ heal: true, within: 10 })
  // @ts-expect-error: an invariant is no promise
  sim.invariant('late', async () => true)
  // @ts-expect-error: a choice has a label
  sim.choose(3)
  // @ts-expect-error: only the simulation moves its clock
  await clock.advance(1)
})

export const failure: SimulationFailure | undefined = result.failure
export const test: () => Promise<void> = simulate({ runs: 1, faults: { crash: 0.1, skew: 0.1 } }, () => {})
export const again: Promise<SimulationResult> = replay('file', () => {})

// @ts-expect-error: there is no such schedule
await explore(() => {}, { schedule: 'other' })
// @ts-expect-error: there is no such fault
await explore(() => {}, { faults: { crahs: 1 } })
// @ts-expect-error: options come first
simulate(() => {}, { runs: 1 })
