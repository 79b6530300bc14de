import { CALL_TIMEOUT } from './gen-server/calls.ts'
import { INIT_TIMEOUT } from './gen-server/start.ts'
import { MAX_RESTARTS, SHUTDOWN_TIMEOUT, WITHIN_MS } from './supervisor/options.ts'

/** The version of the package. */
export const VERSION = '0.1.0'

/** The defaults of options, by the names that noex has for them. Times are milliseconds. */
export const DEFAULTS = Object.freeze({
  /** The longest time that `init` of a `GenServer` may take. */
  INIT_TIMEOUT,
  /** The longest time that `GenServer.call` waits for a reply. */
  CALL_TIMEOUT,
  /** The time that a supervisor gives a child to end. */
  SHUTDOWN_TIMEOUT,
  /** The restarts after which a supervisor gives up. */
  MAX_RESTARTS,
  /** The window in which restarts are counted. */
  RESTART_WITHIN_MS: WITHIN_MS,
}) as {
  readonly INIT_TIMEOUT: number
  readonly CALL_TIMEOUT: number
  readonly SHUTDOWN_TIMEOUT: number
  readonly MAX_RESTARTS: number
  readonly RESTART_WITHIN_MS: number
}
