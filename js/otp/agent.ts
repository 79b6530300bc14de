import { callable } from '../internal/validate.ts'
import type { MaybePromise } from '../internal/maybe-promise.ts'
import { promiseOf } from '../internal/thenable.ts'
import { call, cast as castMessage, stop as stopServer } from './gen-server/calls.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { InvalidReturnError } from './errors.ts'
import { serviceOf } from './gen-server/ref.ts'
import { startAs } from './gen-server/start.ts'
import type {
  AnyState,
  CallOptions,
  CallResult,
  GenServerBehavior,
  GenServerRef,
  StartOptions,
  TerminateReason,
} from './gen-server/types.ts'

/** A ref without types, as `Registry.lookup(name)` returns it. */
type Untyped<Ref> =
  Ref extends GenServerRef<infer State, infer CallMsg> ? (unknown extends State & CallMsg ? Ref : never) : never

type AgentCall<State> = (state: State) => MaybePromise<CallResult<unknown, State>>
type AgentCast<State> = (state: State) => MaybePromise<State>

/** Refers to an agent. */
export interface AgentRef<State> extends GenServerRef<State, AgentCall<State>, AgentCast<State>> {
  /** The id of the process. */
  readonly id: string
}

/** Runs the functions that `Agent` sends as messages. */
class AgentBehavior<State> implements GenServerBehavior<State, AgentCall<State>, AgentCast<State>> {
  readonly init: () => MaybePromise<State>

  constructor(init: () => MaybePromise<State>) {
    this.init = init
  }

  handleCall(step: AgentCall<State>, state: State): MaybePromise<CallResult<unknown, State>> {
    return asFunction(step)(state)
  }

  handleCast(change: AgentCast<State>, state: State): MaybePromise<State> {
    return asFunction(change)(state)
  }
}

/** Refuses a message that `GenServer.call` or `GenServer.cast` sent, which is no function. */
function asFunction<F>(message: F): F {
  if (typeof message === 'function') return message
  throw new InvalidArgumentError('message', 'a function, as Agent sends', message)
}

/** Refuses refs of other processes: they do not run functions. */
function assertAgent<State>(ref: AgentRef<State>): AgentRef<State> {
  serviceOf(AgentBehavior, 'an Agent', ref)
  return ref
}

/** The word for agents in errors. */
const AGENT = { kind: 'Agent' }

/**
 * Applies a function to a result, now or once its promise resolves. The state itself is not awaited, even when it has a
 * `then`.
 */
function mapResult<State, T, U>(value: MaybePromise<T>, state: State, map: (value: T) => U): MaybePromise<U> {
  const pending = (value as unknown) === state ? undefined : promiseOf(value)
  return pending === undefined ? map(value as T) : pending.then((resolved) => map(resolved as T))
}

async function start<State>(
  init: () => MaybePromise<State>,
  options?: StartOptions<NoInfer<State>>,
): Promise<AgentRef<State>> {
  callable('init', init)
  return startAs(AGENT.kind, new AgentBehavior(init), options)
}

function get<State, Result>(
  ref: AgentRef<State>,
  reader: (state: State) => MaybePromise<Result>,
  options?: CallOptions,
): Promise<Result>
function get<Ref extends GenServerRef, Result>(
  ref: Untyped<Ref>,
  reader: (state: AnyState) => MaybePromise<Result>,
  options?: CallOptions,
): Promise<Result>
async function get<Result>(
  ref: AgentRef<AnyState>,
  reader: (state: AnyState) => MaybePromise<Result>,
  options?: CallOptions,
): Promise<Result> {
  callable('reader', reader)
  const step: AgentCall<AnyState> = (state) => mapResult(reader(state), state, (result) => [result, state])
  return call(assertAgent(ref), step, options) as Promise<Result>
}

function update<State>(
  ref: AgentRef<State>,
  updater: (state: State) => MaybePromise<State>,
  options?: CallOptions,
): Promise<void>
function update<Ref extends GenServerRef>(
  ref: Untyped<Ref>,
  updater: (state: AnyState) => unknown,
  options?: CallOptions,
): Promise<void>
async function update(
  ref: AgentRef<AnyState>,
  updater: (state: AnyState) => AnyState,
  options?: CallOptions,
): Promise<void> {
  callable('updater', updater)
  const step: AgentCall<AnyState> = (state) =>
    mapResult(updater(state), state, (next) => {
      if (next === undefined) throw new InvalidReturnError(ref.id, 'update', 'the next state', AGENT)
      return [undefined, next]
    })
  await call(assertAgent(ref), step, options)
}

