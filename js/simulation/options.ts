import { InvalidArgumentError } from '../errors/errors.ts'
import { integer, known, object, oneOf, optionalCallable, options as checkOptions, text } from '../internal/validate.ts'
import { freshSeed } from '../system/entropy.ts'
import type { Faults, ScheduleName, SimulationOptions } from './types.ts'
import { FAULT_KINDS as STEP_KINDS } from './fault-plan.ts'
import { NETWORK_FAULT_KINDS } from './network/network-faults.ts'

const OPTIONS = [
  'runs',
  'seed',
  'schedule',
  'depth',
  'bound',
  'faults',
  'timers',
  'steps',
  'checkEvery',
  'shrinkRuns',
  'folder',
  'print',
] as const satisfies readonly (keyof SimulationOptions)[]

const FAULT_KINDS: readonly (keyof Faults)[] = [...STEP_KINDS, ...NETWORK_FAULT_KINDS]
const SCHEDULES: readonly ScheduleName[] = ['random', 'pct', 'dfs', 'fifo']
/** The most runs of an exploration. */
export const MOST_RUNS: number = 2 ** 31 - 1
const DEEPEST = 3
const WIDEST_SKEW = 0.5

/** The settings that decide what a run asks. */
export interface RunSettings {
  readonly faults: Faults
  readonly timers: 'error' | 'virtual'
  readonly steps: number
}

/** All settings of an exploration. */
export interface ExplorationSettings extends RunSettings {
  readonly runs: number
  readonly seed: number
  readonly schedule: ScheduleName
  /** The depth of `pct`, or the number of choices that `dfs` varies. */
  readonly bound: number
  readonly checkEvery: number
  readonly shrinkRuns: number
  readonly folder: string
  readonly print: ((report: string) => unknown) | undefined
}

/** Refuses options that do not exist, before anything runs. */
export function checkSimulationOptions(options: SimulationOptions | undefined): SimulationOptions {
  const settings = checkOptions('options', options)
  known('options', settings, OPTIONS)
  optionalCallable('options.print', settings.print)
  if (settings.folder !== undefined) text('options.folder', settings.folder)
  if (settings.schedule !== undefined) oneOf('options.schedule', SCHEDULES, settings.schedule)
  if (settings.timers !== undefined) oneOf('options.timers', ['error', 'virtual'], settings.timers)
  const bounds = [
    ['runs', 1, MOST_RUNS],
    ['seed', 0, Number.MAX_SAFE_INTEGER],
    ['depth', 1, DEEPEST],
    ['bound', 1, 1000],
    ['steps', 1, MOST_RUNS],
    ['checkEvery', 0, MOST_RUNS],
    ['shrinkRuns', 0, MOST_RUNS],
  ] as const
  for (const [name, least, most] of bounds) {
    if (settings[name] !== undefined) integer(`options.${name}`, least, most, settings[name])
  }
  checkFaults(settings.faults)
  return settings
}

function checkFaults(faults: Faults | undefined): void {
  if (faults === undefined) return
  known('options.faults', object('options.faults', faults), FAULT_KINDS)
  for (const kind of FAULT_KINDS) {
    const value = faults[kind]
    const most = kind === 'skew' ? WIDEST_SKEW : 1
    if (value === undefined || (typeof value === 'number' && value >= 0 && value <= most)) continue
    throw new InvalidArgumentError(`options.faults.${kind}`, `a number from 0 to ${most}`, value)
  }
}

/** Returns the settings of options, with the environment and the defaults. */
export function settingsOf(options: SimulationOptions | undefined): ExplorationSettings {
  const checked = checkSimulationOptions(options)
  const { schedule = 'random' } = checked
  return {
    runs: environmentInteger('KEELSON_RUNS', 1, MOST_RUNS) ?? checked.runs ?? 100,
    seed:
      environmentInteger('KEELSON_SEED', 0, Number.MAX_SAFE_INTEGER) ??
      checked.seed ??
      freshSeed() % 2 ** 32 /* easier to type in again */,
    schedule,
    bound: schedule === 'dfs' ? (checked.bound ?? 16) : (checked.depth ?? 2),
    faults: { ...checked.faults },
    timers: checked.timers ?? 'error',
    steps: checked.steps ?? 100_000,
    checkEvery: checked.checkEvery ?? 20,
    shrinkRuns: checked.shrinkRuns ?? 2000,
    folder: checked.folder ?? '.keelson',
    print: checked.print,
  }
}

function environmentInteger(name: string, least: number, most: number): number | undefined {
  const value = process.env[name]
  if (value === undefined || value === '') return undefined
  const number = Number(value)
  if (Number.isInteger(number) && number >= least && number <= most) return number
  throw new InvalidArgumentError(name, `an integer from ${least} to ${most}`, value)
}

/** The file that `KEELSON_REPLAY` names, if it is set. */
export function environmentReplay(): string | undefined {
  const path = process.env['KEELSON_REPLAY']
  return path === '' ? undefined : path
}
