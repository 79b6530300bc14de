import { VERSION } from '../version.ts'
import { CALL_TIMEOUT } from './gen-server/calls.ts'
import { INIT_TIMEOUT } from './gen-server/start.ts'
import { MAX_RESTARTS, SHUTDOWN_TIMEOUT, WITHIN_MS } from './supervisor/limits.ts'

/** The defaults of options, by the names that noex has for them. Times are milliseconds. */
export const DEFAULTS: {
  /** The longest time that `init` of a `GenServer` may take. */
  readonly INIT_TIMEOUT: number
  /** The longest time that `GenServer.call` waits for a reply. */
  readonly CALL_TIMEOUT: number
  /** The time that a supervisor gives a child to end. */
  readonly SHUTDOWN_TIMEOUT: number
  /** The restarts after which a supervisor gives up. */
  readonly MAX_RESTARTS: number
  /** The window in which restarts are counted. */
  readonly RESTART_WITHIN_MS: number
} = Object.freeze({ INIT_TIMEOUT, CALL_TIMEOUT, SHUTDOWN_TIMEOUT, MAX_RESTARTS, RESTART_WITHIN_MS: WITHIN_MS })

export { VERSION }
