/** The host's time, chance and I/O while programs are simulated. */
import { syncBuiltinESMExports } from 'node:module'

import { defaultGuard } from '../../system/default.ts'
import { Replacements } from '../../testing/fakes/replacements.ts'
import { REAL_HINT, RealWorldError } from '../errors.ts'
import type { Run } from '../run.ts'
import { HostChance, replaceChance } from './chance.ts'
import { replaceIo } from './io.ts'
import { programFrames } from './site.ts'
import { replaceReadings } from '../../testing/fakes/readings.ts'
import { replaceTemporal } from './temporal.ts'
import { SimulatedTimers } from './timers.ts'

/**
 * Puts the world of a simulation in the place of the host's, for as long as an exploration lasts. Between runs, and for
 * what somebody keeps afterwards, everything is the host's own.
 */
export class HostPatches {
  readonly #replacements = new Replacements()
  readonly #timers = new SimulatedTimers((what) => this.#refuse(what))
  #run: Run | undefined

  constructor() {
    try {
      this.#replaceTime()
      this.#timers.replaceAll(this.#replacements)
      const isActive = (): boolean => this.#run !== undefined
      replaceChance(this.#replacements, new HostChance(() => this.#run?.currentStream))
      const refuse = (what: string): void => this.#refuse(what, what === 'fetch' ? FETCH_HINT : REAL_HINT)
      replaceIo(this.#replacements, refuse, isActive)
      syncBuiltinESMExports()
    } catch (error) {
      this.restore()
      throw error
    }
  }

  /** Makes a run the one whose world is seen; `undefined` for the host. */
  set run(run: Run | undefined) {
    this.#timers.run = run
    this.#run = run
    defaultGuard.refuse = run === undefined ? undefined : () => this.#refuse('the default system', SYSTEM_HINT)
  }

  /** Puts everything back. */
  restore(): void {
    this.run = undefined
    this.#replacements.restore()
    syncBuiltinESMExports()
  }

  #replaceTime(): void {
    const isActive = (): boolean => this.#run !== undefined
    const wall = (): number => this.#run?.currentClock.wallMs() ?? 0
    const mono = (): number => this.#run?.currentClock.monoMs() ?? 0
    replaceReadings(this.#replacements, isActive, wall, mono)
    replaceTemporal(this.#replacements, isActive, wall)
  }

  /** Fails the run, and throws. */
  #refuse(what: string, hint: string = REAL_HINT): void {
    const run = this.#run
    if (run === undefined) return
    const error = new RealWorldError(what, programFrames(), hint)
    run.fail(error)
    throw error
  }
}

const FETCH_HINT = 'use `sim.fetch()`, and pass it to code that needs a `fetch`'
const SYSTEM_HINT = 'pass a system of the simulation: `{ system: sim.system(name) }`'
