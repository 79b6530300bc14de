import { Call } from '../../actor/call.ts'
import { RUNNING } from '../../actor/process.ts'
import { callable, isA } from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { call, cast, stop } from './calls.ts'
import { processEvents } from './lifecycle.ts'
import { checkReason } from './exit-reasons.ts'
import { isForeign, processOf } from './ref.ts'
import { demonitor, link, monitor, unlink } from './relations.ts'
import { Continued, NoReply, Stopped } from './callback-results.ts'
import type { GenServerProcess } from './process.ts'
import { self, signal } from './self.ts'
import { start, type SystemArgument, systemFromArgument } from './start.ts'
import { cancelTimer, sendAfter } from './timers.ts'
import type { From, GenServerRef, GenServerStatus, LifecycleHandler, TerminateReason } from './types.ts'

function isRunning(ref: GenServerRef): boolean {
  return !isForeign(ref) && processOf('ref', ref).status === RUNNING
}

function reply(from: From, value: unknown): boolean {
  if (!isA(from, Call)) throw new InvalidArgumentError('from', 'what handleCall was given', from)
  const pending = from as Call
  return (pending.target as GenServerProcess).reply(pending, value)
}

function getState<State>(ref: GenServerRef<State>): State {
  return processOf('ref', ref).state as State
}

function getStatus(ref: GenServerRef): GenServerStatus {
  const server = processOf('ref', ref)
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
 * Runs processes that handle one message at a time; nothing else touches their state. See `docs/semantics.md` for the
 * rules that hold.
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
   * Starts a process and resolves with its ref once `init` has returned a state.
   *
   * @throws InitializationError when `init` fails, takes longer than `initTimeout`, or returns no state.
   * @throws AlreadyRegisteredError when the name is taken.
   */
  start: start as typeof start,
  /**
   * Sends a message and resolves with the reply. Rejects with what `handleCall` threw.
   *
   * @throws ServerNotRunningError when there is no such process, or it ends before it has answered.
   * @throws CallTimeoutError after `timeout`, 5000 ms by default. A call that has not begun by then is never run.
   * @throws CallCycleError at once, when the called process waits for the caller.
   * @throws MailboxFullError when its mailbox is bounded and full.
   */
  call: call as typeof call,
  /**
   * Sends a message without a reply. Returns false when the mailbox is bounded and full. What a process sends to itself
   * in `init` is handled once it has its state.
   *
   * @throws ServerNotRunningError when there is no such process.
   */
  cast: cast as typeof cast,
  /**
   * Returns the ref of the process whose callback runs, also after an `await` in an `async` callback: for `sendAfter`
   * to itself, monitors and names. In `init` the process has not started, and takes messages all the same through
   * `sendAfter`.
   *
   * @throws OutsideHandlerError outside of callbacks of a process.
   * @example
   * ```ts
   * handleCast: (message, state) => {
   *   GenServer.sendAfter(GenServer.self(), 'tick', 1000)
   *   return state
   * }
   * ```
   */
  self: self as typeof self,
  /**
   * Returns a signal for the work of the callback that runs. In `handleCall` it aborts when the call is given up: its
   * time is over, its signal aborted, or the calling process was killed. In every callback it aborts when the process
   * begins to end. Its reason is the error of the caller, or a `ServerNotRunningError`. An answered call aborts
   * nothing. A `handleCall` that throws the reason does not crash the process, also with `onError: 'crash'`.
   *
   * @throws OutsideHandlerError outside of callbacks of a process.
   * @example
   * ```ts
   * handleCall: async (url, state) => [await fetch(url, { signal: GenServer.signal() }), state]
   * ```
   */
  signal: signal as typeof signal,
  /** Replies to a call whose `handleCall` returned `noReply`. Returns false when its caller waits no more. */
  reply: reply as typeof reply,
  /**
   * Ends a process once it has handled what was sent before. Resolves when it has ended, `terminate` included.
   *
   * Rejects with what `terminate` threw.
   */
  stop: stop as typeof stop,
  /** Returns whether a process takes messages. Returns false for a ref of another environment. */
  isRunning: isRunning as typeof isRunning,
  /**
   * Casts a message after `delayMs` milliseconds, on the clock of the process's system: it arrives in `handleCast`,
   * behind the messages that wait. The timer ends with the process.
   */
  sendAfter: sendAfter as typeof sendAfter,
  /** Cancels a timer of `sendAfter`. Returns whether it was still to fire. */
  cancelTimer: cancelTimer as typeof cancelTimer,
  /**
   * Monitors a process: once it has ended, the watcher gets `{ type: 'DOWN' }` in `handleInfo`, and lifecycle listeners
   * get a `down` event. A process that has ended already counts as one that ends now, with `noproc`.
   */
  monitor: monitor as typeof monitor,
  /** Ends a monitor. */
  demonitor: demonitor as typeof demonitor,
  /**
   * Links two processes. When one ends, the other ends too, unless the reason is `normal` or it traps exits; then it
   * gets `{ type: 'EXIT' }` in `handleInfo`.
   */
  link: link as typeof link,
  /** Unlinks two processes. */
  unlink: unlink as typeof unlink,
  /**
   * Calls a listener for each start, crash, end and `DOWN` of the system's processes. The returned function removes it.
   */
  onLifecycleEvent(handler: LifecycleHandler, ...system: SystemArgument): () => void {
    return processEvents.listen(systemFromArgument(system), callable('handler', handler))
  },
  /** Returns the current state, for tests and debugging. */
  getState: getState as typeof getState,
  /** Returns status, mailbox size and counts, for tests and debugging. */
  getStatus: getStatus as typeof getStatus,
  /** Makes a result of `handleCall`: the next state, and a reply that comes later through {@link GenServer.reply}. */
  noReply: <State>(state: State): NoReply<State> => new NoReply(state),
  /**
   * Makes a result of any callback that returns a state: `handleContinue(argument, state)` runs before any other
   * message.
   */
  continueWith: <State>(state: State, argument?: unknown): Continued<State> => new Continued(state, argument),
  /**
   * Makes a result of any callback that returns a state: the process ends. In `handleCall`, a third argument is the
   * reply.
   */
  stopWith: <State>(state: State, reason: TerminateReason = 'normal', ...answer: [unknown?]): Stopped<State> =>
    new Stopped(state, checkReason('reason', reason), answer.length === 0 ? undefined : [answer[0]]),
} as const
