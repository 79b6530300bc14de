/** The seam of the dashboard: the only module that imports its addon, which is loaded at the first use. */
import type * as Binding from '../../native/dashboard.js'
import { DASHBOARD, loadAddon } from '../load-addon.ts'
import { assertNode } from '../node-version.ts'

/** Everything that the addon exports. */
export type DashboardAddon = Readonly<Omit<typeof Binding, 'default'>>

let loaded: DashboardAddon | undefined

/** Returns the addon. @throws BindingMissingError or BindingVersionError when it cannot be loaded. */
export function dashboardAddon(): DashboardAddon {
  if (loaded === undefined) {
    assertNode()
    loaded = loadAddon(DASHBOARD).addon as DashboardAddon
  }
  return loaded
}

export type { NativeDashboardEnd } from '../../native/dashboard.js'
