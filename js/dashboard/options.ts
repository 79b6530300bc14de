/** Options of the terminal dashboard. */
import { integer, known, options as checkOptions } from '../internal/validate.ts'
import { resolveSystem } from '../system/default.ts'
import type { System } from '../system/system.ts'
import { type DashboardLayout, type DashboardSettings, type DashboardTheme, layoutOf, refreshOf, themeOf } from './choices.ts'

/** Options of {@link Dashboard}. */
export interface DashboardOptions {
  /** The time between two updates, in milliseconds: an integer from 50 to 60 000. Default 500. */
  readonly refreshInterval?: number
  /** The number of events that are kept: an integer from 1 to 10 000. Default 100. */
  readonly maxEventLogSize?: number
  /** The colours. Default `'dark'`. */
  readonly theme?: DashboardTheme
  /** The first layout. Default `'full'`. */
  readonly layout?: DashboardLayout
  /** The system that is shown. Default: the default system. */
  readonly system?: System
}

const NAMES = ['refreshInterval', 'maxEventLogSize', 'theme', 'layout', 'system']

/** Checks the options. @throws InvalidArgumentError naming the one that is refused. */
export function readDashboardOptions(given?: DashboardOptions): DashboardSettings & { readonly system: System } {
  const options = checkOptions('options', given)
  known('options', options, NAMES)
  const { refreshInterval = 500, maxEventLogSize = 100, theme = 'dark', layout = 'full' } = options
  return {
    refreshMs: refreshOf('options.refreshInterval', refreshInterval),
    maxEvents: integer('options.maxEventLogSize', 1, 10_000, maxEventLogSize),
    theme: themeOf('options.theme', theme),
    layout: layoutOf('options.layout', layout),
    system: resolveSystem(options.system),
  }
}
