import type { Call } from '../../actor/call.ts'
import type { MaybePromise } from '../../internal/maybe-promise.ts'
import type { System } from '../../system/system.ts'
import type { Registrar } from './registrable.ts'
import type { Continued, NoReply, Stopped } from './callback-results.ts'

/** Refers to a process. Keep it, pass it on, compare its `id`; nothing else of it is yours to use. */
export interface GenServerRef<State = unknown, CallMsg = unknown, CastMsg = unknown, CallReply = unknown> {
  /** The id of the process, unique in its system: `genserver_1_x`. */
  readonly id: string
  /** The node it lives on. Absent for this one. */
  readonly nodeId?: string
  /** Exists for the compiler alone, never at run time: the types of state and messages. */
  readonly __types?: [State, CallMsg, CastMsg, CallReply]
}

/** A ref in an event: enough to compare and print. */
export interface SerializedRef {
  /** The id of the process. */
  readonly id: string
  /** The node it lives on. Absent for this one. */
  readonly nodeId?: string
}

/** The reason of an exit. */
export type TerminateReason = 'normal' | 'shutdown' | { readonly error: Error }

/** The reason of an exit as messages and events show it: an error is its message, without stack. */
export type ProcessDownReason =
  | { readonly type: 'normal' }
  | { readonly type: 'shutdown' }
  | { readonly type: 'killed' }
  | { readonly type: 'error'; readonly message: string }
  | { readonly type: 'noproc' }
  | { readonly type: 'noconnection' }

/** The caller that waits for a reply, for `GenServer.reply`. */
export type From = Pick<Call, 'timeoutMs'>

/** A result of `handleCall`: the reply and the next state. */
export type CallResult<Reply, State> = readonly [reply: Reply, state: State]

/** A result of a callback that returns a state: the state itself, `continueWith` or `stopWith`. */
export type NextState<State> = State | Continued<State> | Stopped<State>

/** A message of the runtime to `handleInfo`: a linked process has ended (`EXIT`), or a monitored one (`DOWN`). */
export type Info =
  | {
      /** Tells this message from a `DOWN`. */
      readonly type: 'EXIT'
      /** The linked process that has ended. */
      readonly from: SerializedRef
      /** The reason of its end. */
      readonly reason: ProcessDownReason
    }
  | {
      /** Tells this message from an `EXIT`. */
      readonly type: 'DOWN'
      /** The id of the monitor, which `GenServer.monitor` returned. */
      readonly monitorId: string
      /** The monitored process that has ended. */
      readonly ref: SerializedRef
      /** The reason of its end. */
      readonly reason: ProcessDownReason
    }

/** The message about a linked process that has ended. Only a process with `trapExit` gets it. */
export type ExitSignal = Extract<Info, { type: 'EXIT' }>

/** Tells a map of replies from a reply. */
declare const REPLIES: unique symbol

/** Carries the types of the replies of a process, by message. It exists for the compiler alone. */
export interface ReplyMap<Map> {
  /** The map from the message, or its `type`, to the reply. */
  readonly [REPLIES]: Map
}

/**
 * The replies of a process, one type a message: `Replies<{ balance: number; close: void }>`. A key is the message itself,
 * if that is a string, or its `type`. Pass it as the `CallReply` of a behaviour or a ref: `GenServer.call` then has the
 * type of the reply to the message that it sends.
 */
export type Replies<Map> = Map[keyof Map] | ReplyMap<Map>

/** The map of replies in `CallReply`, or `never`. */
type MapOf<CallReply> = CallReply extends ReplyMap<infer Map> ? Map : never

/** The type of the reply to a message, where `CallReply` is {@link Replies}; otherwise `CallReply`. */
export type ReplyTo<CallReply, Message> = 0 extends 1 & CallReply
  ? CallReply
  : [MapOf<CallReply>] extends [never]
    ? CallReply
    : ReplyIn<MapOf<CallReply>, Message>

/** The reply to a message in a map. */
type ReplyIn<Map, Message> = Message extends keyof Map
  ? Map[Message]
  : Message extends { readonly type: infer Type }
    ? Type extends keyof Map
      ? Map[Type]
      : unknown
    : unknown

/** Accepts a ref with a map of replies, and no other. */
export type WithReplyMap<CallReply> = [MapOf<CallReply>] extends [never] ? never : unknown

/**
 * The callbacks of a process. One runs at a time; while an asynchronous one has not ended, messages wait. A throw in
 * `handleCall` rejects that call, and the process keeps the state it had. A throw anywhere else has no caller, so it
 * crashes the process.
 */
export interface GenServerBehavior<State, CallMsg = unknown, CastMsg = unknown, CallReply = unknown> {
  /** Returns the first state. */
  init(): MaybePromise<State | Continued<State>>
  /**
   * Handles a call. Returns `[reply, state]`, or `GenServer.noReply(state)` and replies later with
   * `GenServer.reply(from, reply)`. Without it, a call rejects with a `NotHandledError`.
   */
  handleCall?(
    message: CallMsg,
    state: State,
    from: From,
  ): MaybePromise<CallResult<CallReply, State> | NoReply<State> | Stopped<State>>
  /**
   * Handles a message without a reply, also one of `GenServer.sendAfter`. Returns the next state. Without it, the
   * system's `onError` gets a `NotHandledError` for each cast.
   */
  handleCast?(message: CastMsg, state: State): MaybePromise<NextState<State>>
  /** Handles exits of linked processes (with `trapExit`) and of monitored ones. Default: the state stays. */
  handleInfo?(info: Info, state: State): MaybePromise<NextState<State>>
  /** Runs before any other message after `GenServer.continueWith(state, argument)`. */
  handleContinue?(argument: unknown, state: State): MaybePromise<NextState<State>>
  /** Cleans up with the last state. Does not run for a process that is killed. */
  terminate?(reason: TerminateReason, state: State): MaybePromise<void>
}

