/** Random traffic between nodes: nothing arrives that the faults of the run do not explain, and each run repeats. */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'

import { Reach, runsOf } from '../../support/programs.ts'
import { explored } from '../explored.ts'
import { programOf, traffic } from './program.ts'

it('random traffic arrives in order, once, and whole, but for the faults of its run, and does so again', async () => {
  const reach = new Reach()
  await fc.assert(
    fc.asyncProperty(traffic, fc.nat(2 ** 32 - 1), fc.constantFrom('random', 'pct'), async (world, seed, schedule) => {
      const options = { seed, schedule, runs: 2, checkEvery: 1, faults: world.faults } as const
      const first = await explored(programOf(world), options)
      expect(first.failure?.report).toBeUndefined()
      expect((await explored(programOf(world), options)).digest).toBe(first.digest)
      reach.program(world.ops.map(({ kind }) => kind))
      for (const [kind, rate] of Object.entries(world.faults)) if (rate > 0) reach.fault(kind)
    }),
    runsOf('simulated networks', 60),
  )
  reach.print('simulated networks')
})
