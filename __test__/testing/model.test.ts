// Random programs of timers on an installed clock against a model of Node's rules: what fires, when, and in which order.
import * as fc from 'fast-check'
import { expect, it } from 'vitest'

import { Reach, runsOf, sampleOf } from '../support/programs.ts'
import { ClockHost } from './model/clock-host.ts'
import { ModelHost } from './model/model-host.ts'
import { KINDS, plan } from './model/plan.ts'
import { logOf } from './model/world.ts'

const HOURS = 3_600_000

it('no random program of timers tells an installed clock from the model', { timeout: 6 * HOURS }, async () => {
  const reach = new Reach()
  const run = fc.asyncProperty(plan, async (given) => {
    reach.program(given.ops.map(({ kind }) => kind))
    const expected = await logOf(given, (...host) => new ModelHost(...host))
    if (expected.includes('not idle')) reach.fault('not idle')
    if (expected.some((line) => line.includes('aborted'))) reach.fault('aborted')
    if (expected.some((line) => line.includes('an error'))) reach.fault('threw')
    expect(await logOf(given, (...host) => new ClockHost(...host))).toEqual(expected)
  })
  const seed = process.env['KEELSON_SEED']
  await fc.assert(run, { ...runsOf('installed clocks', 300), ...(seed !== undefined && { seed: Number(seed) }) })
  reach.print('installed clocks')
})

it('the programs reach every pair of operations', () => {
  expect(sampleOf(plan).missing(KINDS)).toEqual([])
})
