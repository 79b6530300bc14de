/** The errors of simulations. */
import { isCode, KeelsonError } from '../errors/base.ts'
import type { LinearizabilityResult } from './history/types.ts'

/**
 * A property does not hold: an invariant broke, a `sometimes` held in no run, or the system did not settle in time.
 */
export class PropertyError extends KeelsonError {
  static readonly code = 'KEELSON_PROPERTY'
  readonly code = 'KEELSON_PROPERTY'
  /** The kind of property. */
  readonly kind: 'invariant' | 'sometimes' | 'settle'
  /** The name that the program gave it. */
  readonly property: string
  /** The virtual time, in milliseconds. */
  readonly atMs: number
  constructor(kind: PropertyError['kind'], property: string, atMs: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.kind = kind
    this.property = property
    this.atMs = atMs
  }
}

/** No order of the operations of a history explains what its clients saw, or there were too many orders to try. */
export class LinearizabilityError extends KeelsonError {
  static readonly code = 'KEELSON_NOT_LINEARIZABLE'
  readonly code = 'KEELSON_NOT_LINEARIZABLE'
  /** The result of the check, with the part of the history that does not fit. */
  readonly result: LinearizabilityResult
  constructor(result: LinearizabilityResult) {
    super(result.text)
    this.result = result
  }
}

/** The program cannot go on (`stalled`), does not end (`endless`), or ended while work of it went on (`work-left`). */
export class SimulationStuckError extends KeelsonError {
  static readonly code = 'KEELSON_SIMULATION_STUCK'
  readonly code = 'KEELSON_SIMULATION_STUCK'
  /** The fault of the file. */
  readonly kind: 'stalled' | 'endless' | 'work-left'
  /** A line for each wait: who waits, for what, and where that began. */
  readonly waits: readonly string[]
  constructor(kind: SimulationStuckError['kind'], message: string, waits: readonly string[]) {
    super([message, ...waits.map((line) => `  ${line}`)].join('\n'))
    this.kind = kind
    this.waits = waits
  }
}

/** The advice to a program that used something real. */
export const REAL_HINT =
  "use the clock of its system, the option `timers: 'virtual'`, or `sim.external()` for a promise that must be real"

/** The program used something real, which does not run the same way each time. */
export class RealWorldError extends KeelsonError {
  static readonly code = 'KEELSON_REAL_WORLD'
  readonly code = 'KEELSON_REAL_WORLD'
  /** The function or resource: `setTimeout`, `fs.readFile`, `fetch`. */
  readonly what: string
  /** The line of the program, if it is known. */
  readonly site: string | undefined
  constructor(what: string, site: string | undefined, hint: string) {
    super(`the simulated program used ${what}${site === undefined ? '' : ` ${site}`}; ${hint}`)
    this.what = what
    this.site = site
  }
}

/** A run was repeated with the same choices, and the program did something else. */
export class NondeterminismError extends KeelsonError {
  static readonly code = 'KEELSON_NONDETERMINISM'
  readonly code = 'KEELSON_NONDETERMINISM'
  /** The number of the first step that differs, from 0. */
  readonly step: number
  /** The step in the first run, with the stack where the program asked for it. */
  readonly before: string
  /** The step in the second run. */
  readonly now: string
  constructor(step: number, before: string, now: string) {
    super(
      `the program is not deterministic: step ${step} was ${before} in one run, and ${now} when that run was repeated`,
    )
    this.step = step
    this.before = before
    this.now = now
  }
}

/** The program asked another question than the recording has at its place: the code has changed since. */
export class ReplayDivergedError extends KeelsonError {
  static readonly code = 'KEELSON_REPLAY_DIVERGED'
  readonly code = 'KEELSON_REPLAY_DIVERGED'
  /** The number of the choice, from 0. */
  readonly choice: number
  constructor(choice: number, expected: string | undefined, found: string | undefined) {
    const recorded = expected === undefined ? 'the recording has no further choice' : `the recording has "${expected}"`
    const asked = found === undefined ? 'the program has ended' : `the program asks "${found}"`
    super(`diverged at choice ${choice}: ${recorded}, and ${asked}`)
    this.choice = choice
  }
}

/** A file cannot be replayed: it is no recording, or one of another version of the format. */
export class ReplayFileError extends KeelsonError {
  static readonly code = 'KEELSON_REPLAY_FILE'
  readonly code = 'KEELSON_REPLAY_FILE'
  /** The path of the file. */
  readonly path: string
  constructor(path: string, why: string, cause?: unknown) {
    super(`${path} cannot be replayed: ${why}`, cause === undefined ? undefined : { cause })
    this.path = path
  }
}

/** Returns whether a value is a {@link PropertyError}, of any copy of the package. */
export const isPropertyError: (error: unknown) => error is PropertyError = isCode(PropertyError.code)
/** Returns whether a value is a {@link LinearizabilityError}, of any copy of the package. */
export const isLinearizabilityError: (error: unknown) => error is LinearizabilityError = isCode(
  LinearizabilityError.code,
)
/** Returns whether a value is a {@link SimulationStuckError}, of any copy of the package. */
export const isSimulationStuckError: (error: unknown) => error is SimulationStuckError = isCode(
  SimulationStuckError.code,
)
/** Returns whether a value is a {@link RealWorldError}, of any copy of the package. */
export const isRealWorldError: (error: unknown) => error is RealWorldError = isCode(RealWorldError.code)
/** Returns whether a value is a {@link NondeterminismError}, of any copy of the package. */
export const isNondeterminismError: (error: unknown) => error is NondeterminismError = isCode(NondeterminismError.code)
/** Returns whether a value is a {@link ReplayDivergedError}, of any copy of the package. */
export const isReplayDivergedError: (error: unknown) => error is ReplayDivergedError = isCode(ReplayDivergedError.code)
/** Returns whether a value is a {@link ReplayFileError}, of any copy of the package. */
export const isReplayFileError: (error: unknown) => error is ReplayFileError = isCode(ReplayFileError.code)
