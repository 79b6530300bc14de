/** Random programs of a state machine, judged by a small model of `gen_statem`. */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'

import { Reach, runsOf, sampleOf } from '../../support/programs.ts'
import { programs } from './model/program.ts'
import { run } from './model/run.ts'

const IS_LONG = process.env['KEELSON_PROGRAMS'] !== undefined
const reach = new Reach()

it('a state machine does what the model of gen_statem does [statem-order]', async () => {
  await fc.assert(
    fc.asyncProperty(programs, async (each) => {
      const { differs, reached } = await run(each)
      reach.program(each.ops.map(({ kind }) => kind))
      for (const name of reached) reach.fault(name)
      expect(differs).toBeUndefined()
    }),
    { ...runsOf('state-machine', 150), ...(IS_LONG ? {} : { seed: 7 }) },
  )
  reach.print('state-machine')
  for (const name of ['call', 'cast', 'internal', 'state', 'event', 'x', 'y', 'enter', 'rejected', 'crashed', 'long']) {
    expect([name, reach.faults(name) > 0]).toEqual([name, true])
  }
})

it('the programs have every pair of operations, and are not short', () => {
  const sample = sampleOf(programs)
  expect(sample.missing(['send', 'advance', 'give-up'])).toEqual([])
  expect(sample.median).toBeGreaterThanOrEqual(5)
})
