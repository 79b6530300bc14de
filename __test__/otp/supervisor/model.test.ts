/** Random programs about supervisors under a controlled clock; `model/run.ts` has what must hold. */
import * as fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'

import { Reach, runsOf, sampleOf } from '../../support/programs.ts'
import { OPERATIONS, program } from './model/program.ts'
import { Run } from './model/run.ts'

const reach = new Reach()
afterAll(() => reach.print('supervisors'))

it('no child stays dead for ever, none is left behind, every request is answered once', async () => {
  await fc.assert(
    fc.asyncProperty(program, async (each) => {
      const run = new Run(reach)
      await run.run(each)
      expect(run.problems).toEqual([])
    }),
    runsOf('supervisors', 150),
  )
})

it('the programs are long, and every pair of operations comes up', () => {
  const sample = sampleOf(program)
  expect(sample.median).toBeGreaterThanOrEqual(30)
  expect(sample.missing(OPERATIONS)).toEqual([])
})
