import type { Clock, TimerHandle } from '../clock/types.ts'
import type { Millis } from '../clock/millis.ts'
import type { System } from '../system/system.ts'
import type { Emit } from './event-emitter.ts'
import type { ProcessId, StopReason } from './ids.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- messages that nobody has typed are read as their handler likes
export type Any = any

type MaybePromise<T> = T | Promise<T>

/**
 * What a process is doing. It is `starting` until its `init` has ended, and again while it waits to be restarted; what
 * is sent then is queued. `stopped` and `failed` are final.
 */
export type ProcessStatus = 'starting' | 'running' | 'stopping' | 'stopped' | 'failed'

/** How the delay before a restart grows: `min(initial * factor^(n - 1), max)`. Times are milliseconds. */
export interface BackoffOptions {
  readonly initial: Millis
  readonly max: Millis
  /** From each delay to the next; 1 or more. */
  readonly factor: number
  /** Spreads the delay by up to this many percent either way. Default 0. */
  readonly jitter?: number
}

/** Whether a process that fails is started over. */
export interface SupervisionStrategy {
  /** `'one-for-one'`: the process that failed, and no other. */
  readonly type: 'none' | 'one-for-one'
  /** Default: 1 ms, doubled up to 1000 ms. */
  readonly backoff?: BackoffOptions
  /** At most `count` restarts in any `within` ms; one more and the process has failed. `count: 0`: none. Default: no end. */
  readonly maxRestarts?: { readonly count: number; readonly within: Millis }
}

/** What is written to by handlers; a `Journal` is one. */
export interface ProcessJournal {
  append(data: Any): unknown
}

/** What a handler is given beside state and message. */
export interface Tools<TMsg = Any, TCtx = unknown> {
  /** Where the process's time comes from. */
  readonly clock: Clock
  /** The journal of the supervisor, if it was given one. */
  readonly journal: ProcessJournal | undefined
  /** Tells the supervisor's listener; absent when there is none. */
  readonly emit: Emit | undefined
  /** What the process was spawned with. */
  readonly ctx: TCtx
  /**
   * Spawns a process that stops with this one: when it stops, and when it fails, before it is restarted.
   *
   * @throws InvalidArgumentError naming the field of the spec that is refused.
   * @throws ProcessError when this process has ended.
   */
  spawn<M = Any, S = Any, C = unknown>(spec: ProcessSpec<M, S, C>, ctx: C): ProcessRef<M>
  /**
   * Waits for somebody else's answer: resolves or rejects as `executor` says, and rejects with a {@link TimeoutError}
   * after `timeout` ms (default 5000; `Infinity` for never), or when this process ends or fails.
   */
  ask<R = Any>(
    description: string,
    executor: (resolve: (value: R) => void, reject: (error: unknown) => void) => void,
    timeout?: Millis,
  ): Promise<R>
  /**
   * Sends this process a message after so many ms, on its clock. It survives a restart and dies with the process. One
   * that finds the mailbox full is the event `process:schedule:dropped`.
   *
   * @throws ProcessError when this process has ended.
   */
  schedule(after: Millis, message: TMsg): TimerHandle
}

/** What a process is. */
export interface ProcessSpec<TMsg = Any, TState = Any, TCtx = unknown> {
  /** What events and reports call it. */
  readonly name: string
  /** Makes the first state, and that of each restart. */
  init(ctx: TCtx): MaybePromise<TState>
  /** Handles a message and makes the next state. One runs at a time. A throw fails the process. */
  handle(state: TState, message: TMsg, tools: Tools<TMsg, TCtx>): MaybePromise<TState>
  /** Cleans up after a run: runs once for each `init` that ended well, with the last state. */
  onStop?(state: TState, reason: StopReason, ctx: TCtx): MaybePromise<unknown>
  /** How many messages may wait. Default 1024. */
  readonly maxInbox?: number
  /** Beyond that, the sender is told (`'reject'`, the default), or the oldest message is dropped. */
  readonly mailboxPolicy?: 'reject' | 'drop-oldest'
  /** Default: none. */
  readonly supervision?: SupervisionStrategy
}

/** A process, over all its restarts. */
export interface ProcessRef<TMsg = Any> {
  readonly id: ProcessId
  readonly name: string
  /** Queues a message, also while the process is starting. False when it is not taken: mailbox full, or process ended. */
  send(message: TMsg): boolean
  /**
   * Stops for good, and is never refused: the handler that runs ends, what is queued behind it is not handled (asks
   * reject, sends are events), children stop, `onStop` runs. Resolves then; called from inside a handler that it
   * would wait for, it resolves at once. Cancels a restart that is pending. Every call gets the same end.
   */
  stop(reason?: StopReason): Promise<void>
  /**
   * Sends the message that `build` makes and resolves with what is passed to `reply`; the first reply counts.
   *
   * @throws TimeoutError after `timeout` ms (default 5000, `Infinity` for never). An ask that has not begun by then never will.
   * @throws ProcessError when the message is not taken, or the process stops or fails before it has replied.
   */
  ask<R = Any>(build: (reply: (value: R) => void) => TMsg, timeout?: Millis): Promise<R>
  status(): ProcessStatus
}

/** Options of {@link createRootSupervisor}. */
export interface RootSupervisorOptions {
  /** Where time comes from. Default: the clock of the system. */
  readonly clock?: Clock
  /** Default: the default system of this environment; with a clock of your own, errors go to that clock's owner. */
  readonly system?: System
  /** Told of everything that happens, on the stack of what happened. Its own errors go to the system's `onError`. */
  readonly emit?: Emit
  /** Handed to handlers as `tools.journal`. */
  readonly journal?: ProcessJournal
}

/** Spawns processes and stops them together. */
export interface RootSupervisor {
  /**
   * Starts a process. It can be sent to at once.
   *
   * @throws InvalidArgumentError naming the field that is refused; nothing is started.
   * @throws ProcessError when the supervisor was stopped.
   */
  spawn<TMsg = Any, TState = Any, TCtx = unknown>(spec: ProcessSpec<TMsg, TState, TCtx>, ctx: TCtx): ProcessRef<TMsg>
  /** Stops all children, the last one first, and takes no more. Idempotent. */
  stop(reason?: StopReason): Promise<void>
  /** The children that have not ended, in the order in which they were spawned. */
  children(): ProcessRef[]
}
