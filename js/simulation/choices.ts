/** The core's source of choices, as the runs of an exploration use it. */
import { NativeHandles } from '../internal/native-handles.ts'
import { hot, native } from '../native.ts'
import { DIVERGED, DFS, FIFO, MOST_KEYS, PCT, RANDOM } from '../protocol/choice.ts'
import { NONE } from '../protocol/lane.ts'
import { ReplayDivergedError, ReplayFileError } from './errors.ts'
import type { ScheduleName, SimulationChoice } from './types.ts'

const SCHEDULES = { random: RANDOM, pct: PCT, dfs: DFS, fifo: FIFO } as const satisfies Record<ScheduleName, number>

const handles = new NativeHandles((handle) => native.choicesClose(handle))

/** Returns the lists to try next to one that fails, the smallest first, if none of them fails. */
export const smallerLists = (answers: readonly number[]): number[][] => native.choicesSmaller([...answers])

/** The content of a file beside the choices. */
export type RecordingFields = Parameters<typeof native.recordingText>[1]

/** Answers the questions of one run after the other. */
export class Choices {
  readonly #handle: number
  readonly #keys: Float64Array
  readonly #seed: number

  /** @param bound The depth of `pct`, or the number of choices that `dfs` varies. */
  constructor(seed: number, schedule: ScheduleName, bound: number) {
    const { handle, keys } = native.choicesOpen(seed, SCHEDULES[schedule], bound)
    this.#handle = handle
    this.#keys = keys
    this.#seed = seed
    handles.own(this, handle)
  }

  get seed(): number {
    return this.#seed
  }

  close(): void {
    handles.close(this, this.#handle)
  }

  /** Returns the number of a label. */
  label(text: string): number {
    return hot.choiceLabel(text, this.#handle)
  }

  /** Returns the seed of a random stream of a run. */
  streamSeed(run: number, name: string): number {
    return hot.choiceSeed(name, this.#handle, run)
  }

  /** Begins a run that the schedule draws. Returns false when there is none left. */
  begin(run: number): boolean {
    return hot.choiceBegin(this.#handle, run) === 1
  }

  /** Begins a run with these answers, and 0 after them. */
  beginWith(answers: readonly number[]): void {
    native.choicesBeginWith(this.#handle, [...answers])
  }

  choose(label: number, of: number, at: number): number {
    return this.#answer(hot.choose(this.#handle, label, of, at))
  }

  /** Chooses among the first `of` things that {@link offer} named. */
  chooseNext(label: number, of: number, at: number): number {
    return of < 2 ? 0 : this.#answer(hot.chooseNext(this.#handle, label, Math.min(of, MOST_KEYS), at))
  }

  /** Names a thing that waits, for {@link chooseNext}. The key is the same over a run. */
  offer(place: number, key: number): void {
    if (place < MOST_KEYS) this.#keys[place] = key
  }

  /** Returns 0 for no fault, or the number of one below `of`. */
  chooseFault(label: number, of: number, kind: number, probability: number, at: number): number {
    return this.#answer(hot.chooseFault(this.#handle, label, of, kind, probability, at))
  }

  event(label: number, at: number): void {
    hot.choiceEvent(this.#handle, label, at)
  }

  #answer(value: number): number {
    if (value === DIVERGED) throw this.#divergence() ?? new Error('the recording has another choice')
    return value === NONE ? 0 : value
  }

  #divergence(): ReplayDivergedError | undefined {
    const found = native.choicesDivergence(this.#handle)
    return found === null ? undefined : new ReplayDivergedError(found.choice, found.expected, found.found)
  }

  /** The number of questions and events of this run. */
  get steps(): number {
    return hot.choiceSteps(this.#handle)
  }

  /** Keeps this run. */
  keep(): void {
    hot.choiceKeep(this.#handle)
  }

  /** Begins a run with the answers of the run that was kept. */
  repeat(): void {
    hot.choiceRepeat(this.#handle)
  }

  /** Returns the first step in which this run differs from the one that was kept. */
  difference(): ReturnType<typeof native.choicesDifference> {
    return native.choicesDifference(this.#handle)
  }

  /** Returns the digest of this run. */
  get digest(): string {
    return native.choicesDigest(this.#handle, false)
  }

  /** Adds this run to the digest of all runs. Returns that. */
  count(): string {
    return native.choicesDigest(this.#handle, true)
  }

  /** Returns the choices of this run. */
  list(): SimulationChoice[] {
    return native.choicesOfRun(this.#handle)
  }

  /** Begins to shrink this run. */
  shrink(runs: number): void {
    hot.choiceShrink(this.#handle, runs)
  }

  /** Begins a run with the next candidate. Returns false when there is none. */
  shrinkNext(): boolean {
    return hot.choiceShrinkNext(this.#handle) === 1
  }

  shrinkReport(failed: boolean): void {
    hot.choiceShrinkReport(this.#handle, failed ? 1 : 0)
  }

  /** Begins a run with the shortest list that failed. */
  shrunk(): void {
    hot.choiceShrunk(this.#handle)
  }

  /** Returns the text of a file that repeats this run. */
  recording(fields: RecordingFields): string {
    return native.recordingText(this.#handle, fields)
  }

  /** Reads the text of a file, for {@link beginRecorded}. */
  read(path: string, text: string): RecordingFields {
    const found = native.recordingRead(this.#handle, text)
    if ('keelson' in found) return found
    if (found.version !== undefined) {
      throw new ReplayFileError(path, `it has version ${found.version} of the format, and this keelson reads version 1`)
    }
    throw new ReplayFileError(path, `it is no recording (${found.malformed})`)
  }

  /** Begins a run that must ask the questions of the file. */
  beginRecorded(): void {
    hot.choiceBeginRecorded(this.#handle)
  }

  /** Ends that run. Returns the error if it has asked other questions. */
  endRecorded(): ReplayDivergedError | undefined {
    hot.choiceEndRecorded(this.#handle)
    return this.#divergence()
  }
}
