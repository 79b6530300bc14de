import { callable } from '../internal/validate.ts'
import { smallerLists } from '../simulation/choices.ts'
import { Explorer } from '../simulation/explorer.ts'
import { neverHeld } from '../simulation/properties.ts'
import { withReport } from '../simulation/report.ts'
import { inTurn } from '../simulation/in-turn.ts'
import type { SimulationProgram } from '../simulation/types.ts'
import type { SimulatedRunSettings } from './options.ts'

/** What the runs of an arbitrary share. */
export class RunCounts {
  /** The number of runs that have passed. */
  passed = 0
  /** Whether each `sometimes` has held in any run so far. */
  readonly sometimes: Map<string, boolean> = new Map()

  /** @throws PropertyError for a `sometimes` that has held in no run. */
  assertSometimes(): void {
    const error = neverHeld(this.sometimes, this.passed)
    if (error !== undefined) throw error
  }
}

/**
 * One run of a simulation, as fast-check generates and shrinks it: the seed of its random streams, and the list of
 * choices that it takes. `run` draws the list, and a run that fails keeps it.
 */
export class SimulatedRun {
  readonly #settings: SimulatedRunSettings
  readonly #counts: RunCounts
  #choices: readonly number[] | undefined
  #hasFailed = false

  /** @internal */
  constructor(settings: SimulatedRunSettings, counts: RunCounts, choices?: readonly number[]) {
    this.#settings = settings
    this.#counts = counts
    this.#choices = choices
  }

  /** The answers to the questions of the run: drawn by its first run, or given. `undefined` before. */
  get choices(): readonly number[] | undefined {
    return this.#choices
  }

  /**
   * Runs a program once. Rejects with its error when it fails; the message has the report. Call it once for each value.
   *
   * @throws InvalidArgumentError, as a rejection, for what is no function.
   */
  async run(program: SimulationProgram): Promise<void> {
    callable('program', program)
    const { checkEvery } = this.#settings
    const isChecked = checkEvery !== 0 && this.#counts.passed % checkEvery === 0
    const { answers, failure } = await inTurn(async (patches) => {
      const explorer = new Explorer(program, this.#settings, patches, this.#counts.sometimes)
      try {
        return await explorer.once({
          given: this.#choices,
          // It has failed before, so the inputs are smaller now, and its choices may not fit them.
          furtherRuns: this.#hasFailed ? this.#settings.searchRuns : 0,
          isChecked,
          repeat: (list) => `repeat it with ${this.#textOf(list)} in \`examples\``,
        })
      } finally {
        explorer.close()
      }
    })
    // A run that passes with other inputs says nothing about the one that failed.
    if (failure === undefined) {
      this.#choices ??= answers
      this.#counts.passed++
      return
    }
    this.#choices = answers
    this.#hasFailed = true
    throw withReport(failure.error, failure.report)
  }

  /**
   * Returns the runs to try next to this one, which has failed, the smallest first. There are none before its first run.
   *
   * @internal
   */
  smaller(): SimulatedRun[] {
    const lists = smallerLists(this.#choices ?? [])
    return lists.map((choices) => new SimulatedRun(this.#settings, this.#counts, choices))
  }

  /** Returns the call that makes this value: fast-check prints it. */
  toString(): string {
    return this.#textOf(this.#choices ?? [])
  }

  #textOf(choices: readonly number[]): string {
    const { seed, faults, timers, steps } = this.#settings
    const kept = choices.slice(0, 1 + choices.findLastIndex((choice) => choice !== 0))
    const options = [`seed: ${seed}`]
    const used = Object.entries(faults).filter(([, value]) => value !== undefined && value !== 0)
    if (used.length > 0)
      options.push(`faults: { ${used.map(([kind, value]) => `${kind}: ${String(value)}`).join(', ')} }`)
    if (timers !== 'error') options.push(`timers: '${timers}'`)
    if (steps !== 100_000) options.push(`steps: ${steps}`)
    return `simulationFor([${kept.join(', ')}], { ${options.join(', ')} })`
  }
}
