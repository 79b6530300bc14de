import { callable } from '../internal/validate.ts'
import { promiseOf } from '../internal/thenable.ts'
import { call, cast as castMessage, stop as stopServer } from './gen-server/calls.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { InvalidReturnError } from './errors.ts'
import { serviceOf } from './gen-server/ref.ts'
import { startAs } from './gen-server/start.ts'
import type {
  CallOptions,
  CallResult,
  GenServerBehavior,
  GenServerRef,
  StartOptions,
  TerminateReason,
} from './gen-server/types.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- the state of an agent that was looked up without its type
type Any = any
/** A ref that says nothing of its process: `Registry.lookup(name)` gives one. */
type Untyped<Ref> =
  Ref extends GenServerRef<infer State, infer CallMsg> ? (unknown extends State & CallMsg ? Ref : never) : never

type MaybePromise<T> = T | Promise<T>
type Step<State> = (state: State) => MaybePromise<CallResult<unknown, State>>
type Change<State> = (state: State) => MaybePromise<State>

/** Names an agent. Opaque, as every ref. */
export interface AgentRef<State> extends GenServerRef<State, Step<State>, Change<State>> {
  readonly id: string
}

/** Runs the functions that it is sent. */
class AgentBehavior<State> implements GenServerBehavior<State, Step<State>, Change<State>> {
  readonly init: () => MaybePromise<State>

  constructor(init: () => MaybePromise<State>) {
    this.init = init
  }

  handleCall(step: Step<State>, state: State): MaybePromise<CallResult<unknown, State>> {
    return asFunction(step)(state)
  }

  handleCast(change: Change<State>, state: State): MaybePromise<State> {
    return asFunction(change)(state)
  }
}

/** Refuses a message that `GenServer.call` or `cast` brought, and not a function of this module. */
function asFunction<F>(message: F): F {
  if (typeof message === 'function') return message
  throw new InvalidArgumentError('message', 'a function, as Agent sends', message)
}

/** Refuses refs of other processes, which do not expect functions. */
function agent<State>(ref: AgentRef<State>): AgentRef<State> {
  serviceOf(AgentBehavior, 'an Agent', ref)
  return ref
}

/** What errors call it. */
const AGENT = { kind: 'Agent' }

/** What `make` makes of a value, now or once it is there. The state itself is there, whatever it looks like. */
function after<State, T, U>(value: MaybePromise<T>, state: State, make: (value: T) => U): MaybePromise<U> {
  const pending = (value as unknown) === state ? undefined : promiseOf(value)
  return pending === undefined ? make(value as T) : pending.then((made) => make(made as T))
}

async function start<State>(init: () => MaybePromise<State>, options?: StartOptions): Promise<AgentRef<State>> {
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
  reader: (state: Any) => MaybePromise<Result>,
  options?: CallOptions,
): Promise<Result>
async function get<Result>(
  ref: AgentRef<Any>,
  reader: (state: Any) => MaybePromise<Result>,
  options?: CallOptions,
): Promise<Result> {
  callable('reader', reader)
  const step: Step<Any> = (state) => after(reader(state), state, (result) => [result, state])
  return call(agent(ref), step, options) as Promise<Result>
}

function update<State>(
  ref: AgentRef<State>,
  updater: (state: State) => MaybePromise<State>,
  options?: CallOptions,
): Promise<void>
function update<Ref extends GenServerRef>(
  ref: Untyped<Ref>,
  updater: (state: Any) => unknown,
  options?: CallOptions,
): Promise<void>
async function update(ref: AgentRef<Any>, updater: (state: Any) => Any, options?: CallOptions): Promise<void> {
  callable('updater', updater)
  const step: Step<Any> = (state) =>
    after(updater(state), state, (next) => {
      if (next === undefined) throw new InvalidReturnError(ref.id, 'update', 'the next state', AGENT)
      return [undefined, next]
    })
  await call(agent(ref), step, options)
}

function getAndUpdate<State, Result>(
  ref: AgentRef<State>,
  updater: (state: State) => MaybePromise<readonly [result: Result, state: State]>,
  options?: CallOptions,
): Promise<Result>
function getAndUpdate<Ref extends GenServerRef, Result>(
  ref: Untyped<Ref>,
  updater: (state: Any) => MaybePromise<readonly [result: Result, state: unknown]>,
  options?: CallOptions,
): Promise<Result>
async function getAndUpdate<Result>(
  ref: AgentRef<Any>,
  updater: (state: Any) => MaybePromise<readonly [result: Result, state: Any]>,
  options?: CallOptions,
): Promise<Result> {
  callable('updater', updater)
  const step: Step<Any> = (state) =>
    after(updater(state), state, (both) => {
      if (Array.isArray(both) && both.length === 2 && both[1] !== undefined) return both
      throw new InvalidReturnError(ref.id, 'getAndUpdate', '[result, state], with a state', AGENT)
    })
  return call(agent(ref), step, options) as Promise<Result>
}

function cast<State>(ref: AgentRef<State>, updater: (state: State) => MaybePromise<State>): boolean
function cast<Ref extends GenServerRef>(ref: Untyped<Ref>, updater: (state: Any) => unknown): boolean
function cast(ref: AgentRef<Any>, updater: (state: Any) => Any): boolean {
  callable('updater', updater)
  return castMessage(agent(ref), updater)
}

function stop<State>(ref: AgentRef<State>, reason?: TerminateReason): Promise<void>
function stop<Ref extends GenServerRef>(ref: Untyped<Ref>, reason?: TerminateReason): Promise<void>
async function stop(ref: AgentRef<Any>, reason?: TerminateReason): Promise<void> {
  return stopServer(agent(ref), reason)
}

/**
 * State behind functions: a process that holds a value and runs what it is sent, one function at a time. A function
 * that returns a promise is waited for, and until then nothing else runs. The state may be anything but `undefined`.
 *
 * `get`, `update` and `getAndUpdate` reject with what their function threw, and the state is as before; they reject as
 * `GenServer.call` does when the agent is not there, is too slow (`timeout`, 5000 ms by default) or waits for the caller.
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
   * Starts an agent with the state that `init` makes; takes the options of `GenServer.start`.
   *
   * @throws InitializationError when `init` fails, takes too long or makes no state.
   * @throws AlreadyRegisteredError when the name is taken.
   */
  start: start as typeof start,
  /** What the function makes of the state, which stays as it is. */
  get: get as typeof get,
  /**
   * Replaces the state by what the function makes of it. Resolves when that has happened.
   *
   * @throws InvalidReturnError when it makes no state.
   */
  update: update as typeof update,
  /**
   * Resolves with the first of what the function makes, `[result, state]`; the second becomes the state.
   *
   * @throws InvalidReturnError when it makes something else.
   */
  getAndUpdate: getAndUpdate as typeof getAndUpdate,
  /**
   * The same as `update`, but nobody waits: a function that throws, or makes no state, crashes the agent. False when
   * the mailbox is bounded and full.
   *
   * @throws ServerNotRunningError when there is no such agent.
   */
  cast: cast as typeof cast,
  /** Ends it once it has run what was sent before. Resolves when it has ended. */
  stop: stop as typeof stop,
} as const
