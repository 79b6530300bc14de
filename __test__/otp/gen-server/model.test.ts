/** Random programs of processes: start, call, cast, stop, link, monitor, crash, timers, and whatever happens between them. */
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { Reach, runsOf } from '../../support/programs.ts'
import { found } from './model/found.ts'
import { program } from './model/program.ts'
import { run, strayed } from './model/run.ts'

const IS_LONG = process.env['KEELSON_PROGRAMS'] !== undefined
/** The share of programs, in percent, that run on the system clock. */
const REAL = 2
const OPERATIONS = ['start', 'cast', 'call', 'burst', 'answer', 'answers', 'abort', 'stop', 'link', 'monitor'] as const

const reach = new Reach()
const unhandled = (error: unknown): void => strayed(error, 'unhandled')

beforeAll(() => {
  process.on('unhandledRejection', unhandled)
})
afterAll(() => {
  process.off('unhandledRejection', unhandled)
  reach.print('processes')
})

it('settles each call once and with its own answer, keeps order, one at a time, tells each end once and truly, and leaves nothing', async () => {
  const property = fc.asyncProperty(program(REAL), async (one) => {
    reach.program(one.ops.map(({ op }) => op))
    const faults = await run(one, (what) => reach.fault(what))
    if (faults.length > 0) throw new Error(faults.join('\n'))
  })
  await fc.assert(property, { ...runsOf('processes', 120), ...(IS_LONG ? {} : { seed: 7 }) })
  expect(reach.median).toBeGreaterThanOrEqual(IS_LONG ? 30 : 20)
  if (reach.count >= 1000) expect(reach.missing(OPERATIONS)).toEqual([])
})

it.each(found)('no more: %s', async (_, one) => {
  expect(await run(one, () => {})).toEqual([])
})
