import type { Call } from '../../actor/call.ts'
import type { ErrorOwner } from '../../internal/report-error.ts'
import type { System } from '../../system/system.ts'
import type { Registrar } from './registrable.ts'
import type { Continued, NoReply, Stopped } from './callback-results.ts'

/** Names a process. Opaque: keep it, pass it on, compare its `id`. */
export interface GenServerRef<State = unknown, CallMsg = unknown, CastMsg = unknown, CallReply = unknown> {
  readonly id: string
  /** On which node; absent on this one. */
  readonly nodeId?: string
  /** Only for the compiler: what the process understands. Never there. */
  readonly __types?: [State, CallMsg, CastMsg, CallReply]
}

/** What a ref is in an event: enough to compare and print. */
export interface SerializedRef {
  readonly id: string
  readonly nodeId?: string
}

/** Why a process ended. */
export type TerminateReason = 'normal' | 'shutdown' | { readonly error: Error }

/** The same for those who hear of it from afar. */
export type ProcessDownReason =
  | { readonly type: 'normal' }
  | { readonly type: 'shutdown' }
  | { readonly type: 'killed' }
  | { readonly type: 'error'; readonly message: string }
  | { readonly type: 'noproc' }
  | { readonly type: 'noconnection' }

/** Whoever waits for the reply to a call, for `GenServer.reply`. */
export type From = Pick<Call, 'timeoutMs'>

type MaybePromise<T> = T | Promise<T>

/** What `handleCall` returns: the reply and the next state. */
export type CallResult<Reply, State> = readonly [reply: Reply, state: State]

/** What a callback that makes a state may return. */
export type NextState<State> = State | Continued<State> | Stopped<State>

/** What a message of the runtime is: a linked process ended, or a monitored one. */
export type Info =
  | { readonly type: 'EXIT'; readonly from: SerializedRef; readonly reason: ProcessDownReason }
  | {
      readonly type: 'DOWN'
      readonly monitorId: string
      readonly ref: SerializedRef
      readonly reason: ProcessDownReason
    }

/** @see Info */
export type ExitSignal = Extract<Info, { type: 'EXIT' }>

/**
 * What a process does. One callback runs at a time; while one that is asynchronous has not ended, messages wait.
 * A throw in `handleCall` rejects that call, and the process goes on with the state it had; a throw anywhere else has
 * no caller, so it crashes the process.
 */
export interface GenServerBehavior<State, CallMsg = unknown, CastMsg = unknown, CallReply = unknown> {
  /** Makes the first state. */
  init(): MaybePromise<State | Continued<State>>
  /** Answers: `[reply, state]`, or `GenServer.noReply(state)` and later `GenServer.reply(from, reply)`. */
  handleCall(
    message: CallMsg,
    state: State,
    from: From,
  ): MaybePromise<CallResult<CallReply, State> | NoReply<State> | Stopped<State>>
  /** Handles a message that nobody waits for; makes the next state. */
  handleCast(message: CastMsg, state: State): MaybePromise<NextState<State>>
  /** Handles exits of linked processes (with `trapExit`) and ends of monitored ones. Default: the state stays. */
  handleInfo?(info: Info, state: State): MaybePromise<NextState<State>>
  /** Runs before any other message after `GenServer.continueWith(state, argument)`. */
  handleContinue?(argument: unknown, state: State): MaybePromise<NextState<State>>
  /** Cleans up. Not run for a process that is killed. */
  terminate?(reason: TerminateReason, state: State): MaybePromise<void>
}

/** Options of `GenServer.start`. Times are milliseconds. */
export interface StartOptions {
  /** What the process is registered under while it lives: a name of the system, or a key of `registry`. */
  readonly name?: string
  /** Registers it there, a `RegistryInstance` of the same system, instead of among the system's names. Needs `name`. */
  readonly registry?: Registrar
  /** What the registry keeps with it. Needs `registry`. */
  readonly metadata?: unknown
  /** How long `init` may take. Default 5000. */
  readonly initTimeout?: number
  /** Exits of linked processes arrive at `handleInfo` instead of ending this one. Default false. */
  readonly trapExit?: boolean
  /** How many messages may wait. Default: no bound. */
  readonly maxMailbox?: number
  /** What happens beyond that: the sender is refused (default), or the oldest, or the newest message is dropped. */
  readonly overflow?: 'reject' | 'drop-oldest' | 'drop-newest'
  /** Whether a throw in `handleCall` crashes the process as well. Default `'reply'`: it only rejects the call. */
  readonly onError?: 'reply' | 'crash'
  /** Default: the default system of this environment. */
  readonly system?: System
}

/** Options of `GenServer.call`. */
export interface CallOptions {
  /** How long to wait, in ms; `Infinity` for ever. Default 5000. */
  readonly timeout?: number
  /** Gives up when it aborts, with its reason. */
  readonly signal?: AbortSignal
}

export type ServerStatus = 'initializing' | 'running' | 'stopping' | 'stopped'

/** What a process is about, for debugging. */
export interface GenServerStatus {
  readonly id: string
  readonly name: string | undefined
  readonly status: ServerStatus
  /** Messages that wait. A call that was given up counts until its turn comes; then it is passed over. */
  readonly queueSize: number
  /** Messages handled. */
  readonly messageCount: number
  /** Wall time of its start, in ms. */
  readonly startedAt: number
  readonly uptimeMs: number
}

/** A monitor, for `GenServer.demonitor`. */
export interface MonitorRef {
  readonly monitorId: string
  readonly monitoredRef: SerializedRef
}

/** A link, for `GenServer.unlink`. */
export interface LinkRef {
  readonly linkId: string
  readonly ref1: SerializedRef
  readonly ref2: SerializedRef
}

/** A timer, for `GenServer.cancelTimer`. */
export interface TimerRef {
  readonly timerId: string
}

/**
 * What happens to processes; `name` is that of the process, if it has one. A supervisor's events about a child have its
 * `childId`.
 */
export type LifecycleEvent =
  | { readonly type: 'started'; readonly ref: SerializedRef; readonly name?: string }
  | {
      readonly type: 'crashed'
      readonly ref: SerializedRef
      readonly name?: string
      readonly childId?: string
      readonly error: Error
    }
  | {
      readonly type: 'restarted'
      readonly ref: SerializedRef
      readonly name?: string
      readonly childId?: string
      readonly attempt: number
    }
  | {
      readonly type: 'terminated'
      readonly ref: SerializedRef
      readonly name?: string
      readonly childId?: string
      readonly reason: TerminateReason
    }
  | {
      /** A monitor has fired: `monitoredRef` has ended, `ref` is told. */
      readonly type: 'down'
      readonly ref: SerializedRef
      readonly name?: string
      readonly monitoredRef: SerializedRef
      readonly reason: ProcessDownReason
      readonly monitorId: string
    }

export type LifecycleHandler = (event: LifecycleEvent) => unknown

export type { ErrorOwner }
