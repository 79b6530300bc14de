/** Options of the terminal dashboard. */
import { flag, integer, known, options as checkOptions } from '../internal/validate.ts'
import { checkObserve } from '../observe/options.ts'
import type { ObserveStateOptions } from '../observe/types.ts'
import { resolveSystem } from '../system/default.ts'
import type { System } from '../system/system.ts'
import {
  type DashboardLayout,
  type DashboardSettings,
  type DashboardTheme,
  layoutOf,
  refreshOf,
  themeOf,
} from './choices.ts'

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
  /** Whether keys may stop, kill and restart processes. Default false. */
  readonly allowActions?: boolean
  /** Shows entries of journals. Default: they are hidden. */
  readonly state?: ObserveStateOptions
  /** The system that is shown. Default: the default system. */
  readonly system?: System
}

/** The options of a dashboard: checked, and with every default. */
export interface ReadDashboardOptions extends DashboardSettings {
  readonly system: System
  readonly allowActions: boolean
  readonly state: ObserveStateOptions | undefined
}

const NAMES = ['refreshInterval', 'maxEventLogSize', 'theme', 'layout', 'allowActions', 'state', 'system']

/** Checks the options. @throws InvalidArgumentError naming the one that is refused. */
export function readDashboardOptions(given?: DashboardOptions): ReadDashboardOptions {
  const options = checkOptions('options', given)
  known('options', options, NAMES)
  // Its names are checked as those of observe().
  if (options.state !== undefined) checkObserve({ state: options.state })
  const { refreshInterval = 500, maxEventLogSize = 100, theme = 'dark', layout = 'full' } = options
  return {
    refreshMs: refreshOf('options.refreshInterval', refreshInterval),
    maxEvents: integer('options.maxEventLogSize', 1, 10_000, maxEventLogSize),
    theme: themeOf('options.theme', theme),
    layout: layoutOf('options.layout', layout),
    allowActions: flag('options.allowActions', false, options.allowActions),
    state: options.state,
    system: resolveSystem(options.system),
  }
}
