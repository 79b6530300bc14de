/** Random programs of local atoms under a controlled clock; `model/run.ts` has what must hold. */
import * as fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'

import { Reach, runsOf, sampleOf } from '../support/programs.ts'
import { OPERATIONS, program } from './model/program.ts'
import { run } from './model/run.ts'

const reach = new Reach()
afterAll(() => reach.print('local atoms'))

it(
  'values, versions, times, history and watchers are those of a list, in and out of transactions',
  { timeout: 7_200_000 },
  () => {
    fc.assert(
      fc.property(program, (each) => run(each, reach)),
      runsOf('local atoms', 100),
    )
    expect(reach.faults('aborted')).toBeGreaterThan(0)
  },
)

it('the programs are long, and every pair of operations comes up', () => {
  const sample = sampleOf(program)
  expect(sample.median).toBeGreaterThanOrEqual(30)
  expect(sample.missing(OPERATIONS)).toEqual([])
})
