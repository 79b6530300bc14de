import { isKeelsonError } from '../errors/errors.ts'
import { keepOptimized } from '../internal/keep-optimized.ts'
import { isError } from '../internal/thrown-values.ts'
import { VERSION } from '../version.ts'
import { Choices } from './choices.ts'
import { isReplayDivergedError, NondeterminismError, PropertyError } from './errors.ts'
import { eventLines, EventLog } from './event-log.ts'
import { readRecording, writeRecording } from './files.ts'
import type { HostPatches } from './host/patches.ts'
import { captureErrors } from './host/unhandled.ts'
import type { ExplorationSettings } from './options.ts'
import { neverHeld } from './properties.ts'
import { reportOf } from './report.ts'
import { Run, type RunFailure } from './run.ts'
import type { SimulationFailure, SimulationProgram, SimulationResult } from './types.ts'
import { worldOf } from './world.ts'

/** Tells failures apart, for shrinking: the property that broke, or the class and the code of the error. */
function nameOfFailure(error: unknown): string {
  if (error instanceof PropertyError) return `${error.kind} ${error.property}`
  if (isKeelsonError(error)) return error.code
  return isError(error) ? error.name : typeof error
}

let isKept = false

/** Keeps one small run, so that the code of runs stays optimised when a collection finds no other. */
async function keepOneRun(): Promise<void> {
  if (isKept) return
  isKept = true
  const choices = new Choices(0, 'fifo', 1)
  choices.begin(0)
  const run = new Run(choices, { faults: {}, timers: 'error', steps: 1 }, 0, new Map())
  await run.execute(() => {
    run.system('kept')
  })
  choices.close()
  keepOptimized(run)
}

/** One run of a program. */
export interface OneRun {
  /** The answers to its questions, in their order. */
  readonly answers: readonly number[]
  readonly failure: SimulationFailure | undefined
}

/** The choices of a single run. */
export interface OnceOptions {
  /** The answers to take, with 0 after them; `undefined` for those that the schedule draws. */
  readonly given: readonly number[] | undefined
  /** The most runs with drawn answers that follow on a run that passes, until one fails. */
  readonly furtherRuns: number
  /** Repeats also a run that passes. */
  readonly isChecked: boolean
  /** Says how to repeat a run with its answers. */
  readonly repeat: (answers: readonly number[]) => string
}

/** The result of a run that was repeated. */
interface Repeated {
  readonly failure: RunFailure | undefined
  readonly difference: NondeterminismError | undefined
}

/** Runs a program again and again, until it fails or has run often enough. */
export class Explorer {
  readonly #program: SimulationProgram
  readonly #settings: ExplorationSettings
  readonly #choices: Choices
  readonly #patches: HostPatches
  readonly #sometimes: Map<string, boolean>

  /** @param sometimes Whether each `sometimes` has held in any run so far. */
  constructor(
    program: SimulationProgram,
    settings: ExplorationSettings,
    patches: HostPatches,
    sometimes: Map<string, boolean> = new Map(),
  ) {
    this.#program = program
    this.#sometimes = sometimes
    this.#settings = settings
    this.#patches = patches
    this.#choices = new Choices(settings.seed, settings.schedule, settings.bound)
  }

  close(): void {
    this.#choices.close()
  }

