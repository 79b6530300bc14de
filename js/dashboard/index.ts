/**
 * The terminal dashboard: what runs, what it costs and why a request was shed, drawn by a native thread to the terminal
 * of the program. It draws also while JavaScript is blocked.
 *
 * `npx keelson top` shows the same for a service that runs elsewhere.
 */
export { Dashboard } from './dashboard.ts'
export * from './errors.ts'
export type { DashboardLayout, DashboardTheme } from './choices.ts'
export type { DashboardOptions } from './options.ts'
