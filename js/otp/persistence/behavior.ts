import type { MaybePromise } from '../../internal/maybe-promise.ts'
import type { From, Info, StartOptions, TerminateReason } from '../gen-server/types.ts'
import type { PersistOptions } from './types.ts'

/** Options of `GenServer.start` for a persistent process. */
export interface PersistentStartOptions<State, Event> extends StartOptions<State> {
  /** Keeps the state of the process as the events of a stream. */
  readonly persist: PersistOptions<State, Event>
}

/** A result of a callback of a persistent process. */
export interface PersistentResult<State, Event> {
  /** The events to append and apply, all or none: one, or a list. Default: none. */
  readonly events?: Event | readonly Event[]
  /**
   * Runs once the events are on disk and the reply is sent, before any other message, with the new state. It does not
   * run when the process starts again. What it throws crashes the process.
   */
  readonly after?: (state: State) => MaybePromise<void>
  /** Ends the process with this reason, once the events are on disk and the reply is sent. */
  readonly stop?: TerminateReason
}

/** A result of `handleCall` of a persistent process. */
export interface PersistentCallResult<State, Event, CallReply> extends PersistentResult<State, Event> {
  /** The reply. The caller gets it once the events are on disk. Default `undefined`. */
  readonly reply?: CallReply
  /** Makes the reply of the new state, instead of `reply`. */
  readonly replyWith?: (state: State) => CallReply
}

/**
 * The callbacks of a persistent process. They return events and change no state: `apply` makes the next state of the
 * events. A callback that returns `undefined` appends nothing. A throw appends nothing; in `handleCall` it rejects that
 * call, and anywhere else it crashes the process.
 */
export interface PersistentBehavior<State, Event, CallMsg = unknown, CastMsg = unknown, CallReply = unknown> {
  /** Handles a call: decides, and returns the events and the reply. */
  handleCall?(
    message: CallMsg,
    state: State,
    from: From,
  ): MaybePromise<PersistentCallResult<State, Event, CallReply> | undefined>
  /** Handles a message without a reply. */
  handleCast?(message: CastMsg, state: State): MaybePromise<PersistentResult<State, Event> | undefined>
  /** Handles exits of linked processes (with `trapExit`) and of monitored ones. Default: nothing happens. */
  handleInfo?(info: Info, state: State): MaybePromise<PersistentResult<State, Event> | undefined>
  /** Cleans up with the last state. */
  terminate?(reason: TerminateReason, state: State): MaybePromise<void>
}
