/** Random programs of `keelson/process` under a controlled clock; `model/run.ts` has what must hold. */
import * as fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'

import { Reach, runsOf, sampleOf } from '../support/programs.ts'
import { OPERATIONS, program } from './model/program.ts'
import { UnitsRun } from './model/run.ts'

const reach = new Reach()
afterAll(() => reach.print('keelson/process'))

it('each ask settles once with its own answer, order is kept, a stop resolves, nothing is left', async () => {
  await fc.assert(
    fc.asyncProperty(program, async (each) => {
      const run = new UnitsRun(reach)
      await run.run(each)
      expect(run.problems).toEqual([])
    }),
    runsOf('keelson/process', 150),
  )
})

it('the programs are long, and every pair of operations comes up', () => {
  const sample = sampleOf(program)
  expect(sample.median).toBeGreaterThanOrEqual(30)
  expect(sample.missing(OPERATIONS)).toEqual([])
})
