/** Twelve planted races are found, shrunk and replayed; their correct twins raise no alarm. */
import { explore, replay, type SimulationOptions, type SimulationResult } from 'keelson/simulation'
import { describe, expect, it } from 'vitest'

import { programs } from '../support/programs.ts'
import { tempDirectory } from '../support/temp-directory.ts'
import { races } from './races/index.ts'

/** The message of the error of a result. */
const messageOf = ({ failure }: { readonly failure?: SimulationResult['failure'] | undefined }): unknown =>
  (failure?.error as Error | undefined)?.message

const SEEDS = [1, 2, 3]
const MOST_RUNS = 1000
const MOST_CHOICES = 10

describe.each(races.map((race) => [race.name, race] as const))('%s', (_, { program, options: own }) => {
  const options = (more: SimulationOptions): SimulationOptions => ({
    ...own,
    folder: tempDirectory(),
    print: () => undefined,
    checkEvery: 0,
    ...more,
  })

  it('does not show in the order of production without faults', async () => {
    for (const isFixed of [false, true]) {
      const { failure } = await explore(program(isFixed), options({ runs: 3, schedule: 'fifo' }))
      expect(failure?.report).toBeUndefined()
    }
  })

  it.each(['random', 'pct'] as const)(
    `is found within ${MOST_RUNS} runs by %s, shrunk, and replayed`,
    async (schedule) => {
      for (const seed of SEEDS) {
        const { failure } = await explore(program(false), options({ runs: MOST_RUNS, seed, schedule }))
        const deviations = failure?.choices.filter(({ value }) => value !== 0) ?? []
        expect(deviations.length).toBeGreaterThan(0)
        expect(deviations.length).toBeLessThanOrEqual(MOST_CHOICES)
        const again = await replay(failure?.file as string, program(false))
        expect(again.failure?.choices).toEqual(failure?.choices)
        expect(messageOf(again)).toBe(messageOf({ failure }))
      }
    },
  )

  it('raises no alarm in its correct twin', async () => {
    const { failure } = await explore(program(true), options({ runs: programs(200), seed: 9, checkEvery: 10 }))
    expect(failure?.report).toBeUndefined()
  })
})
