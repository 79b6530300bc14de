// The twelve planted races: how many runs find each, and how short the run is that shows it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { explore } from 'keelson/simulation'

import { importTestModule } from '../../../scripts/lib/test-modules.mjs'
import { passesUnderFakeTimers, runsThatMiss, runsUntilFound } from './peers.mjs'
import { plainRaces } from './plain-races.mjs'

const SEEDS = Array.from({ length: 20 }, (_, index) => index + 1)
const RUNS = 1000
const SCHEDULES = ['random', 'pct']
const MOST_CHOICES = 10
/** The seed behind those of the medians. */
const NEXT_SEED = SEEDS.length + 1

const scheduler = { name: 'fc.scheduler, wrapped promises' }
const fakeTimers = { name: 'jest, fake timers' }

let loading
/** Returns a planted race of the tests. */
async function raceOf(name) {
  loading ??= importTestModule('races', 'simulation', 'races', 'index.ts')
  const race = (await loading).races.find((each) => each.name === name)
  if (race === undefined) throw new Error(`the tests have no race ${name}`)
  return race
}

/** Explores a race. A failure is not shrunk unless that is asked for. */
async function exploreRace({ program, options }, { isFixed = false, ...more }) {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-bench-'))
  const quiet = { folder, print: () => {}, checkEvery: 0, shrinkRuns: 0 }
  try {
    return await explore(program(isFixed), { ...options, ...quiet, ...more })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Explores a race with each seed until it is found. */
async function seedsOf(name, schedule, more = {}) {
  const race = await raceOf(name)
  const results = []
  for (const seed of SEEDS) results.push(await exploreRace(race, { seed, schedule, runs: RUNS, ...more }))
  return results
}

/** Returns how many of so many runs pass. An exploration ends at a failure, so another one goes on. */
async function ownRunsThatMiss(name) {
  const race = await raceOf(name)
  let found = 0
  let runs = 0
  for (let seed = NEXT_SEED; runs < RUNS; seed += 1) {
    const result = await exploreRace(race, { seed, schedule: 'random', runs: RUNS - runs })
    runs += result.runs
    if (result.failure !== undefined) found += 1
  }
  return RUNS - found
}

/** Fails the benchmark when a peer takes the correct twin of a race for wrong. */
async function checkTwin(name, plain) {
  const isFixed = true
  const { failure } = await exploreRace(await raceOf(name), { isFixed, seed: 1, runs: RUNS, schedule: 'random' })
  const alarms = RUNS - (await runsThatMiss((world) => plain(world, isFixed), 1, RUNS))
  const isCalm = await passesUnderFakeTimers((world) => plain(world, isFixed))
  if (failure !== undefined || alarms > 0 || !isCalm) throw new Error(`the correct twin of ${name} raises alarms`)
}

const racy = (plain) => (world) => plain(world, false)

const findCases = [...plainRaces].flatMap(([name, plain]) => [
  {
    name: `${name}: runs to find it, random`,
    unit: 'runs',
    bar: { value: RUNS },
    peer: scheduler,
    figures: async () => {
      await checkTwin(name, plain)
      const peer = []
      for (const seed of SEEDS) peer.push(await runsUntilFound(racy(plain), seed, RUNS))
      return { ours: (await seedsOf(name, 'random')).map(({ runs }) => runs), peer }
    },
  },
  {
    name: `${name}: runs to find it, pct`,
    unit: 'runs',
    bar: { value: RUNS },
    figures: async () => ({ ours: (await seedsOf(name, 'pct')).map(({ runs }) => runs) }),
  },
  {
    name: `${name}: runs of ${RUNS} that miss it`,
    unit: 'runs',
    peer: scheduler,
    figures: async () => ({
      ours: [await ownRunsThatMiss(name)],
      peer: [await runsThatMiss(racy(plain), NEXT_SEED, RUNS)],
    }),
  },
])

/** Counts the races that a function misses. */
async function countMissed(isMissed) {
  let missed = 0
  for (const [name, plain] of plainRaces) if (await isMissed(name, plain)) missed += 1
  return missed
}

/** Returns whether so many runs of a jest test pass. */
async function jestMisses(plain) {
  for (let run = 0; run < RUNS; run += 1) if (!(await passesUnderFakeTimers(racy(plain)))) return false
  return true
}

export const cases = [
  ...findCases,
  {
    name: `races of ${plainRaces.size} that ${RUNS} runs miss`,
    unit: 'races',
    bar: { value: 0 },
    peer: fakeTimers,
    figures: async () => {
      const ours = await countMissed(async (name) => {
        const { failure } = await exploreRace(await raceOf(name), { seed: NEXT_SEED, runs: RUNS, schedule: 'random' })
        return failure === undefined
      })
      return { ours: [ours], peer: [await countMissed((_, plain) => jestMisses(plain))] }
    },
  },
  ...SCHEDULES.map((schedule) => ({
    name: `choices of the longest shrunk run of ${plainRaces.size} races and ${SEEDS.length} seeds, ${schedule}`,
    unit: 'choices',
    bar: { value: MOST_CHOICES },
    figures: async () => {
      let longest = 0
      for (const name of plainRaces.keys()) {
        const results = await seedsOf(name, schedule, { shrinkRuns: 2000 })
        const lengths = results.map(({ failure }) => failure?.choices.filter(({ value }) => value !== 0).length ?? 0)
        longest = Math.max(longest, ...lengths)
      }
      return { ours: [longest] }
    },
  })),
]
