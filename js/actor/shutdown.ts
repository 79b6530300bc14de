import { soon } from '../clock/host.ts'
import { limitOn } from '../clock/internal-timers.ts'
import type { Clock } from '../clock/types.ts'
import { isKeelsonError } from '../errors/errors.ts'
import type { System } from '../system/system.ts'
import { passes } from '../clock/time-passes.ts'
import { DEAD, type Process } from './process.ts'
import type { ProcessRuntime } from './runtime.ts'

/** The number of microtasks that a process gets before the clock is read: most need no more. */
const MICROTASKS = 16
/** The number of turns of the event loop without progress after which a process on a standing clock is killed. */
const PATIENCE = 32
/** The number of turns of the event loop that one process may take on a standing clock, with or without progress. */
const MOST_TURNS = 4096
/** The number of turns of the event loop in which listeners hear of the last ends. */
const LAST_TURNS = 2

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    soon(resolve)
  })

const isDead = (process: Process): boolean => process.status === DEAD

/** Codes of errors with which a process fails when something that it waits for is closed before it. */
const CONSEQUENCES = new Set([
  'KEELSON_NOT_RUNNING',
  'KEELSON_SUPERVISOR_NOT_FOUND',
  'KEELSON_TASK_ENDED',
  'KEELSON_PROCESS',
  'KEELSON_CLOSED',
])

/** Returns whether an error only says that the system closes, so that nobody needs a report. */
export const isConsequence = (system: System, error: unknown): boolean =>
  system.closed && isKeelsonError(error) && CONSEQUENCES.has(error.code)

/**
 * Ends the processes of a system that closes: those that no other process ends, one after the other, the last first.
 */
export class RuntimeShutdown {
  readonly #runtime: ProcessRuntime
  readonly #clock: Clock
  readonly #limit: number

  /** @param withinMs The time in ms after which processes that have not ended are killed. */
  constructor(runtime: ProcessRuntime, clock: Clock, withinMs: number) {
    this.#runtime = runtime
    this.#clock = clock
    this.#limit = passes(clock) ? clock.monoMs() + withinMs : Infinity
  }

  /** Resolves when no process is alive. Never rejects, and never waits for a clock that stands still. */
  async run(): Promise<void> {
    for (const process of this.#lastFirst()) {
      // A supervisor may have adopted it meanwhile; then it ends with that.
      if (!isDead(process) && !process.isOwned) await this.#end(process)
    }
    for (const process of this.#lastFirst()) process.kill()
    for (let turns = 0; turns < LAST_TURNS; turns++) await turn()
  }

  #lastFirst(): Process[] {
    return this.#runtime.alive.toSorted((a, b) => b.scope.asyncId() - a.scope.asyncId())
  }

  async #end(process: Process): Promise<void> {
    const ended = process.shutDown()
    for (let tries = 0; tries < MICROTASKS && !isDead(process); tries++) await undefined
    if (isDead(process)) return
    if (passes(this.#clock)) await this.#within(process, ended)
    else await this.#whileProgressing(process)
    if (!isDead(process)) process.kill()
  }

  /** Waits for the end of a process until its time is up. */
  #within(process: Process, ended: Promise<void>): Promise<void> {
    const clock = this.#clock
    const left = Math.min(process.endsWithin, this.#limit - clock.monoMs())
    if (left <= 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = limitOn(clock, left, `the end of ${process.id}`, () => resolve())
      void ended.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  /** Waits for the end of a process on a standing clock: while it makes progress, and then with all timers made due. */
  async #whileProgressing(process: Process): Promise<void> {
    let [seen, idle] = [NaN, 0]
    for (let turns = 0; turns < MOST_TURNS && !isDead(process); turns++) {
      await turn()
      if (isDead(process)) return
      const { alive } = this.#runtime
      const progress = alive.length + process.progress
      idle = progress === seen ? idle + 1 : 0
      seen = progress
      if (idle < PATIENCE) continue
      let fired = false
      for (const each of alive) fired = each.fireTimers() || fired
      if (!fired) return
      idle = 0
    }
  }
}
