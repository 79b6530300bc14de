import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'

import { Reach, runsOf } from '../../../support/programs.ts'
import { CONSUMERS } from './model/consumers.ts'
import { type Settings, type Step, Store } from './model/store.ts'

// Power cuts are made by hand, so memory does for a disk where there is some.
const disk = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

const weighed = <S>(weight: number, arbitrary: fc.Arbitrary<S>): fc.WeightedArbitrary<S> => ({ weight, arbitrary })
const of = <O extends Step['op']>(op: O): fc.Arbitrary<O> => fc.constant(op)

/** An entry: stream 0 is none, id 0 is none, and `expected` is the version's distance from the right one. */
const entry = fc.record({
  stream: fc.nat(3),
  id: fc.oneof(fc.constant(0), fc.nat(6)),
  expected: fc.oneof(fc.constant(undefined), fc.constant(0), fc.constantFrom(-2, -1, 1, 3)),
  key: fc.oneof(fc.constant(0), fc.nat(3)),
  size: fc.oneof(fc.constant(0), fc.nat(300), fc.constant(1500)),
})
const plain = entry.map((one) => ({ ...one, id: 0, expected: undefined }))
const groups = (most: number) => fc.array(fc.array(plain, { minLength: 1, maxLength: 4 }), { maxLength: most })

const step: fc.Arbitrary<Step> = fc.oneof(
  weighed(6, fc.record({ op: of('append'), entry })),
  weighed(4, fc.record({ op: of('many'), entries: fc.array(entry, { maxLength: 6 }) })),
  weighed(2, fc.record({ op: of('fill'), count: fc.nat(40) })),
  weighed(
    4,
    fc.record({
      op: of('read'),
      stream: fc.integer({ min: 1, max: 4 }),
      from: fc.option(fc.nat(12), { nil: undefined }),
      to: fc.option(fc.integer({ min: -1, max: 20 }), { nil: undefined }),
      backwards: fc.boolean(),
      limit: fc.option(fc.nat(6), { nil: undefined }),
      isAsync: fc.boolean(),
      isBeside: fc.boolean(),
    }),
  ),
  weighed(4, fc.record({ op: of('consume'), name: fc.constantFrom(...Object.keys(CONSUMERS)), isWell: fc.boolean() })),
  weighed(1, fc.record({ op: of('start'), name: fc.constantFrom(...Object.keys(CONSUMERS)) })),
  weighed(2, fc.record({ op: of('project'), version: fc.integer({ min: 1, max: 2 }) })),
  weighed(2, fc.record({ op: of('rebuild'), groups: groups(3) })),
  weighed(
    3,
    fc.record({
      op: of('serve'),
      stream: fc.integer({ min: 1, max: 3 }),
      every: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
      calls: fc.nat(5),
    }),
  ),
  weighed(2, fc.record({ op: of('compact') })),
  weighed(1, fc.record({ op: of('clear') })),
  weighed(1, fc.record({ op: of('retain') })),
  weighed(2, fc.record({ op: of('backup'), groups: groups(4), goesOn: fc.boolean() })),
  weighed(2, fc.record({ op: of('reopen') })),
  weighed(2, fc.record({ op: of('kill'), groups: groups(6), waits: fc.boolean() })),
  weighed(2, fc.record({ op: of('power'), groups: groups(6), part: fc.double({ min: 0, max: 1, noNaN: true }) })),
)

const settings: fc.Arbitrary<Settings> = fc.record({
  durability: fc.constantFrom('sync', 'flush'),
  limit: fc.option(fc.integer({ min: 3, max: 40 }), { nil: undefined }),
})

const OPS = [
  'append',
  'many',
  'fill',
  'read',
  'consume',
  'start',
  'project',
  'rebuild',
  'serve',
  'compact',
  'clear',
  'retain',
  'backup',
  'reopen',
  'kill',
  'power',
]

/** The notes that programs have to make: each names a situation that one of them came across. */
const NOTES = [
  'conflict',
  'mixed',
  'repeated',
  'a stream begins anew',
  'a consumer stopped',
  'an entry was parked',
  'a stream with a gap',
  'begun with a snapshot',
  'a snapshot was ignored',
  'an append was lost in a kill',
  'an append was kept in a kill',
  'an append was lost in a power cut',
  'went on from a backup',
]

/** Others with `KEELSON_SEED`. */
const seed = Number(process.env['KEELSON_SEED'] ?? 23)

async function run(chosen: Settings, steps: readonly Step[], reach: Reach): Promise<void> {
  const path = mkdtempSync(join(disk, 'keelson-events-'))
  const store = new Store(path, chosen)
  reach.program(steps.map(({ op }) => op))
  try {
    await store.run(steps)
  } finally {
    for (const note of store.notes) reach.fault(note)
    rmSync(path, { recursive: true, force: true })
  }
}

it('an event store answers as a simple model, whatever is done to it', async () => {
  const reach = new Reach()
  const parameters = runsOf<[Settings, Step[]]>('event stores', 20)
  const program = fc.array(step, { minLength: 14, maxLength: 46, size: 'max' })
  let last: Promise<void> = Promise.resolve()
  try {
    await fc.assert(
      fc.asyncProperty(settings, program, (chosen, steps) => (last = run(chosen, steps, reach))),
      { ...parameters, seed },
    )
  } finally {
    // A time limit does not wait for the program that runs then, which has a directory to remove.
    await Promise.allSettled([last])
  }
  reach.print('event stores')
  // Fewer do not reach everything.
  if (reach.count < 1000) return
  expect(reach.missing(OPS)).toEqual([])
  for (const note of NOTES) expect(reach.faults(note), note).toBeGreaterThan(0)
})
