/** Random programs of limiters that wait, under a controlled clock; `model/world.ts` has what must hold. */
import * as fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'

import { Reach, runsOf, sampleOf } from '../support/programs.ts'
import { createStage } from '../support/system.ts'
import { OPERATIONS, program } from './model/program.ts'
import { World } from './model/world.ts'

const reach = new Reach()
afterAll(() => reach.print('rate limiters'))

it('whoever waits is admitted in order of arrival, at the first moment and in time, or refused at once', async () => {
  await fc.assert(
    fc.asyncProperty(program, async (each) => {
      reach.program(each.ops.map(({ kind }) => kind))
      const stage = createStage()
      await new World(stage, reach).run(each)
      await stage.system.close()
    }),
    runsOf('rate limiters', 150),
  )
})

it('the programs are long, and every pair of operations comes up', () => {
  const sample = sampleOf(program)
  expect(sample.median).toBeGreaterThanOrEqual(20)
  expect(sample.missing(OPERATIONS)).toEqual([])
})