function getAndUpdate<State, Result>(
  ref: AgentRef<State>,
  updater: (state: State) => MaybePromise<readonly [result: Result, state: State]>,
  options?: CallOptions,
): Promise<Result>
function getAndUpdate<Ref extends GenServerRef, Result>(
  ref: Untyped<Ref>,
  updater: (state: AnyState) => MaybePromise<readonly [result: Result, state: unknown]>,
  options?: CallOptions,
): Promise<Result>
async function getAndUpdate<Result>(
  ref: AgentRef<AnyState>,
  updater: (state: AnyState) => MaybePromise<readonly [result: Result, state: AnyState]>,
  options?: CallOptions,
): Promise<Result> {
  callable('updater', updater)
  const step: AgentCall<AnyState> = (state) =>
    mapResult(updater(state), state, (both) => {
      if (Array.isArray(both) && both.length === 2 && both[1] !== undefined) return both
      throw new InvalidReturnError(ref.id, 'getAndUpdate', '[result, state], with a state', AGENT)
    })
  return call(assertAgent(ref), step, options) as Promise<Result>
}

function cast<State>(ref: AgentRef<State>, updater: (state: State) => MaybePromise<State>): boolean
function cast<Ref extends GenServerRef>(ref: Untyped<Ref>, updater: (state: AnyState) => unknown): boolean
function cast(ref: AgentRef<AnyState>, updater: (state: AnyState) => AnyState): boolean {
  callable('updater', updater)
  return castMessage(assertAgent(ref), updater)
}

function stop<State>(ref: AgentRef<State>, reason?: TerminateReason): Promise<void>
function stop<Ref extends GenServerRef>(ref: Untyped<Ref>, reason?: TerminateReason): Promise<void>
async function stop(ref: AgentRef<AnyState>, reason?: TerminateReason): Promise<void> {
  return stopServer(assertAgent(ref), reason)
}

/**
 * Holds a state behind functions: a process that runs the functions it is sent, one at a time. A function that returns
 * a promise is awaited, and until then nothing else runs. The state may be anything but `undefined`.
 *
 * `get`, `update` and `getAndUpdate` reject with what their function threw, and the state is unchanged. They reject as
 * `GenServer.call` does when the agent is not there, is too slow (`timeout`, 5000 ms by default) or waits for the
 * caller.
 *
 * @example
 * ```ts
 * const cart = await Agent.start(() => ['apple'])
 * await Agent.update(cart, (items) => [...items, 'pear'])
 * console.log(await Agent.get(cart, (items) => items.length)) // 2
 * await Agent.stop(cart)
 * ```
 */
export const Agent = {
  /**
   * Starts an agent with the state that `init` returns. Takes the options of `GenServer.start`.
   *
   * @throws InitializationError when `init` fails, takes too long or returns no state.
   * @throws AlreadyRegisteredError when the name is taken.
   */
  start: start as typeof start,
  /** Resolves with the function's result for the state, which stays as it is. */
  get: get as typeof get,
  /**
   * Replaces the state by the function's result. Resolves when that has happened.
   *
   * @throws InvalidReturnError when the result is `undefined`.
   */
  update: update as typeof update,
  /**
   * Calls a function that returns `[result, state]`: the state is replaced, and the promise resolves with the result.
   *
   * @throws InvalidReturnError when the function returns something else.
   */
  getAndUpdate: getAndUpdate as typeof getAndUpdate,
  /**
   * Replaces the state by the function's result, without a reply. A function that throws or returns no state crashes
   * the agent. Returns false when the mailbox is bounded and full.
   *
   * @throws ServerNotRunningError when there is no such agent.
   */
  cast: cast as typeof cast,
  /** Does the same as `cast`, under the name that users of earlier libraries know. */
  castUpdate: cast as typeof cast,
  /** Ends the agent once it has run what was sent before. Resolves when it has ended. */
  stop: stop as typeof stop,
} as const
