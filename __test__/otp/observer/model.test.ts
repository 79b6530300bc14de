/** Random forests of supervisors and processes; `model/run.ts` has what an observer must see of them. */
import * as fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'

import { Reach, runsOf, sampleOf } from '../../support/programs.ts'
import { OPERATIONS, program } from './model/program.ts'
import { Run } from './model/run.ts'

const reach = new Reach()
afterAll(() => reach.print('observer'))

it('snapshots, trees, counts and events are those of the forest after each step', async () => {
  await fc.assert(
    fc.asyncProperty(program, (each) => new Run(reach).run(each)),
    runsOf('observer', 100),
  )
})

it('the programs are long, supervisors give up, and every pair of operations comes up', () => {
  const sample = sampleOf(program)
  expect(sample.median).toBeGreaterThanOrEqual(15)
  expect(sample.missing(OPERATIONS)).toEqual([])
})
