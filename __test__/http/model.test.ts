// Random programs of connections against the rules: places and counts come back, each request is journaled once and
// truly, and an orderly end answers or records whatever had arrived.
import * as fc from 'fast-check'
import { expect, it } from 'vitest'

import { Reach, runsOf } from '../support/programs.ts'
import { inMemory, overLoopback } from './model/means.ts'
import { nameOf, plan } from './model/plan.ts'
import { type Means, World } from './model/world.ts'

const HOURS = 3_600_000

async function check(means: () => Means, name: string, few: number, most?: number): Promise<void> {
  const reach = new Reach()
  const run = fc.asyncProperty(plan, async (given) => {
    reach.program(given.ops.map((op) => nameOf(op)))
    expect(await new World(given, means(), reach).run()).toEqual([])
  })
  const seed = process.env['KEELSON_SEED']
  // Over loopback a failure takes seconds to be sure of: too long to shrink by.
  const endOnFailure = !means().isExact
  await fc.assert(run, {
    ...runsOf(name, few, most),
    unbiased: true,
    endOnFailure,
    ...(seed !== undefined && { seed: Number(seed) }),
  })
  reach.print(name)
}

it('no random program of connections in memory leaves anything behind', { timeout: 6 * HOURS }, async () => {
  await check(() => inMemory, 'HTTP in memory', 150)
})

it('no random program of connections over loopback leaves anything behind', { timeout: 6 * HOURS }, async () => {
  await check(overLoopback, 'HTTP over loopback', 30, 10_000)
})
