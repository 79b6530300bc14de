/** Explorations that print nothing and leave no files in the working directory. */
import { explore, type SimulationOptions, type SimulationProgram, type SimulationResult } from 'keelson/simulation'
import { expect } from 'vitest'

import { tempDirectory } from '../support/temp-directory.ts'

/** Explores a program, five runs with seed 1 unless the options say otherwise. */
export const explored = (program: SimulationProgram, options: SimulationOptions = {}): Promise<SimulationResult> =>
  explore(program, { folder: tempDirectory(), print: () => undefined, runs: 5, seed: 1, ...options })

/** Runs a program, which must not fail. */
export async function passes(program: SimulationProgram, options?: SimulationOptions): Promise<SimulationResult> {
  const result = await explored(program, options)
  expect(result.failure?.report).toBeUndefined()
  return result
}

/** Runs a program, which must fail. Returns the error. */
export async function failureOf(program: SimulationProgram, options?: SimulationOptions): Promise<unknown> {
  const { failure } = await explored(program, options)
  expect(failure).toBeDefined()
  return failure?.error
}

/** Returns the outcome of a promise: its value, or its error. */
export const outcome = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error)
