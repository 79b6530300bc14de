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

/** Runs a program again and again, until it fails or has run often enough. */
export class Explorer {
  readonly #program: SimulationProgram
  readonly #settings: ExplorationSettings
  readonly #choices: Choices
  readonly #patches: HostPatches
  readonly #sometimes = new Map<string, boolean>()

  constructor(program: SimulationProgram, settings: ExplorationSettings, patches: HostPatches) {
    this.#program = program
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
      const difference = await this.#check(number)
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

  /** Repeats the run that has just ended. Returns an error if it was another one. */
  async #check(number: number): Promise<NondeterminismError | undefined> {
    this.#choices.keep()
    this.#choices.repeat()
    await this.#execute(number)
    const found = this.#choices.difference()
    if (found === null) return undefined
    const { step, before, now } = found
    const sites = [await this.#siteOf(number, step), await this.#siteOf(number, step)]
    return new NondeterminismError(step, inWords(before, sites[0]), inWords(now, sites[1]))
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
    const difference = await this.#check(number)
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
    const missing = [...this.#sometimes].find(([, held]) => !held)
    if (missing === undefined) return { runs, digest }
    const [name] = missing
    const message = `"${name}" held in none of ${runs} runs: the runs do not reach what it is about`
    const error = new PropertyError('sometimes', name, 0, message)
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

  #failure(run: number, failure: RunFailure, log: EventLog, file: string | undefined): SimulationFailure {
    const { seed } = this.#settings
    const choices = this.#choices.list()
    const events = log.list
    const report = reportOf({ seed, run, file, failure, choices, events })
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
