/** Errors of the terminal dashboard. */
import { isCode, KeelsonError } from '../errors/base.ts'
import { show } from '../errors/format-value.ts'

/** There is no terminal to draw on, or it cannot be used. */
export class DashboardTerminalError extends KeelsonError {
  static readonly code = 'KEELSON_DASHBOARD_NO_TERMINAL'
  readonly code = 'KEELSON_DASHBOARD_NO_TERMINAL'
  constructor(reason: string) {
    super(
      `There is no terminal to draw on (${reason}). Run the program in a terminal, or attach from one with \`npx keelson top\``,
    )
  }
}

/** `start()` of a dashboard while one runs in this process. A terminal has one at a time. */
export class DashboardRunningError extends KeelsonError {
  static readonly code = 'KEELSON_DASHBOARD_RUNNING'
  readonly code = 'KEELSON_DASHBOARD_RUNNING'
  constructor() {
    super('A dashboard is already running in this process: stop it first')
  }
}

/** No service answers at a pid, a socket or an address. */
export class DashboardTargetError extends KeelsonError {
  static readonly code = 'KEELSON_DASHBOARD_NO_SERVICE'
  readonly code = 'KEELSON_DASHBOARD_NO_SERVICE'
  /** The pid, the path or the address, without a token. */
  readonly target: string
  constructor(target: string, reason: string) {
    super(reason)
    this.target = target
  }
}

/** `selectProcess()` got the id of no process that lives. */
export class DashboardProcessError extends KeelsonError {
  static readonly code = 'KEELSON_DASHBOARD_NO_PROCESS'
  readonly code = 'KEELSON_DASHBOARD_NO_PROCESS'
  /** The id. */
  readonly processId: string
  constructor(processId: string) {
    super(`${show(processId)} is the id of no process that lives: pass the \`id\` of a ref of this system`)
    this.processId = processId
  }
}

/** The dashboard ended by a fault of its own. The program goes on, and the terminal is as it was. Report the bug. */
export class DashboardFailedError extends KeelsonError {
  static readonly code = 'KEELSON_DASHBOARD_FAILED'
  readonly code = 'KEELSON_DASHBOARD_FAILED'
  constructor(reason: string) {
    super(`The dashboard ended by a fault of its own: ${reason}`)
  }
}

/** Returns whether a value is a {@link DashboardTerminalError}, from any copy of the package. */
export const isDashboardTerminalError: (error: unknown) => error is DashboardTerminalError = isCode(
  DashboardTerminalError.code,
)
/** Returns whether a value is a {@link DashboardRunningError}, from any copy of the package. */
export const isDashboardRunningError: (error: unknown) => error is DashboardRunningError = isCode(
  DashboardRunningError.code,
)
/** Returns whether a value is a {@link DashboardTargetError}, from any copy of the package. */
export const isDashboardTargetError: (error: unknown) => error is DashboardTargetError = isCode(
  DashboardTargetError.code,
)
/** Returns whether a value is a {@link DashboardProcessError}, from any copy of the package. */
export const isDashboardProcessError: (error: unknown) => error is DashboardProcessError = isCode(
  DashboardProcessError.code,
)
/** Returns whether a value is a {@link DashboardFailedError}, from any copy of the package. */
export const isDashboardFailedError: (error: unknown) => error is DashboardFailedError = isCode(
  DashboardFailedError.code,
)
