// Random programs of requests to fetch-style handlers, plain and in Hono, against the rules: places and counts come back,
// each request is journaled once, and a body holds its place until it ends, fails or is cancelled.
import * as fc from 'fast-check'
import { expect, it } from 'vitest'

import { Reach, runsOf, sampleOf } from '../support/programs.ts'
import { KINDS, plan } from './model/plan.ts'
import { World } from './model/world.ts'

const HOURS = 3_600_000

it('no random program of fetch-style requests leaves anything behind', { timeout: 6 * HOURS }, async () => {
  const reach = new Reach()
  const run = fc.asyncProperty(plan, async (given) => {
    reach.program(given.ops.map((op) => (op.kind === 'ask' ? `ask: ${op.handler}` : op.kind)))
    expect(await new World(given, reach).run()).toEqual([])
  })
  const seed = process.env['KEELSON_SEED']
  await fc.assert(run, { ...runsOf('fetch-style requests', 80), ...(seed !== undefined && { seed: Number(seed) }) })
  reach.print('fetch-style requests')
})

it('the programs reach every pair of operations', () => {
  expect(sampleOf(plan).missing(KINDS)).toEqual([])
})
