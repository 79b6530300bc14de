import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'

import { programs, Reach, runsOf } from '../../support/programs.ts'
import { Journals, type Limits, type Step } from './model/journals.ts'

// Nothing here cuts the power, so memory does for a disk where there is some.
const disk = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

const size = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 300 }), fc.constant(1500))
const weighed = <S>(weight: number, arbitrary: fc.Arbitrary<S>): fc.WeightedArbitrary<S> => ({ weight, arbitrary })
const of = <O extends Step['op']>(op: O): fc.Arbitrary<O> => fc.constant(op)

const step: fc.Arbitrary<Step> = fc.oneof(
  weighed(6, fc.record({ op: of('append'), key: fc.integer({ min: -2, max: 3 }), gone: fc.boolean(), size })),
  weighed(
    4,
    fc.record({
      op: of('many'),
      count: fc.oneof(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 60 })),
      keyed: fc.boolean(),
      size,
    }),
  ),
  weighed(2, fc.record({ op: of('burst'), count: fc.integer({ min: 1, max: 12 }), size })),
  weighed(3, fc.record({ op: of('compact'), drop: fc.boolean() })),
  weighed(1, fc.record({ op: of('clear') })),
  weighed(2, fc.record({ op: of('retain') })),
  weighed(3, fc.record({ op: of('save'), back: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 6 })) })),
  weighed(3, fc.record({ op: of('fold') })),
  weighed(
    4,
    fc.record({ op: of('pass'), part: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 24 })) }),
  ),
  weighed(2, fc.record({ op: of('jump'), parts: fc.integer({ min: -32, max: 32 }) })),
  weighed(
    2,
    fc.record({
      op: of('reopen'),
      limits: fc.nat(2),
      closedFor: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 24 })),
      jump: fc.oneof(fc.constant(0), fc.integer({ min: -24, max: 24 })),
    }),
  ),
  weighed(1, fc.record({ op: of('conflict') })),
)

const limits: fc.Arbitrary<Limits> = fc.record(
  {
    maxEntries: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 10, max: 100 })),
    maxBytes: fc.integer({ min: 8192, max: 30_000 }),
    maxAgeMs: fc.integer({ min: 100, max: 10_000 }),
  },
  { requiredKeys: [] },
)

const OPS = [
  'append',
  'many',
  'burst',
  'compact',
  'clear',
  'retain',
  'save',
  'fold',
  'pass',
  'jump',
  'reopen',
  'conflict',
]

/** Others with `KEELSON_SEED`. */
const seed = Number(process.env['KEELSON_SEED'] ?? 14)

async function run(all: readonly Limits[], steps: readonly Step[], reach: Reach): Promise<void> {
  const path = mkdtempSync(join(disk, 'keelson-model-'))
  const journals = new Journals(path, all)
  reach.program(steps.map(({ op }) => op))
  try {
    await journals.run(steps)
  } finally {
    for (const note of journals.notes) reach.fault(note)
    rmSync(path, { recursive: true, force: true })
  }
}

it('a journal on disk holds what its limits say, whatever is done to it and to its clock', async () => {
  const reach = new Reach()
  const parameters = runsOf<[Limits[], Step[]]>('journals on disk', 120)
  const sets = fc.array(limits, { minLength: 1, maxLength: 2 })
  const program = fc.array(step, { minLength: 14, maxLength: 52, size: 'max' })
  await fc.assert(
    fc.asyncProperty(sets, program, (all, steps) => run(all, steps, reach)),
    { ...parameters, seed },
  )
  reach.print('journals on disk')
  if (programs(120) < 1000) return
  expect(reach.missing(OPS)).toEqual([])
  const gap = 'a snapshot with a gap'
  const before = 'a state from before a dropped removal'
  for (const note of ['dropped by count', 'dropped by age', 'dropped by bytes', gap, before]) {
    expect(reach.faults(note), note).toBeGreaterThan(0)
  }
})
