import { programs } from '../lib/programs.mjs'
import { runProgram } from './simulation.mjs'

const PROGRAMS = programs(200)

test('no acknowledged write is lost while a quorum lives, whatever the network does', async () => {
  const sum = { operations: 0, unknown: 0, kills: 0, crashes: 0, repairs: 0, lost: 0, repeated: 0 }
  for (let seed = 1; seed <= PROGRAMS; seed++) {
    const { faults, ...counts } = await runProgram(seed)
    expect([seed, faults]).toEqual([seed, []])
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += counts[name]
  }
  // The programs reach what they are for.
  for (const count of Object.values(sum)) expect(count).toBeGreaterThan(PROGRAMS / 2)
  expect(sum.unknown).toBeLessThan(sum.operations / 2)
})

test('a seed repeats its program', async () => {
  expect(await runProgram(7)).toEqual(await runProgram(7))
})
