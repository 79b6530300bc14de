/** Runs the dashboard of this process on its native threads. */
import type { NativeDashboardEnd } from './addon.ts'
import { dashboardAddon } from './addon.ts'
import { DashboardFailedError, DashboardRunningError, DashboardTargetError, DashboardTerminalError } from './errors.ts'
import type { DashboardLayout, DashboardSettings } from './choices.ts'

/** What a dashboard shows. */
export interface DashboardRun extends DashboardSettings {
  /** The path of a socket, or an address of HTTP. */
  readonly target: string
  /** Whether it runs in the service itself, and shows what the service writes. */
  readonly isInside: boolean
  /** Whether this process lives as long as the dashboard. */
  readonly keepsAlive: boolean
}

/** How a dashboard ended: the error, when it was no command or signal. */
export interface DashboardEnd {
  /** The last layout. */
  readonly layout: DashboardLayout
  /** Whether Ctrl-C was pressed. */
  readonly isInterrupted: boolean
  readonly error: DashboardTargetError | DashboardTerminalError | DashboardFailedError | undefined
}

/** Returns an address without its token. */
export const withoutToken = (target: string): string => target.replace(/([?&]token=)[^&#]*/, '$1…')

function endOf({ how, reason, layout }: NativeDashboardEnd, target: string): DashboardEnd {
  const error =
    how === 'refused'
      ? new DashboardTargetError(withoutToken(target), `No service answers: ${reason}`)
      : how === 'no-terminal'
        ? new DashboardTerminalError(reason)
        : how === 'panicked'
          ? new DashboardFailedError(reason)
          : undefined
  return { layout: layout as DashboardLayout, isInterrupted: how === 'interrupted', error }
}

/** Makes sure that there is a terminal. @throws DashboardTerminalError when there is none. */
export function assertTerminal(): void {
  const problem = dashboardAddon().terminalProblem()
  if (problem !== null) throw new DashboardTerminalError(problem)
}

/**
 * Starts the dashboard. Calls the listener once, after the terminal is as it was.
 *
 * @throws DashboardRunningError when one runs.
 */
export function runDashboard(run: DashboardRun, onEnd: (end: DashboardEnd) => void): void {
  const addon = dashboardAddon()
  const stop = (): void => addon.stop()
  const started = addon.start(run, (end) => {
    process.off('exit', stop)
    onEnd(endOf(end, run.target))
  })
  if (!started) throw new DashboardRunningError()
  // The terminal is as it was before whatever the program prints last, such as an uncaught exception.
  process.on('exit', stop)
}
