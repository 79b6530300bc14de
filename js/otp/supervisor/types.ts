import type { System } from '../../system/system.ts'
import type { GenServerRef, TerminateReason } from '../gen-server/types.ts'

/** Names a supervisor. Opaque: keep it, pass it on, compare its `id`. */
export interface SupervisorRef {
  readonly id: string
  /** On which node; absent on this one. */
  readonly nodeId?: string
  /**
   * Resolves with the reason once the supervisor and all its children have ended, and rejects with the error when it
   * gave up or was killed. Never an unhandled rejection: who does not look at it is not told by it.
   */
  readonly terminated: Promise<TerminateReason>
  /** Only for the compiler: a supervisor takes no messages. Never there. */
  readonly __types?: 'supervisor'
}

/** When a child that ended is started again: always, unless it ended `normal` or `shutdown`, or never. */
export type ChildRestartStrategy = 'permanent' | 'transient' | 'temporary'

/**
 * Who is restarted with a child: nobody, everybody, or those that were started after it. With `simple_one_for_one`, all
 * children are made after one template, restart alone, and stop all at once.
 */
export type SupervisorStrategy = 'one_for_one' | 'one_for_all' | 'rest_for_one' | 'simple_one_for_one'

/** Whether a supervisor ends with the first or the last of its significant children that ends for good. */
export type AutoShutdown = 'never' | 'any_significant' | 'all_significant'

/** How long restarts wait, in milliseconds. The row of restarts ends when a child has run for `maxMs`. */
export interface RestartBackoff {
  /** The first delay. */
  readonly initialMs: number
  /** The longest delay. */
  readonly maxMs: number
  /** What each delay is multiplied by to give the next, from 1. Default 2. */
  readonly factor?: number
  /** The share of a delay that chance may take away, from 0 to 1. Default 0.5. */
  readonly jitter?: number
}

/** What a child's start leads to. */
export type ChildRef = GenServerRef<never, never, never, unknown> | GenServerRef | SupervisorRef

/** How a child is started, stopped and restarted. */
export interface ChildPolicy {
  /** When it is started again. Default `'permanent'`. */
  readonly restart?: ChildRestartStrategy
  /**
   * How long it may take to stop, in milliseconds, before it is killed; `Infinity` for as long as it likes,
   * `'brutal_kill'` to kill it at once. Default 5000, and `Infinity` for a supervisor.
   */
  readonly shutdownTimeout?: number | 'brutal_kill'
  /** Whether its end may end the supervisor, see {@link AutoShutdown}. Not for permanent children. Default false. */
  readonly significant?: boolean
  /**
   * How long a start may take, in milliseconds; what comes of it later is killed. Default `Infinity`: while a child
   * starts, its supervisor does nothing else but stop.
   */
  readonly startTimeout?: number
  /** How long its restarts wait. Default: that of the supervisor, or no wait. */
  readonly backoff?: RestartBackoff
}

/** A child. `Ref` is what its start leads to. */
export interface ChildSpec<Ref extends ChildRef = ChildRef> extends ChildPolicy {
  /** Its name among the children of its supervisor. */
  readonly id: string
  /** Starts it: `() => GenServer.start(behavior)`, or `() => Supervisor.start(options)`. */
  readonly start: () => Ref | PromiseLike<Ref>
}

/** What the children of a `simple_one_for_one` supervisor are made after. */
export interface ChildTemplate<Args extends unknown[] = never[], Ref extends ChildRef = ChildRef> extends ChildPolicy {
  /** Starts one, also again, with the arguments that `startChild` was given. */
  readonly start: (...args: Args) => Ref | PromiseLike<Ref>
}

/** How many restarts are too many. */
export interface RestartIntensity {
  /** So many restarts are allowed. Default 3. */
  readonly maxRestarts?: number
  /** In any such time, in milliseconds. Default 5000. */
  readonly withinMs?: number
  /** Whose restarts are counted together: those of all children, or those of each child. Default `'supervisor'`. */
  readonly scope?: 'supervisor' | 'child'
}

/** Options of `Supervisor.start`. */
export interface SupervisorOptions {
  /** Default `'one_for_one'`. */
  readonly strategy?: SupervisorStrategy
  /** Started in order. None for `simple_one_for_one`. */
  readonly children?: readonly ChildSpec[]
  /** For `simple_one_for_one`, and needed there. */
  readonly childTemplate?: ChildTemplate
  readonly restartIntensity?: RestartIntensity
  /** Registered in the system while the supervisor lives, before its children start. */
  readonly name?: string
  /** Default `'never'`. */
  readonly autoShutdown?: AutoShutdown
  /** How long restarts wait, for children that do not say. Default: no wait. */
  readonly backoff?: RestartBackoff
  /** Default: the default system of this environment. */
  readonly system?: System
}

/** A child, to look at. `Ref` is what its start leads to, as far as the caller knows. */
export interface ChildInfo<Ref = GenServerRef> {
  readonly id: string
  /** Its present process; while it is restarted, the last one. */
  readonly ref: Ref
  readonly spec: ChildSpec
  /** How many times it was started again. */
  readonly restartCount: number
}
