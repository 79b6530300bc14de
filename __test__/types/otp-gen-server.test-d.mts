// What a consumer's compiler has to accept of GenServer, and what it has to refuse.
import {
  type CallOptions,
  type ExitSignal,
  GenServer,
  type GenServerBehavior,
  type GenServerRef,
  type GenServerStatus,
  type Info,
  isCallCycleError,
  isCallTimeoutError,
  isInitializationError,
  type LifecycleEvent,
  type LinkRef,
  type MonitorRef,
  type Replies,
  type StartOptions,
  type TerminateReason,
  type TimerRef,
} from 'keelson/otp'
import { createSystem } from 'keelson/system'

const system = createSystem({ closeTimeout: 1000 })
const options: StartOptions = {
  name: 'counter',
  initTimeout: Infinity,
  trapExit: true,
  maxMailbox: 100,
  overflow: 'drop-oldest',
  onError: 'crash',
  system,
}
const behavior: GenServerBehavior<number, 'get' | 'later' | 'stop', 'add', number> = {
  init: () => GenServer.continueWith(0, 'load'),
  handleContinue: (_argument: unknown, count) => count,
  handleCall(message, count, from) {
    if (message === 'stop') return GenServer.stopWith(count, 'normal', count)
    if (message === 'get') return [count, count]
    GenServer.reply(from, count) satisfies boolean
    return GenServer.noReply(count)
  },
  handleCast: (message, count) => (message === 'add' ? count + 1 : count),
  handleInfo(info: Info, count) {
    if (info.type === 'EXIT') (info satisfies ExitSignal).from.id satisfies string
    else info.monitorId satisfies string
    return count
  },
  terminate: async (reason: TerminateReason, count: number) => void [reason, count],
}
const ref: GenServerRef<number, 'get' | 'later' | 'stop', 'add', number> = await GenServer.start(behavior, options)
const call: CallOptions = { timeout: Infinity, signal: new AbortController().signal }
const reply: number = await GenServer.call(ref, 'get', call)
const sent: boolean = GenServer.cast(ref, 'add')
const timer: TimerRef = GenServer.sendAfter(ref, 'add', 5)
const wasPending: boolean = GenServer.cancelTimer(timer)
const monitor: MonitorRef = await GenServer.monitor(ref, ref)
await GenServer.demonitor(monitor)
const link: LinkRef = await GenServer.link(ref, ref)
await GenServer.unlink(link)
const state: number = GenServer.getState(ref)
const status: GenServerStatus = GenServer.getStatus(ref)
const off: () => void = GenServer.onLifecycleEvent((event: LifecycleEvent) => {
  if (event.type === 'crashed') event.error satisfies Error
  if (event.type === 'down') event.monitoredRef.id satisfies string
  if (event.type === 'restarted') event.attempt satisfies number
}, system)
await GenServer.stop(ref, { error: new Error('why') })
await GenServer.stop(ref, 'shutdown')
const isRunning: boolean = GenServer.isRunning(ref)
declare const error: unknown
if (isCallTimeoutError(error)) error.timeoutMs satisfies number
if (isCallCycleError(error)) error.callerId satisfies string
if (isInitializationError(error)) error.cause satisfies Error
void [reply, sent, wasPending, state, status, off, isRunning]

// @ts-expect-error: not a message that it understands
void GenServer.call(ref, 'add')
// @ts-expect-error: not a cast that it understands
GenServer.cast(ref, 'get')
// @ts-expect-error: what is sent later has to be understood, too
GenServer.sendAfter(ref, 'get', 5)
// @ts-expect-error: the state is a number
void GenServer.start<number>({ ...behavior, init: () => 'none' })
// @ts-expect-error: a reply comes with a state
void GenServer.start<number, 'x'>({ init: () => 0, handleCast: (_, n) => n, handleCall: () => 5 })
// Both handlers may be left out.
void GenServer.start<number>({ init: () => 0, handleCast: (_, n) => n })
void GenServer.start({ init: () => 0 })
// @ts-expect-error: init is needed
void GenServer.start({ handleCast: (_: unknown, n: number) => n })
// @ts-expect-error: the state of onIdle is that of init
void GenServer.start({ init: () => 0 }, { idleTimeoutMs: 5, onIdle: (text: string) => text })
void GenServer.start({ init: () => 0 }, { idleTimeoutMs: 5, onIdle: (count) => GenServer.stopWith(count + 1) })
GenServer.self().id satisfies string
GenServer.signal().aborted satisfies boolean

// The reply to each message has its type, by the message or its `type`.
type Withdraw = { type: 'withdraw'; amount: number }
type AccountReplies = Replies<{ balance: number; withdraw: { left: number }; close: void }>
const account: GenServerBehavior<number, 'balance' | Withdraw | { type: 'close' }, never, AccountReplies> = {
  init: () => 0,
  handleCall(message, balance) {
    if (message === 'balance') return [balance, balance]
    return message.type === 'close' ? [undefined, balance] : [{ left: balance - message.amount }, balance]
  },
}
const accountRef = await GenServer.start(account)
const balance: number = await GenServer.call(accountRef, 'balance')
const left: { left: number } = await GenServer.call(accountRef, { type: 'withdraw', amount: 3 })
const closed: void = await GenServer.call(accountRef, { type: 'close' }, { timeout: 5 })
// @ts-expect-error: a balance is a number
const wrongReply: string = await GenServer.call(accountRef, 'balance')
// @ts-expect-error: not a message that it understands
void GenServer.call(accountRef, 'open')
// @ts-expect-error: a reply of no message
void GenServer.start<number, 'balance', never, AccountReplies>({ init: () => 0, handleCall: () => ['none', 0] })
// Without a map, a reply has the type that handleCall returns, also behind functions of one's own.
async function ask<S, C, K, R>(anyRef: GenServerRef<S, C, K, R>, message: C): Promise<R> {
  return GenServer.call(anyRef, message)
}
const asked: number = await ask(ref, 'get')
const untyped: unknown = await GenServer.call(accountRef as GenServerRef, 5)
const explicit: number = await GenServer.call<number, 'get' | 'later' | 'stop', 'add', number>(ref, 'get')
declare const looked: GenServerRef<any, any, any, any> // oxlint-disable-line typescript/no-explicit-any -- an untyped ref
const ofAny: number = await GenServer.call(looked, 'anything')
void [balance, left, closed, wrongReply, asked, untyped, explicit, ofAny]
GenServer.onLifecycleEvent((event) => event.type === 'process_down' && event.monitoredRef.id)
// @ts-expect-error: there is no such event
GenServer.onLifecycleEvent((event) => event.type === 'server_down')
