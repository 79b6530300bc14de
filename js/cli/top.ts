/** `keelson top`: the terminal dashboard of a service that runs. */
import { dashboardAddon } from '../dashboard/addon.ts'
import { DashboardTargetError } from '../dashboard/errors.ts'
import type { DashboardLayout, DashboardTheme } from '../dashboard/choices.ts'
import { assertTerminal, runDashboard, withoutToken } from '../dashboard/run.ts'
import { findTarget } from '../dashboard/targets.ts'

/** The arguments of `keelson top`. */
export interface TopArguments {
  readonly isTop: true
  /** A pid, the path of a socket or an address; `undefined` for the only service that is observed. */
  readonly target: string | undefined
  readonly refreshMs: number
  readonly theme: DashboardTheme
  readonly layout: DashboardLayout
}

/** The events that are kept. */
const EVENTS = 1000

/**
 * Shows the dashboard until the user leaves it.
 *
 * @throws DashboardTargetError or DashboardTerminalError when there is nothing to show, or nothing to show it on.
 */
export async function runTop({ target: named, refreshMs, theme, layout }: TopArguments): Promise<void> {
  const target = findTarget(named)
  const problem = dashboardAddon().targetProblem(target)
  if (problem !== null) throw new DashboardTargetError(withoutToken(target), problem)
  assertTerminal()
  const run = { target, refreshMs, maxEvents: EVENTS, theme, layout, isInside: false, keepsAlive: true }
  await new Promise<void>((resolve, reject) => {
    runDashboard(run, ({ error }) => (error === undefined ? resolve() : reject(error)))
  })
}