// oxlint-disable-next-line typescript/no-explicit-any -- the state of a process that is used without its type
export type AnyState = any

/** Options of `GenServer.start`. Times are milliseconds. */
export interface StartOptions<State = AnyState> {
  /** The name of the process while it lives: a name of the system, or a key of `registry`. */
  readonly name?: string
  /**
   * A `RegistryInstance` of the same system that takes the name as a key, instead of the system's names. Needs `name`.
   */
  readonly registry?: Registrar
  /** The metadata of the registration. Needs `registry`. */
  readonly metadata?: unknown
  /** The longest time that `init` may take, in ms. `Infinity` for no limit. Default 5000. */
  readonly initTimeout?: number
  /** Turns exits of linked processes into messages for `handleInfo`, instead of ends of this process. Default false. */
  readonly trapExit?: boolean
  /** The number of messages that may wait in the mailbox. Default: no bound. */
  readonly maxMailbox?: number
  /**
   * Decides about messages to a full mailbox: the sender is refused (`'reject'`, the default), or the oldest or the
   * newest message is dropped.
   */
  readonly overflow?: 'reject' | 'drop-oldest' | 'drop-newest'
  /**
   * Makes a throw in `handleCall` crash the process too (`'crash'`), or only reject the call (`'reply'`, the default).
   */
  readonly onError?: 'reply' | 'crash'
  /**
   * Ends the process, with the reason `normal`, when it has had no message for so long, in ms above 0. Time begins anew
   * when a handler has ended. A process with a call to answer is not idle. Default: it never ends by itself.
   */
  readonly idleTimeoutMs?: number
  /**
   * Runs after `idleTimeoutMs` without a message, instead of the end. Returns the next state, or
   * `GenServer.stopWith(state)`; then a new period begins. Needs `idleTimeoutMs`.
   */
  readonly onIdle?: (state: State) => MaybePromise<NextState<State>>
  /**
   * Decides in which AsyncLocalStorage context `handleCall` and `handleCast` run: in that of the start of the process
   * (`'process'`, the default), or in that of the code that sent the message (`'caller'`). With `'caller'` a request's
   * context reaches the processes that it uses. That costs about a microsecond a message.
   */
  readonly context?: 'process' | 'caller'
  /** The system that the process belongs to. Default: the default system of this environment. */
  readonly system?: System
}

/** Options of `GenServer.call`. */
export interface CallOptions {
  /** The longest time to wait for the reply, in ms. `Infinity` for no limit. Default 5000. */
  readonly timeout?: number
  /** Rejects the call with the signal's reason when it aborts. */
  readonly signal?: AbortSignal
}

/** The status of a process: `'initializing'` until `init` has returned, `'stopping'` while `terminate` runs. */
export type ServerStatus = 'initializing' | 'running' | 'stopping' | 'stopped'

/** Status and counts of a process, for debugging. */
export interface GenServerStatus {
  /** The id of the process. */
  readonly id: string
  /** One of its registered names, if it has any. */
  readonly name: string | undefined
  /** The status of the process. */
  readonly status: ServerStatus
  /** Messages that wait. A call whose caller has given up counts until its turn comes; then it is skipped. */
  readonly queueSize: number
  /** Messages that have been handled. */
  readonly messageCount: number
  /** Wall time of the start, in ms. */
  readonly startedAt: number
  /** The time since the start, in ms of wall time. */
  readonly uptimeMs: number
}

/** Refers to a monitor, for `GenServer.demonitor`. */
export interface MonitorRef {
  /** The id of the monitor; `DOWN` messages have it. */
  readonly monitorId: string
  /** The process that is monitored. */
  readonly monitoredRef: SerializedRef
}

/** Refers to a link, for `GenServer.unlink`. */
export interface LinkRef {
  /** The id of the link. */
  readonly linkId: string
  /** The first of the linked processes. */
  readonly ref1: SerializedRef
  /** The second of the linked processes. */
  readonly ref2: SerializedRef
}

/** Refers to a timer of `GenServer.sendAfter`, for `GenServer.cancelTimer`. */
export interface TimerRef {
  /** The id of the timer. */
  readonly timerId: string
}

/**
 * An event in the life of a process. `name` is that of the process, if it has one. A supervisor's events about a child
 * have its `childId`.
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
      /** A monitor has fired: `monitoredRef` has ended, and `ref` gets the message. */
      readonly type: 'down'
      readonly ref: SerializedRef
      readonly name?: string
      readonly monitoredRef: SerializedRef
      readonly reason: ProcessDownReason
      readonly monitorId: string
    }
  | {
      /** Comes after each `down`, with the same fields: earlier libraries have it under this name. */
      readonly type: 'process_down'
      readonly ref: SerializedRef
      readonly name?: string
      readonly monitoredRef: SerializedRef
      readonly reason: ProcessDownReason
      readonly monitorId: string
    }

/** Receives lifecycle events. What it throws, or rejects with, goes to the system's `onError`. */
export type LifecycleHandler = (event: LifecycleEvent) => unknown
