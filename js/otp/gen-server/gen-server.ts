import type { Call } from '../../actor/call.ts'
import { Call as PendingCall } from '../../actor/call.ts'
import { RUNNING } from '../../actor/process.ts'
import { callable, isA } from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { call, cast, stop } from './calls.ts'
import { onLifecycle } from './lifecycle.ts'
import { checkReason } from './exit-reasons.ts'
import { isForeign, serverOf } from './ref.ts'
import { demonitor, link, monitor, unlink } from './relations.ts'
import { Continued, NoReply, Stopped } from './callback-results.ts'
import type { Server } from './process.ts'
import { start, type SystemGiven, systemGiven } from './start.ts'
import { cancelTimer, sendAfter } from './timers.ts'
import type { From, GenServerRef, GenServerStatus, LifecycleHandler, TerminateReason } from './types.ts'

function isRunning(ref: GenServerRef): boolean {
  return !isForeign(ref) && serverOf('ref', ref).status === RUNNING
}

function reply(from: From, value: unknown): boolean {
  if (!isA(from, PendingCall)) throw new InvalidArgumentError('from', 'what handleCall was given', from)
  const { target } = from as Call
  return (target as Server).reply(from as Call, value)
}

function getState<State>(ref: GenServerRef<State>): State {
  return serverOf('ref', ref).state as State
}

function getStatus(ref: GenServerRef): GenServerStatus {
  const server = serverOf('ref', ref)
  return {
    id: server.id,
    name: server.name,
    status: server.statusName,
    queueSize: server.isAlive ? server.runtime.mailboxSize(server) : 0,
    messageCount: server.messageCount,
    startedAt: server.startedAt,
    uptimeMs: server.system.clock.now().wallMs - server.startedAt,
  }
}

/**
 * Processes that handle one message at a time: nothing else ever touches their state. See `docs/semantics.md` for what
 * they promise.
 *
 * @example
 * ```ts
 * const counter = await GenServer.start({
 *   init: () => 0,
 *   handleCall: (message, count) => [count, count],
 *   handleCast: (message, count) => count + 1,
 * })
 * GenServer.cast(counter, 'increment')
 * console.log(await GenServer.call(counter, 'get')) // 1
 * await GenServer.stop(counter)
 * ```
 */
export const GenServer = {
  /**
   * Starts a process and resolves once its `init` has made a state.
   *
   * @throws InitializationError when `init` fails, takes longer than `initTimeout` or makes no state.
   * @throws AlreadyRegisteredError when the name is taken.
   */
  start: start as typeof start,
  /**
   * Sends a message and resolves with the reply; rejects with what `handleCall` threw.
   *
   * @throws ServerNotRunningError when there is no such process, or it ends before it has answered.
   * @throws CallTimeoutError after `timeout`, 5000 ms by default. A call that has not begun by then is never run.
   * @throws CallCycleError at once, when the called process waits for the caller.
   * @throws MailboxFullError when its mailbox is bounded and full.
   */
  call: call as typeof call,
  /**
   * Sends a message that nobody waits for. False when the mailbox is bounded and full.
   *
   * @throws ServerNotRunningError when there is no such process.
   */
  cast: cast as typeof cast,
  /** Answers a call whose `handleCall` returned `noReply`. False when its caller waits no more. */
  reply: reply as typeof reply,
  /** Ends a process once it has handled what was sent before. Resolves when it has ended, `terminate` included. */
  stop: stop as typeof stop,
  /** Returns whether it can be sent to. False for a ref that is not of this environment. */
  isRunning: isRunning as typeof isRunning,
  /** Casts a message later, on the clock of the process's system; dropped if it has ended by then. */
  sendAfter: sendAfter as typeof sendAfter,
  /** Whether the timer was still to fire. */
  cancelTimer: cancelTimer as typeof cancelTimer,
  /**
   * Tells the first process, and the lifecycle listeners, once when the second ends; at once, with `noproc`, when it has.
   * The first gets `{ type: 'DOWN' }` in `handleInfo`.
   */
  monitor: monitor as typeof monitor,
  /** Ends a monitor. */
  demonitor: demonitor as typeof demonitor,
  /** Ties two processes together: the end of one, unless it is normal, ends the other, or tells it if it traps exits. */
  link: link as typeof link,
  /** Ends a link. */
  unlink: unlink as typeof unlink,
  /** Tells of each start, crash, end and `DOWN`. Returns a function that ends it. */
  onLifecycleEvent(handler: LifecycleHandler, ...system: SystemGiven): () => void {
    return onLifecycle(systemGiven(system), callable('handler', handler))
  },
  /** Its state, to look at. */
  getState: getState as typeof getState,
  /** What it is doing, to look at. */
  getStatus: getStatus as typeof getStatus,
  /** For `handleCall`: the state changes, and the answer comes later through {@link GenServer.reply}. */
  noReply: <State>(state: State): NoReply<State> => new NoReply(state),
  /** For any callback that makes a state: `handleContinue(argument, state)` runs before any other message. */
  continueWith: <State>(state: State, argument?: unknown): Continued<State> => new Continued(state, argument),
  /** For any callback that makes a state: the process ends; in `handleCall`, after an answer, if there is one. */
  stopWith: <State>(state: State, reason: TerminateReason = 'normal', ...answer: [unknown?]): Stopped<State> =>
    new Stopped(state, checkReason('reason', reason), answer.length === 0 ? undefined : [answer[0]]),
} as const
