import { integer, known, options as checkOptions, oneOf } from '../internal/validate.ts'
import { type ExplorationSettings, MOST_RUNS, settingsOf } from '../simulation/options.ts'
import type { Faults, ScheduleName } from '../simulation/types.ts'

/** Options of `simulation`. fast-check has those for runs, seeds and reports. */
export interface SimulatedRunOptions {
  /** The way to draw choices. Default `'random'`. */
  readonly schedule?: Exclude<ScheduleName, 'dfs'>
  /** The depth of the races that `pct` looks for, from 1 to 3. Default 2. */
  readonly depth?: number
  /** The kinds of faults, with the probability of each. Default: no faults. */
  readonly faults?: Faults
  /** Lets `setTimeout` and the like fail the run, or move with the clock of the simulation. Default `'error'`. */
  readonly timers?: 'error' | 'virtual'
  /** The most steps of a run; a program that needs more counts as endless. Default 100 000. */
  readonly steps?: number
  /** Repeats one run in so many that pass, to compare the two; 0 for none. Default 20. */
  readonly checkEvery?: number
  /**
   * The most further runs that look for a failure of smaller inputs, once a run has failed: its choices may not fit
   * them. Default 100.
   */
  readonly searchRuns?: number
}

/** Options of `simulationFor`. */
export interface GivenRunOptions extends SimulatedRunOptions {
  /** The seed of the random streams of the nodes: an integer from 0 to 2^53 - 1. Default 0. */
  readonly seed?: number
}

const OPTIONS = [
  'schedule',
  'depth',
  'faults',
  'timers',
  'steps',
  'checkEvery',
  'searchRuns',
] as const satisfies readonly (keyof SimulatedRunOptions)[]

/** Without `dfs`: its runs follow on each other, and fast-check draws each for itself. */
const SCHEDULES = ['random', 'pct', 'fifo'] as const

/** The settings of a run. */
export interface SimulatedRunSettings extends ExplorationSettings {
  readonly searchRuns: number
}

function settingsFrom(options: SimulatedRunOptions, names: readonly string[]): SimulatedRunSettings {
  known('options', options, names)
  const { searchRuns = 100, ...others } = options
  integer('options.searchRuns', 0, MOST_RUNS, searchRuns)
  if (others.schedule !== undefined) oneOf('options.schedule', SCHEDULES, others.schedule)
  return { ...settingsOf(others), searchRuns }
}

/** Returns the settings of runs whose choices fast-check draws. */
export const drawnSettings = (options: SimulatedRunOptions | undefined): SimulatedRunSettings =>
  settingsFrom(checkOptions('options', options), OPTIONS)

/** Returns the settings of a run whose choices are given. */
export function givenSettings(options: GivenRunOptions | undefined): SimulatedRunSettings {
  const checked = checkOptions('options', options)
  const settings = settingsFrom(checked, [...OPTIONS, 'seed'])
  return {
    ...settings,
    seed: checked.seed === undefined ? 0 : integer('options.seed', 0, Number.MAX_SAFE_INTEGER, checked.seed),
  }
}
