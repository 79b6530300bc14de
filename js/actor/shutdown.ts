import { soon } from '../clock/host.ts'
import { limitOn } from '../clock/internal-timers.ts'
import type { Clock } from '../clock/types.ts'
import { isKeelsonError } from '../errors/errors.ts'
import type { System } from '../system/system.ts'
import { passes } from '../clock/time-passes.ts'
import { DEAD, type Process } from './process.ts'
import type { ActorRuntime } from './runtime.ts'

/** Microtasks that a process is given before anybody looks at the time: most need no more. */
const MICROTASKS = 16
/** Turns of the event loop without progress after which time that stands still will not bring any. */
const PATIENCE = 32
/** Turns of the event loop that one process may take where time stands still, whatever it does in them. */
const MOST_TURNS = 4096
/** Turns of the event loop in which everybody hears of the last ends. */
const LAST_TURNS = 2

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    soon(resolve)
  })

const isDead = (process: Process): boolean => process.status === DEAD

/** What a process fails with when what it waits for is closed before it. */
const CONSEQUENCES = new Set([
  'KEELSON_NOT_RUNNING',
  'KEELSON_SUPERVISOR_NOT_FOUND',
  'KEELSON_TASK_ENDED',
  'KEELSON_PROCESS',
  'KEELSON_CLOSED',
])

/** Whether an error only says that the system closes, which is no news. */
export const isConsequence = (system: System, error: unknown): boolean =>
  system.closed && isKeelsonError(error) && CONSEQUENCES.has(error.code)

/** Ends the processes of a system that closes: those that nobody else ends, one after the other, the last first. */
export class Closing {
  readonly #runtime: ActorRuntime
  readonly #clock: Clock
  readonly #limit: number

  /** @param withinMs What has not ended by then is killed. */
  constructor(runtime: ActorRuntime, clock: Clock, withinMs: number) {
    this.#runtime = runtime
    this.#clock = clock
    this.#limit = passes(clock) ? clock.monoMs() + withinMs : Infinity
  }

  /** Resolves when none is alive. Never rejects, and never waits for time that does not pass. */
  async run(): Promise<void> {
    for (const process of this.#lastFirst()) {
      // One that has found its supervisor meanwhile ends with that.
      if (!isDead(process) && !process.isOwned) await this.#end(process)
    }
    for (const process of this.#lastFirst()) process.kill()
    for (let turns = 0; turns < LAST_TURNS; turns++) await turn()
  }

  #lastFirst(): Process[] {
    return this.#runtime.alive.toSorted((one, other) => other.scope.asyncId() - one.scope.asyncId())
  }

  async #end(process: Process): Promise<void> {
    const ended = process.shutDown()
    for (let tries = 0; tries < MICROTASKS && !isDead(process); tries++) await undefined
    if (isDead(process)) return
    if (passes(this.#clock)) await this.#within(process, ended)
    else await this.#patiently(process)
    if (!isDead(process)) process.kill()
  }

  /** As long as its time is not up. */
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

  /** No time passes: what still gets on is waited for, and what waits for time has waited long enough. */
  async #patiently(process: Process): Promise<void> {
    let [seen, idle] = [NaN, 0]
    for (let turns = 0; turns < MOST_TURNS && !isDead(process); turns++) {
      await turn()
      if (isDead(process)) return
      const { alive } = this.#runtime
      const progress = alive.length + process.progress
      idle = progress === seen ? idle + 1 : 0
      seen = progress
      if (idle < PATIENCE) continue
      let hurried = false
      for (const each of alive) hurried = each.hurry() || hurried
      if (!hurried) return
      idle = 0
    }
  }
}
