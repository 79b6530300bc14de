/** The types of simulations as values of fast-check. */
import * as fc from 'fast-check'
import { simulation, simulationFor, type SimulatedRun, type SimulationArbitrary } from 'keelson/fast-check'

const runs: SimulationArbitrary = simulation({ schedule: 'pct', depth: 3, faults: { crash: 0.1 }, timers: 'virtual' })
await fc.assert(
  fc.asyncProperty(fc.nat(), runs, async (count: number, simulated: SimulatedRun) => {
    await simulated.run(async (sim) => void sim.choose(count + 1, 'which'))
    const choices: readonly number[] | undefined = simulated.choices
    // @ts-expect-error: choices are read
    simulated.choices = choices
  }),
)
runs.assertSometimes()
export const given: SimulatedRun = simulationFor([0, 1], { seed: 1, steps: 100 })

// @ts-expect-error: fast-check has the seed
simulation({ seed: 1 })
// @ts-expect-error: each run is drawn for itself
simulation({ schedule: 'dfs' })
// @ts-expect-error: choices are numbers
simulationFor(['1'])
