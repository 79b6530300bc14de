/**
 * Five faults planted in keelson's own code, in the addon for tests: simulations find each. Without them there is no alarm.
 *
 * `replays/` keeps a file of each. With the fault it fails again; without it the run passes, or asks other questions once
 * keelson does the right thing. `KEELSON_RECORD=1` writes the files anew, after a change of the order of steps.
 */
import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SimulationOptions, SimulationResult } from 'keelson/simulation'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'

import { programs } from '../support/programs.ts'
import { root } from '../support/root.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import type * as Programs from './planted/programs.ts'

const folder = join(root, 'native', 'test')
const addonIn = (where: string): string | undefined =>
  existsSync(where)
    ? readdirSync(where).find((name) => name.startsWith('keelson.') && name.endsWith('.node'))
    : undefined

const REPLAYS = join(root, '__test__', 'simulation', 'replays')
const SEEDS = [1, 2, 3]
const MOST_RUNS = 1000
const MOST_CHOICES = 10

/** The names of the faults, so that tests have titles before the addon is loaded. */
const NAMES = readFileSync(join(root, '__test__', 'simulation', 'planted', 'programs.ts'), 'utf8')
const names = Array.from(NAMES.matchAll(/^ {2}name: '(.+)',$/gm), ([, name]) => name as string)

type Fault = (typeof Programs)['plantedFaults'][number]

let explore: (name: string, options: SimulationOptions) => Promise<SimulationResult>
let replay: (path: string, name: string) => Promise<SimulationResult>
let plant: (bits: number) => void
let faults: (typeof Programs)['plantedFaults']

beforeAll(async () => {
  const addon = addonIn(folder)
  expect(addon, 'the test build of the addon (npm test -- --only addon-hooks)').toBeDefined()
  // Before anything loads the package.
  process.env['KEELSON_BINDING_PATH'] = join(folder, addon as string)
  faults = (await import('./planted/programs.ts')).plantedFaults
  const { explore: exploreProgram, replay: replayProgram } = await import('keelson/simulation')
  const { inside } = await import('../support/inside.ts')
  plant = (bits) => void (inside.hot as unknown as { testPlant(bits: number): number }).testPlant(bits)
  explore = (name, options) => {
    const { program } = faultOf(name)
    return exploreProgram(program, { folder: tempDirectory(), print: () => undefined, checkEvery: 0, ...options })
  }
  replay = (path, name) => replayProgram(path, faultOf(name).program)
})
afterEach(() => plant(0))

const faultOf = (name: string): Fault => faults.find((fault) => fault.name === name) as Fault
const bitOf = (name: string): number => faultOf(name).bit

it('each file that is kept belongs to a fault', () => {
  expect(readdirSync(REPLAYS).toSorted()).toEqual(faults.map(({ file }) => file).toSorted())
})

it('the programs meet all faults', () => {
  const source = readFileSync(join(root, 'src', 'core', 'planted.rs'), 'utf8')
  const bits = Array.from(source.matchAll(/^ {4}\w+ = (\d+),$/gm), ([, bit]) => Number(bit))
  expect(faults.map(({ bit }) => bit)).toEqual(bits)
  expect(names).toEqual(faults.map(({ name }) => name))
})

describe.each(names)('%s', (name) => {
  it('does not show in the order of production', async () => {
    plant(1 << bitOf(name))
    const { failure } = await explore(name, { runs: 1, schedule: 'fifo' })
    expect(failure?.report).toBeUndefined()
  })

  it.each(['random', 'pct'] as const)(`is found within ${MOST_RUNS} runs by %s, and shrunk`, async (schedule) => {
    plant(1 << bitOf(name))
    for (const seed of SEEDS) {
      const { failure } = await explore(name, { runs: MOST_RUNS, seed, schedule })
      const deviations = failure?.choices.filter(({ value }) => value !== 0) ?? []
      expect(deviations.length).toBeGreaterThan(0)
      expect(deviations.length).toBeLessThanOrEqual(MOST_CHOICES)
    }
  })

  it('fails again from its file, and not where it is not planted', async () => {
    const path = join(REPLAYS, faultOf(name).file)
    plant(1 << bitOf(name))
    if (process.env['KEELSON_RECORD'] !== undefined) {
      const { failure } = await explore(name, { runs: MOST_RUNS, seed: 1 })
      copyFileSync(failure?.file as string, path)
    }
    const { failure } = await replay(path, name)
    const recorded = JSON.parse(readFileSync(path, 'utf8')) as { failure: { message: string } }
    expect(failure?.error).toMatchObject({ message: recorded.failure.message })
    plant(0)
    const mended = await replay(path, name).catch((error: unknown) => error)
    if ((mended as { code?: string }).code === 'KEELSON_REPLAY_DIVERGED') return
    expect(mended).toMatchObject({ runs: 1 })
    expect(mended).not.toHaveProperty('failure')
  })

  it('raises no alarm where it is not planted', async () => {
    const { failure } = await explore(name, { runs: programs(200), seed: 9, checkEvery: 10 })
    expect(failure?.report).toBeUndefined()
  })
})

it('no fault is in the addon that users get', () => {
  const built = (where: string): string => readFileSync(join(where, addonIn(where) as string), 'latin1')
  expect(built(folder)).toContain('testPlant')
  expect(built(join(root, 'native'))).not.toContain('testPlant')
})