  async explore(): Promise<SimulationResult> {
    await keepOneRun()
    const { runs, checkEvery } = this.#settings
    let digest = ''
    for (let number = 0; number < runs; number++) {
      if (!this.#choices.begin(number)) return this.#passed(number, digest)
      const run = await this.#execute(number)
      digest = this.#choices.count()
      const { failure } = run
      if (failure !== undefined) {
        return { runs: number + 1, digest, failure: await this.#failed(number, failure) }
      }
      if (checkEvery === 0 || number % checkEvery !== 0) continue
      const { difference } = await this.#check(number)
      if (difference !== undefined) {
        return { runs: number + 1, digest, failure: await this.#report(number, { ...NOTHING, error: difference }) }
      }
    }
    return this.#passed(runs, digest)
  }

  async replay(path: string): Promise<SimulationResult> {
    const fields = await readRecording(path, this.#choices)
    this.#choices.beginRecorded()
    const log = new EventLog()
    const run = await this.#execute(fields.run, this.#traced(fields.run, log))
    const digest = this.#choices.digest
    const diverged = isReplayDivergedError(run.failure?.error) ? run.failure.error : this.#choices.endRecorded()
    if (diverged !== undefined) throw diverged
    if (run.failure === undefined) return { runs: 1, digest }
    return { runs: 1, digest, failure: this.#failure(fields.run, run.failure, log, path) }
  }

  /** Runs the program once. A run that fails, or that is to be checked, is run again to compare the two. */
  async once({ given, furtherRuns, isChecked, repeat }: OnceOptions): Promise<OneRun> {
    await keepOneRun()
    if (given === undefined) this.#choices.begin(0)
    else this.#choices.beginWith(given)
    let { failure } = await this.#execute(0)
    // With the random streams of the first run, so that its seed is enough to repeat it.
    for (let run = 1; failure === undefined && run <= furtherRuns; run++) {
      this.#choices.begin(run)
      failure = (await this.#execute(0)).failure
    }
    const answers = this.#choices.list().map(({ value }) => value)
    if (failure === undefined && !isChecked) return { answers, failure: undefined }
    const log = new EventLog()
    const { difference, failure: repeated } = await this.#check(0, log)
    const error = difference ?? repeated?.error
    if (error === undefined) return { answers, failure: undefined }
    const whole = { ...NOTHING, ...repeated, error }
    return { answers, failure: this.#failure(0, whole, log, undefined, repeat(answers)) }
  }

  /** Runs the program once, with the choices that have begun. */
  async #execute(
    number: number,
    run: Run = new Run(this.#choices, this.#settings, number, this.#sometimes),
  ): Promise<Run> {
    this.#patches.run = run
    const release = captureErrors((error) => run.failUncaught(error))
    try {
      await run.execute(() => this.#program(worldOf(run)))
    } finally {
      release()
      this.#patches.run = undefined
    }
    return run
  }

  /** Returns a run that records what happens. */
  #traced(number: number, log: EventLog): Run {
    return new Run(this.#choices, this.#settings, number, this.#sometimes, log)
  }

  /** Repeats the run that has just ended. Returns its failure, and an error if it was another run. */
  async #check(number: number, log?: EventLog): Promise<Repeated> {
    this.#choices.keep()
    this.#choices.repeat()
    const { failure } = await this.#execute(number, log === undefined ? undefined : this.#traced(number, log))
    const found = this.#choices.difference()
    if (found === null) return { failure, difference: undefined }
    const { step, before, now } = found
    const sites = [await this.#siteOf(number, step), await this.#siteOf(number, step)]
    return { failure, difference: new NondeterminismError(step, inWords(before, sites[0]), inWords(now, sites[1])) }
  }

  /** Repeats the run that was kept. Returns the place in the program that takes a step, if it is known. */
  async #siteOf(number: number, step: number): Promise<string | undefined> {
    this.#choices.repeat()
    const run = this.#traced(number, new EventLog())
    run.watched = { step, site: undefined }
    await this.#execute(number, run)
    return run.watched.site
  }

  /** Shrinks a failure and reports it, unless the program does something else when the run is repeated. */
  async #failed(number: number, failure: RunFailure): Promise<SimulationFailure> {
    const { difference } = await this.#check(number)
    if (difference !== undefined) return this.#report(number, { ...failure, error: difference })
    const name = nameOfFailure(failure.error)
    this.#choices.shrink(this.#settings.shrinkRuns)
    while (this.#choices.shrinkNext()) {
      const { failure: shrunk } = await this.#execute(number)
      this.#choices.shrinkReport(shrunk !== undefined && nameOfFailure(shrunk.error) === name)
    }
    this.#choices.shrunk()
    const log = new EventLog()
    const run = await this.#execute(number, this.#traced(number, log))
    return this.#report(number, run.failure ?? failure, log)
  }

  async #passed(runs: number, digest: string): Promise<SimulationResult> {
    const error = neverHeld(this.#sometimes, runs)
    if (error === undefined) return { runs, digest }
    return { runs, digest, failure: await this.#report(runs - 1, { ...NOTHING, error }) }
  }

  async #report(number: number, failure: RunFailure, log: EventLog = new EventLog()): Promise<SimulationFailure> {
    const { seed, folder, faults, timers, steps } = this.#settings
    const text = this.#choices.recording({
      keelson: VERSION,
      node: process.version,
      seed,
      run: number,
      digest: this.#choices.digest,
      faults: { ...faults },
      timers,
      steps,
      failureName: nameOfFailure(failure.error),
      failureMessage: messageOf(failure.error),
      events: eventLines(log.list),
    })
    const file = await writeRecording(folder, `${seed}-${number}`, text)
    return this.#failure(number, failure, log, file)
  }

  #failure(
    run: number,
    failure: RunFailure,
    log: EventLog,
    file: string | undefined,
    repeat?: string,
  ): SimulationFailure {
    const { seed } = this.#settings
    const choices = this.#choices.list()
    const events = log.list
    const report = reportOf({ seed, run, file, failure, choices, events, repeat })
    return { seed, run, error: failure.error, choices, file, events, report }
  }
}

type Step = NonNullable<ReturnType<Choices['difference']>>['now']

/** Describes a step of a run, and its place in the program. */
function inWords(step: Step, site: string | undefined): string {
  if (step === undefined || step === null) return 'none, as the run had ended,'
  const { label, of, value, at } = step
  const what = of === 0 ? `"${label}" at ${at} ms` : `the choice "${label}" (${value} of ${of}) at ${at} ms`
  return site === undefined ? what : `${what} (${site})`
}

const NOTHING = { waits: [], node: undefined } as const

const messageOf = (error: unknown): string => (isError(error) ? error.message : String(typeof error))
