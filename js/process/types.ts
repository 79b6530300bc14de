import type { Clock, TimerHandle } from '../clock/types.ts'
import type { Millis } from '../clock/millis.ts'
import type { MaybePromise } from '../internal/maybe-promise.ts'
import type { System } from '../system/system.ts'
import type { Emit } from './events.ts'
import type { ProcessId, StopReason } from './ids.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- messages that nobody has typed are read as their handler likes
export type Any = any

/**
 * The status of a process. It is `starting` until its `init` has ended, and again while it waits to restart; messages
 * are queued then. `stopped` and `failed` are final.
 */
export type ProcessStatus = 'starting' | 'running' | 'stopping' | 'stopped' | 'failed'

/** The delays before restarts, in ms: `min(initial * factor ** (n - 1), max)` for restart `n`, spread by `jitter`. */
export interface BackoffOptions {
  /** The first delay, in ms. */
  readonly initial: Millis
  /** The longest delay, in ms. */
  readonly max: Millis
  /** The factor from each delay to the next, 1 or more. */
  readonly factor: number
  /** The spread of a delay, in percent either way. Default 0. */
  readonly jitter?: number
}

/** Decides whether a process that fails starts over. */
export interface SupervisionStrategy {
  /** `'one-for-one'` restarts the process that failed, and no other. `'none'` restarts nothing. */
  readonly type: 'none' | 'one-for-one'
  /** The delays before restarts. Default: 1 ms, doubled up to 1000 ms. */
  readonly backoff?: BackoffOptions
  /**
   * The number of restarts that are allowed in any `within` ms; with one more the process has failed. A `count` of 0
   * allows none. Default: no bound.
   */
  readonly maxRestarts?: { readonly count: number; readonly within: Millis }
}

/** A journal that handlers write to; a `Journal` of `keelson/journal` is one. */
export interface ProcessJournal {
  /** Appends an entry. */
  append(data: Any): unknown
}

/** The tools of a handler, beside state and message. */
export interface Tools<TMsg = Any, TCtx = unknown> {
  /** The clock of the process. */
  readonly clock: Clock
  /** The journal of the supervisor, if it has one. */
  readonly journal: ProcessJournal | undefined
  /** Sends an event to the supervisor's listener; `undefined` when there is none. */
  readonly emit: Emit | undefined
  /** The context with which the process was spawned. */
  readonly ctx: TCtx
  /**
   * Spawns a child process. It stops when this one stops, and when this one fails, before it restarts.
   *
   * @throws InvalidArgumentError naming the field of the spec that is refused.
   * @throws ProcessError when this process has ended.
   */
  spawn<M = Any, S = Any, C = unknown>(spec: ProcessSpec<M, S, C>, ctx: C): ProcessRef<M>
  /**
   * Waits for an answer from elsewhere. Resolves or rejects as `executor` does; rejects with a {@link TimeoutError}
   * after `timeout` ms (default 5000; `Infinity` for no limit), or when this process ends or fails.
   */
  ask<R = Any>(
    description: string,
    executor: (resolve: (value: R) => void, reject: (error: unknown) => void) => void,
    timeout?: Millis,
  ): Promise<R>
  /**
   * Sends this process a message after a time in ms, on its clock. The message survives a restart and is dropped when
   * the process ends. One that finds the mailbox full becomes the event `process:schedule:dropped`.
   *
   * @throws ProcessError when this process has ended.
   */
  schedule(after: Millis, message: TMsg): TimerHandle
}

