import { callable, text } from '../internal/validate.ts'
import { Choices } from './choices.ts'
import { Explorer } from './explorer.ts'
import { readRecording } from './files.ts'
import { checkSimulationOptions, environmentReplay, type ExplorationSettings, settingsOf } from './options.ts'
import { withReport } from './report.ts'
import { inTurn } from './in-turn.ts'
import type { SimulationOptions, SimulationProgram, SimulationResult } from './types.ts'

async function exploreWith(program: SimulationProgram, settings: ExplorationSettings): Promise<SimulationResult> {
  return await inTurn(async (patches) => {
    const explorer = new Explorer(program, settings, patches)
    try {
      return await explorer.explore()
    } finally {
      explorer.close()
    }
  })
}

/** Replays a file with the settings of its run. */
async function replayWith(
  path: string,
  program: SimulationProgram,
  options: SimulationOptions | undefined,
): Promise<SimulationResult> {
  const settings = await recordedSettings(path, settingsOf(options))
  return await inTurn(async (patches) => {
    const explorer = new Explorer(program, settings, patches)
    try {
      return await explorer.replay(path)
    } finally {
      explorer.close()
    }
  })
}

async function recordedSettings(path: string, settings: ExplorationSettings): Promise<ExplorationSettings> {
  const choices = new Choices(0, 'fifo', 1)
  try {
    const { seed, faults, timers, steps } = await readRecording(path, choices)
    return { ...settings, seed, faults, timers: timers === 'virtual' ? 'virtual' : 'error', steps }
  } finally {
    choices.close()
  }
}

function print(report: string): void {
  process.stderr.write(`${report}\n`)
}

/**
 * Runs a program many times, each time with other choices where production leaves an order or an outcome open, until it
 * fails. Then it looks for the shortest list of choices that fails in the same way, writes a file that repeats it, and
 * prints a report. Resolves also when the program fails.
 *
 * The environment variables `KEELSON_SEED` and `KEELSON_RUNS` override the options, and `KEELSON_REPLAY` names a file
 * that is replayed instead.
 *
 * @throws InvalidArgumentError, as a rejection, for a bad option. ReplayFileError and ReplayDivergedError as {@link
 *   replay}.
 * @example
 * ```ts
 * const { failure } = await explore(async (sim) => {
 *   const system = sim.system('a')
 *   // … start processes, and let them race
 *   sim.invariant('no money is made', () => total() === 100)
 * }, { runs: 1000, seed: 1, faults: { crash: 0.01 } })
 * ```
 */
export async function explore(program: SimulationProgram, options?: SimulationOptions): Promise<SimulationResult> {
  callable('program', program)
  const settings = settingsOf(options)
  const path = environmentReplay()
  const result = path === undefined ? await exploreWith(program, settings) : await replayWith(path, program, options)
  if (result.failure !== undefined) (settings.print ?? print)(result.failure.report)
  return result
}

/**
 * Runs a program once, with the choices of a file that {@link explore} wrote. Resolves with the same failure, or with
 * none if the program does not fail any more.
 *
 * @throws ReplayFileError, as a rejection, for a file that is no recording or one of another version;
 *   ReplayDivergedError when the program asks other questions than were recorded.
 */
export async function replay(file: string, program: SimulationProgram): Promise<SimulationResult> {
  text('file', file)
  callable('program', program)
  return await replayWith(file, program, undefined)
}

/**
 * Returns a test function that explores a program and rejects when it fails, for every runner. The message of the error
 * has the report.
 *
 * @throws InvalidArgumentError for a bad option, at once.
 * @example
 * ```ts
 * test('no money is made', simulate({ runs: 200 }, async (sim) => {
 *   // …
 * }))
 * ```
 */
export function simulate(options: SimulationOptions, program: SimulationProgram): () => Promise<void> {
  checkSimulationOptions(options)
  callable('program', program)
  return async () => {
    const settings = settingsOf(options)
    const path = environmentReplay()
    const result = path === undefined ? await exploreWith(program, settings) : await replayWith(path, program, options)
    const { failure } = result
    if (failure === undefined) return
    settings.print?.(failure.report)
    throw withReport(failure.error, failure.report)
  }
}
