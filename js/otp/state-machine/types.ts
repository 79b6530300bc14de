import type { MaybePromise } from '../../internal/maybe-promise.ts'
import type { From, GenServerRef, Info, StartOptions, TerminateReason } from '../gen-server/types.ts'

/** The state and the data of a machine, as `GenServer.getState` returns them. */
export interface MachineState<State extends string = string, Data = unknown> {
  /** The name of the state. */
  readonly state: State
  /** The data. */
  readonly data: Data
}

/** Refers to a state machine, which is a process like any other. */
export type StateMachineRef<
  State extends string = string,
  Data = unknown,
  CallMsg = unknown,
  CastMsg = unknown,
  CallReply = unknown,
> = GenServerRef<MachineState<State, Data>, CallMsg, CastMsg, CallReply>

/** Options of `StateMachine.start`: those of `GenServer.start` but `onIdle`, which timeouts make needless. */
export type StateMachineOptions = Omit<StartOptions, 'onIdle'>

/** A timeout with a message for its handler. */
export interface TimeoutEvent {
  /** The time, in ms from 0. `Infinity` cancels. */
  readonly afterMs: number
  /** The message for the handler. Default `undefined`. */
  readonly message?: unknown
}

/** A timeout: a time in ms, a time with a message, or `null`, which cancels the one that runs. */
export type TimeoutSetting = number | TimeoutEvent | null

/** The timeouts that a callback starts, restarts or cancels. Of one kind and name, one runs at a time. */
export interface TimeoutActions {
  /** Calls `handleStateTimeout` after so long in the state that the machine is in then. A state change cancels it. */
  readonly stateTimeout?: TimeoutSetting
  /** Calls `handleEventTimeout` unless another event comes first: any event cancels it. */
  readonly eventTimeout?: TimeoutSetting
  /** Calls `handleTimeout`, by name. Neither events nor state changes cancel these. */
  readonly timeouts?: Readonly<Record<string, TimeoutSetting>>
}

/** The result of `enter`. A state cannot be left, and no event postponed, while it is entered. */
export interface EnterOutcome<Data> extends TimeoutActions {
  /** The next data. Left out: the data stays. */
  readonly data?: Data
  /** Replies to calls, in order. */
  readonly replies?: readonly (readonly [from: From, reply: unknown])[]
}

/** The result of a handler. An empty object keeps state and data. */
export interface Outcome<State extends string, Data> extends EnterOutcome<Data> {
  /** The next state. Another one than the present is a state change; left out, or the same: the state stays. */
  readonly next?: State
  /** Calls `enter` again where the state stays. Default false. */
  readonly repeat?: boolean
  /** The reply to the call that is handled. */
  readonly reply?: unknown
  /** Keeps the event. It is handled again after the next state change, before events that came later. */
  readonly postpone?: boolean
  /** Messages for `handleInternal`, which are handled before everything that waits, in this order. */
  readonly events?: readonly unknown[]
  /** Ends the machine with this reason, after the replies. */
  readonly stop?: TerminateReason
}

/** The result of `init`. */
export interface MachineStart<State extends string, Data> extends TimeoutActions {
  /** The first state. Its `enter` is called before any event. */
  readonly state: State
  /** The first data. */
  readonly data: Data
  /** Messages for `handleInternal`, which are handled before anything else. */
  readonly events?: readonly unknown[]
}

/**
 * The handlers of a state. Each may be asynchronous: events wait meanwhile. A throw in `handleCall` rejects that call,
 * and state and data stay. A throw anywhere else crashes the machine.
 */
export interface StateHandlers<
  State extends string = string,
  Data = unknown,
  CallMsg = unknown,
  CastMsg = unknown,
  CallReply = unknown,
> {
  /** Runs when the state is entered; at the start, `previous` is the state itself. It may return nothing. */
  enter?(data: Data, previous: State, state: State): MaybePromise<EnterOutcome<Data> | void>
  /** Handles a call. Returns an outcome with a `reply`, or replies later: by `replies`, or `GenServer.reply`. */
  handleCall?(
    message: CallMsg,
    data: Data,
    from: From,
    state: State,
  ): MaybePromise<Outcome<State, Data> & { readonly reply?: CallReply }>
  /** Handles a cast, also one of `GenServer.sendAfter`. */
  handleCast?(message: CastMsg, data: Data, state: State): MaybePromise<Outcome<State, Data>>
  /** Handles exits of linked processes (with `trapExit`) and of monitored ones. Default: they are ignored. */
  handleInfo?(info: Info, data: Data, state: State): MaybePromise<Outcome<State, Data>>
  /** Handles a message of `events`. */
  handleInternal?(message: unknown, data: Data, state: State): MaybePromise<Outcome<State, Data>>
  /** Handles a state timeout. */
  handleStateTimeout?(message: unknown, data: Data, state: State): MaybePromise<Outcome<State, Data>>
  /** Handles an event timeout. */
  handleEventTimeout?(message: unknown, data: Data, state: State): MaybePromise<Outcome<State, Data>>
  /** Handles a timeout with a name. */
  handleTimeout?(name: string, message: unknown, data: Data, state: State): MaybePromise<Outcome<State, Data>>
}

/** The states of a machine and what it does in each. */
export interface StateMachineBehavior<
  State extends string = string,
  Data = unknown,
  CallMsg = unknown,
  CastMsg = unknown,
  CallReply = unknown,
> {
  /** Returns the first state and data. */
  init(): MaybePromise<MachineStart<NoInfer<State>, Data>>
  /** The handlers of each state. */
  readonly states: { readonly [Name in State]: StateHandlers<NoInfer<State>, Data, CallMsg, CastMsg, CallReply> }
  /** The handlers of events for which the present state has none. */
  readonly common?: StateHandlers<NoInfer<State>, Data, CallMsg, CastMsg, CallReply>
  /** Cleans up with the last data and state. Does not run for a machine that is killed. */
  terminate?(reason: TerminateReason, data: Data, state: State): MaybePromise<void>
}
