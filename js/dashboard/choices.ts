/** What a user chooses of a dashboard, in a program or on the command line. */
import { integer, oneOf } from '../internal/validate.ts'

/** The layouts: `full` shows tree, table, load and log; `compact` tree and table; `minimal` the table alone. */
export type DashboardLayout = 'full' | 'compact' | 'minimal'

/** The colours: light words on a dark background, or the other way round. */
export type DashboardTheme = 'dark' | 'light'

/** The settings of a dashboard: checked, and with every default. */
export interface DashboardSettings {
  readonly refreshMs: number
  readonly maxEvents: number
  readonly theme: DashboardTheme
  readonly layout: DashboardLayout
}

const LAYOUTS = ['full', 'compact', 'minimal']
const THEMES = ['dark', 'light']

/** Returns a layout. @throws InvalidArgumentError for another value. */
export const layoutOf = (field: string, value: unknown): DashboardLayout =>
  oneOf(field, LAYOUTS, value) as DashboardLayout

/** Returns a theme. @throws InvalidArgumentError for another value. */
export const themeOf = (field: string, value: unknown): DashboardTheme => oneOf(field, THEMES, value) as DashboardTheme

/** Returns the time between two updates. @throws InvalidArgumentError for another value. */
export const refreshOf = (field: string, value: unknown): number => integer(field, 50, 60_000, value)
