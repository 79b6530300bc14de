/** Random requests between nodes: each ends in a way that the faults of its run explain, and each run repeats. */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'

import { Reach, runsOf } from '../../support/programs.ts'
import { explored } from '../explored.ts'
import { programOf, webTraffic } from './program.ts'

it('random requests end with their whole answer or a known error, and do so again', async () => {
  const reach = new Reach()
  await fc.assert(
    fc.asyncProperty(webTraffic, fc.nat(2 ** 32 - 1), fc.constantFrom('random', 'pct'), async (web, seed, schedule) => {
      const options = { seed, schedule, runs: 2, checkEvery: 1, faults: web.faults } as const
      const first = await explored(programOf(web), options)
      expect(first.failure?.report).toBeUndefined()
      expect((await explored(programOf(web), options)).digest).toBe(first.digest)
      reach.program(web.ops.map(({ kind }) => kind))
      for (const [kind, rate] of Object.entries(web.faults)) if (rate > 0) reach.fault(kind)
    }),
    runsOf('simulated servers', 40),
  )
  reach.print('simulated servers')
})
