import { flag, integer, known, millis, options as checkOptions } from '../internal/validate.ts'
import { type ControlledClock, createControlledClock } from '../clock/controlled-clock.ts'
import type { ClockEvent } from '../clock/events.ts'
import { traceSystem } from '../effect/fiber/systems.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { freshSeed } from '../system/entropy.ts'
import { createSystem, type System } from '../system/system.ts'
import { isError } from '../internal/thrown-values.ts'
import { leakError, leaksOf } from './leaks.ts'

/** Options of a system under test. */
export interface TestSystemOptions {
  /** The start of the clock, in milliseconds. Default 0. */
  readonly initialTime?: number
  /** Seeds the random source. Default: the environment variable `KEELSON_SEED`, or else a fresh one. */
  readonly seed?: number
  /** Receives the clock's events. */
  readonly emit?: (event: ClockEvent) => void
  /** Makes `close()` fail with a `LeakError` when a fibre, timer, scope or finaliser is left. Default false. */
  readonly leaks?: boolean
  /** Prints supervised crashes as warnings. Default false: a test causes them on purpose. */
  readonly crashReports?: boolean
  /** Records where fibres and finalisers are made, for reports. Default true. */
  readonly trace?: boolean
}

/** A {@link System} whose clock is under control. */
export interface TestSystem extends System {
  readonly clock: ControlledClock
  /** This system, so that a test can take it apart: `({ clock, system }) => …`. */
  readonly system: TestSystem
  /** Errors that had no caller. `close()` throws the first, unless they were taken. */
  takeErrors(): unknown[]
}

/** @internal Refuses options that do not exist, before a test runs. */
export function checkTestOptions(options: TestSystemOptions | undefined): TestSystemOptions {
  const settings = checkOptions('options', options)
  known('options', settings, ['initialTime', 'seed', 'emit', 'leaks', 'trace', 'crashReports'])
  return settings
}

/**
 * Makes a controlled system. Close it when the test is done: `close()` rejects with the first error that had no owner,
 * so that a failing callback fails the test.
 *
 * @example
 * ```ts
 * await using system = createTestSystem({ seed: 7 })
 * ```
 */
export function createTestSystem(options?: TestSystemOptions): TestSystem {
  const { initialTime = 0, seed, emit, leaks, trace, crashReports } = checkTestOptions(options)
  const failOnLeaks = flag('options.leaks', false, leaks)
  millis('options.initialTime', initialTime)
  const errors: unknown[] = []
  const clock = createControlledClock({ initialTime, ...(emit && { emit }) })
  const system = createSystem({
    name: 'test',
    clock,
    closeClock: true,
    crashReports: flag('options.crashReports', false, crashReports),
    seed: seed ?? environmentSeed() ?? freshSeed() % 2 ** 32 /* easier to type in again */,
    onError: (error) => errors.push(error),
  }) as TestSystem
  if (flag('options.trace', true, trace)) traceSystem(system)
  const close = system.close.bind(system)
  let closing: Promise<void> | undefined
  const closeAndTell = (): Promise<void> => {
    if (closing !== undefined) return closing
    // Closing would clean up what is to be found.
    const alive = failOnLeaks ? leaksOf(system) : []
    closing = close().then(() => {
      const first = errors.length > 0 ? errors[0] : alive.length > 0 ? leakError(alive) : undefined
      if (errors.length === 0 && first === undefined) return
      nameSeed(first, system.seed)
      throw first
    })
    return closing
  }
  Object.assign(system, {
    close: closeAndTell,
    [Symbol.asyncDispose]: closeAndTell,
    takeErrors: () => errors.splice(0),
  })
  return Object.defineProperty(system, 'system', { value: system })
}

/** @internal Tells which seed a failing test had, so that it can be replayed. */
export function nameSeed(error: unknown, seed: number): void {
  if (!isError(error)) return
  const note = `\n(seed ${seed}: run again with KEELSON_SEED=${seed})`
  try {
    if (error.message.includes('KEELSON_SEED=')) return
    error.message += note
    if (error.stack !== undefined && !error.stack.includes(note)) {
      error.stack = error.stack.replace(/\n {4}at /, `${note}\n    at `)
    }
  } catch {
    // Frozen, or a DOMException: its text cannot be changed, and the failure itself matters more.
    process.emitWarning(note.trim(), { type: 'KeelsonWarning', code: 'KEELSON_SEED' })
  }
}

function environmentSeed(): number | undefined {
  const text = process.env['KEELSON_SEED']
  if (text === undefined || text === '') return undefined
  const seed = Number(text)
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new InvalidArgumentError('KEELSON_SEED', 'a non-negative integer', text)
  return integer('KEELSON_SEED', 0, Number.MAX_SAFE_INTEGER, seed)
}
