/** The terminal dashboard of the program that it runs in. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { knownRuntimeOf } from '../actor/system-runtime.ts'
import { text } from '../internal/validate.ts'
import { open } from '../observe/observe.ts'
import { checkObserve } from '../observe/options.ts'
import { observedSystems } from '../observe/systems.ts'
import type { Observation } from '../observe/types.ts'
import { dashboardAddon } from './addon.ts'
import { type DashboardLayout, layoutOf } from './choices.ts'
import { DashboardProcessError, DashboardRunningError } from './errors.ts'
import { type DashboardOptions, type ReadDashboardOptions, readDashboardOptions } from './options.ts'
import { captureOutput } from './output.ts'
import { assertTerminal, type DashboardEnd, runDashboard } from './run.ts'

/** The longest time between two updates that the server allows, in milliseconds. */
const REFRESH_AT_MOST = 250

/** A dashboard that runs, and what ends with it. */
interface Running {
  readonly prefix: string
  readonly end: () => void
}

/**
 * A dashboard of this program in its terminal: the tree of processes, tables, memory, event loops and events.
 *
 * A native thread draws it to the terminal, also while JavaScript is blocked. What the program writes to the terminal
 * meanwhile is kept for the log (key `o`), and is written when the dashboard has ended. The keys `q` and Escape end the
 * dashboard, and the program goes on. Ctrl-C ends it, and interrupts the program. The terminal is then as it was before,
 * also when the program ends by a signal or an exception. Holds no event loop open.
 *
 * @example
 * ```ts
 * const dashboard = new Dashboard({ theme: 'light' })
 * dashboard.start()
 * ```
 */
export class Dashboard {
  readonly #options: ReadDashboardOptions
  #layout: DashboardLayout
  #running: Running | undefined

  /**
   * Makes a dashboard. Nothing is drawn before {@link start}.
   *
   * @throws InvalidArgumentError naming the option that is refused.
   * @throws BindingMissingError when the addon of the dashboard cannot be loaded.
   */
  constructor(options?: DashboardOptions) {
    this.#options = readDashboardOptions(options)
    this.#layout = this.#options.layout
    dashboardAddon()
  }

  /**
   * Starts to draw. The program is observed through a private socket until the dashboard ends.
   *
   * @throws DashboardRunningError when a dashboard runs in this process.
   * @throws DashboardTerminalError when there is no terminal.
   * @throws ClosedError when the system is closed.
   */
  start(): void {
    if (dashboardAddon().layout() !== null) throw new DashboardRunningError()
    this.#end()
    assertTerminal()
    const { system, refreshMs, allowActions, state } = this.#options
    system.assertOpen()
    const folder = mkdtempSync(join(tmpdir(), 'keelson-dashboard-'))
    const removeFolder = (): void => rmSync(folder, { recursive: true, force: true })
    let observation: Observation
    try {
      const observed = { socket: join(folder, 'socket'), refreshMs: Math.min(refreshMs, REFRESH_AT_MOST), allowActions }
      observation = open(system, checkObserve(state === undefined ? observed : { ...observed, state }))
    } catch (error) {
      removeFolder()
      throw error
    }
    const freeOutput = captureOutput((bytes) => dashboardAddon().takeOutput(bytes))
    const disown = system.own({ close: () => this.stop() })
    const end = (): void => {
      freeOutput()
      disown()
      // It closes at once, and never rejects.
      void observation.close()
      removeFolder()
    }
    const prefix = observedSystems().find((place) => place.system === system)?.prefix ?? ''
    const running = { prefix, end }
    this.#running = running
    const target = observation.address.socket ?? ''
    const run = { ...this.#options, layout: this.#layout, target, isInside: true, keepsAlive: false }
    try {
      runDashboard(run, (ended) => this.#ended(running, ended))
    } catch (error) {
      this.#end()
      throw error
    }
  }

  /** Ends the dashboard. The terminal is as it was when this returns. Does nothing when it does not run. */
  stop(): void {
    if (this.#running === undefined) return
    this.#keepLayout()
    dashboardAddon().stop()
    this.#end()
  }

  /** Asks for everything again, and draws it. Does nothing when it does not run. */
  refresh(): void {
    if (this.#running !== undefined) dashboardAddon().refresh()
  }

  /**
   * Changes the layout, also before {@link start}.
   *
   * @throws InvalidArgumentError for another value.
   */
  switchLayout(layout: DashboardLayout): void {
    this.#layout = layoutOf('layout', layout)
    if (this.#running !== undefined) dashboardAddon().switchLayout(this.#layout)
  }

  /**
   * Shows the details of a process. Does nothing when the dashboard does not run.
   *
   * @param id The `id` of the ref of a process of the system.
   * @throws DashboardProcessError when no such process lives.
   */
  selectProcess(id: string): void {
    text('id', id)
    const alive = knownRuntimeOf(this.#options.system)?.alive ?? []
    if (!alive.some((each) => each.id === id)) throw new DashboardProcessError(id)
    if (this.#running !== undefined) dashboardAddon().inspect(`${this.#running.prefix}:${id}`, id)
  }

  /** Returns whether the dashboard runs: from {@link start} to {@link stop}, a key that ends it, or a fault. */
  isRunning(): boolean {
    return this.#running !== undefined && dashboardAddon().layout() !== null
  }

  /** Returns the layout, which keys may have changed. */
  getLayout(): DashboardLayout {
    this.#keepLayout()
    return this.#layout
  }

  #keepLayout(): void {
    if (this.#running === undefined) return
    this.#layout = (dashboardAddon().layout() ?? this.#layout) as DashboardLayout
  }

  #end(): void {
    const running = this.#running
    this.#running = undefined
    running?.end()
  }

  #ended(running: Running, { error, layout }: DashboardEnd): void {
    // Another one may have been started since.
    if (this.#running === running) {
      this.#layout = layout
      this.#end()
    }
    if (error !== undefined) this.#options.system.report(error, 'a dashboard')
  }
}