/** The definition of a process: its name, its handlers, its limits. */
export interface ProcessSpec<TMsg = Any, TState = Any, TCtx = unknown> {
  /** The name of the process in events and reports. */
  readonly name: string
  /** Returns the first state, and that of each restart. */
  init(ctx: TCtx): MaybePromise<TState>
  /** Handles a message and returns the next state. One runs at a time. A throw fails the process. */
  handle(state: TState, message: TMsg, tools: Tools<TMsg, TCtx>): MaybePromise<TState>
  /** Cleans up after a run, with the last state. Runs once for each `init` that ended well. */
  onStop?(state: TState, reason: StopReason, ctx: TCtx): MaybePromise<unknown>
  /** The number of messages that may wait. Default 1024. */
  readonly maxInbox?: number
  /**
   * Decides about messages to a full mailbox: the sender is refused (`'reject'`, the default), or the oldest message is
   * dropped.
   */
  readonly mailboxPolicy?: 'reject' | 'drop-oldest'
  /**
   * Decides whether the process restarts after a failure. Default: up to 5 times in any 60 000 ms, after 100 ms, doubled
   * up to 5000 ms. `{ type: 'none' }` restarts nothing.
   */
  readonly supervision?: SupervisionStrategy
  /**
   * Decides in which AsyncLocalStorage context `handle` runs: in that of `spawn`, as `init` does (`'process'`, the
   * default), or in that of the code that sent or scheduled the message (`'caller'`), which costs about a microsecond a
   * message.
   */
  readonly context?: 'process' | 'caller'
}

/** Refers to a process, over all its restarts. */
export interface ProcessRef<TMsg = Any> {
  /** The id of the process. */
  readonly id: ProcessId
  /** The name of the process. */
  readonly name: string
  /**
   * Queues a message, also while the process is starting. Returns false when it is not taken: the mailbox is full, or
   * the process has ended.
   */
  send(message: TMsg): boolean
  /**
   * Stops the process for good; never fails. The handler that runs ends, messages queued behind it are not handled
   * (asks reject, sends become events), children stop, and `onStop` runs. Resolves then. Inside a handler that the stop
   * would wait for, it resolves at once. Cancels a pending restart. All calls get the same end.
   */
  stop(reason?: StopReason): Promise<void>
  /**
   * Sends the message that `build` returns, and resolves with the value that is passed to `reply`; the first reply
   * counts.
   *
   * @throws TimeoutError after `timeout` ms (default 5000, `Infinity` for never). An ask that has not begun by then
   * never will.
   * @throws ProcessError when the message is not taken, or the process stops or fails before it has replied.
   */
  ask<R = Any>(build: (reply: (value: R) => void) => TMsg, timeout?: Millis): Promise<R>
  /** Returns the status of the process. */
  status(): ProcessStatus
}

/** Options of {@link createRootSupervisor}. */
export interface RootSupervisorOptions {
  /** The clock of the processes. Default: the clock of the system. */
  readonly clock?: Clock
  /**
   * The system of the processes. Default: the default system of this environment; with a clock of your own, errors go
   * to that clock's owner.
   */
  readonly system?: System
  /** Receives all events, on the stack of what happened. Its own errors go to the system's `onError`. */
  readonly emit?: Emit
  /**
   * The journal that handlers get as `tools.journal`. The lifecycle events of the processes are written to it, as plain
   * data: `process:start`, `ready`, `fail`, `stop`, `stop:error`, and `supervisor:restart`, `giveup`,
   * `restart:abandoned`. A journal that fails stops nobody.
   */
  readonly journal?: ProcessJournal
}

/** Spawns processes and stops them together. */
export interface RootSupervisor {
  /**
   * Starts a process, which takes messages at once.
   *
   * @throws InvalidArgumentError naming the field that is refused; nothing is started.
   * @throws ProcessError when the supervisor was stopped.
   */
  spawn<TMsg = Any, TState = Any, TCtx = unknown>(spec: ProcessSpec<TMsg, TState, TCtx>, ctx: TCtx): ProcessRef<TMsg>
  /** Stops all children, the last one first, and spawns no more. Idempotent. */
  stop(reason?: StopReason): Promise<void>
  /** Returns the children that have not ended, in the order in which they were spawned. */
  children(): ProcessRef[]
}
