import type { Call } from '../../actor/call.ts'
import { isAsyncFunction } from '../../actor/call-context.ts'
import { RUNNING } from '../../actor/process.ts'
import { soon } from '../../clock/host.ts'
import type { TimerHandle } from '../../clock/types.ts'
import type { MaybePromise } from '../../internal/maybe-promise.ts'
import { promiseOf } from '../../internal/thenable.ts'
import { InvalidReturnError, NotHandledError } from '../errors.ts'
import { Continued, NoReply, Stopped } from '../gen-server/callback-results.ts'
import type { GenServerProcess } from '../gen-server/process.ts'
import type { From, GenServerBehavior, Info, TerminateReason } from '../gen-server/types.ts'
import {
  checkEnter,
  type CheckedOutcome,
  checkMachineStart,
  checkOutcome,
  EVENT_SLOT,
  STATE_SLOT,
  type TimeoutOrder,
} from './outcome.ts'
import type { MachineState, StateHandlers, StateMachineBehavior } from './types.ts'

type Handlers = StateHandlers<string, unknown>
type Handler = Exclude<keyof Handlers, 'enter'>
/** The result of a message: the state of the machine, or its end. */
type Settled = MachineState | Stopped<MachineState>

/** Something for the machine to handle. */
interface MachineEvent {
  readonly handler: Handler
  readonly message: unknown
  /** The call, if it is one. */
  readonly call?: Call
  /** The timeout, if it is one. */
  readonly timeout?: RunningTimeout
}

/** A timeout that was started, until its event is handled or it is cancelled. */
interface RunningTimeout extends TimeoutOrder {
  timer: TimerHandle | undefined
}

/** The message with which the timer of a timeout reaches its machine. */
class TimeoutMessage {
  readonly timeout: RunningTimeout

  constructor(timeout: RunningTimeout) {
    this.timeout = timeout
  }
}

/** The number of events without a message between them after which the event loop turns. */
const MOST_EVENTS = 1024

/** The result of a call whose reply has been given, or comes later. */
const withoutReply = (result: Settled): NoReply<MachineState> | Stopped<MachineState> =>
  Stopped.is(result) ? (result as Stopped<MachineState>) : new NoReply(result as MachineState)

const handlerOfSlot = (slot: string): Handler =>
  slot === STATE_SLOT ? 'handleStateTimeout' : slot === EVENT_SLOT ? 'handleEventTimeout' : 'handleTimeout'

/**
 * Runs a state machine by the rules of Erlang's `gen_statem`, as the behaviour of a process. A message of the process is
 * an event; all that follows from it, the events that were postponed and those of its own, is handled before the next
 * message.
 */
export class MachineBehavior implements GenServerBehavior<MachineState> {
  readonly init: () => MaybePromise<Continued<MachineState>>
  readonly terminate: (reason: TerminateReason) => MaybePromise<void>
  /** The process of the machine; set before anything runs. */
  server!: GenServerProcess
  readonly #states: ReadonlyMap<string, Handlers>
  readonly #common: Handlers | undefined
  #current: MachineState = { state: '', data: undefined }
  /** Events that are handled before the next message, in order. */
  readonly #queue: MachineEvent[] = []
  /** Events that are handled again after the next state change, in order. */
  #postponed: MachineEvent[] = []
  /** Timeouts that run, by slot. */
  readonly #timeouts = new Map<string, RunningTimeout>()
  #stop: TerminateReason | undefined
  /** The number of events since the last message, or the last turn of the event loop. */
  #handled = 0

  constructor(behavior: StateMachineBehavior) {
    this.#states = new Map(Object.entries(behavior.states))
    this.#common = behavior.common
    const begin = (): MaybePromise<Continued<MachineState>> => {
      const start = behavior.init()
      const pending = promiseOf(start)
      return pending === undefined ? this.#begin(start) : pending.then((value) => this.#begin(value))
    }
    this.init = isAsyncFunction(behavior.init) ? async () => begin() : begin
    const { terminate } = behavior
    const end = (reason: TerminateReason): MaybePromise<void> => {
      this.#cancelAll()
      const { state, data } = this.#current
      return behavior.terminate?.(reason, data, state)
    }
    this.terminate = isAsyncFunction(terminate) ? async (reason) => end(reason) : end
  }

  /** True if a handler is declared `async`: what it calls after an `await` is then known as its own. */
  get isAsync(): boolean {
    return [this.#common, ...this.#states.values()].some(
      (handlers) => handlers !== undefined && Object.values(handlers).some(isAsyncFunction),
    )
  }

  /** Enters the first state, before any message. */
  handleContinue(outcome: unknown): MaybePromise<Settled> {
    const { state } = this.#current
    const pending = this.#attempt(undefined, () => this.#enterAndGoOn(outcome as CheckedOutcome, state))
    return this.#settle(pending === undefined ? this.#drain() : (pending as Promise<void>).then(() => this.#drain()))
  }

  handleCall(
    message: unknown,
    _state: MachineState,
    from: From,
  ): MaybePromise<NoReply<MachineState> | Stopped<MachineState>> {
    const call = from as Call
    // A reply may come at any time, and an end of the machine rejects the call.
    this.server.defer(call)
    const result = this.#receive({ handler: 'handleCall', message, call })
    const pending = promiseOf(result)
    return pending === undefined ? withoutReply(result as Settled) : (pending as Promise<Settled>).then(withoutReply)
  }

  handleCast(message: unknown): MaybePromise<Settled> {
    return this.#receive({ handler: 'handleCast', message })
  }

  handleInfo(info: Info | TimeoutMessage): MaybePromise<Settled> {
    if (!(info instanceof TimeoutMessage)) return this.#receive({ handler: 'handleInfo', message: info })
    const { timeout } = info
    // It was cancelled, or started anew, when its timer had fired already.
    if (this.#timeouts.get(timeout.slot) !== timeout) return this.#current
    return this.#receive({ handler: handlerOfSlot(timeout.slot), message: timeout.message, timeout })
  }

  #begin(value: unknown): Continued<MachineState> {
    const { state, data, outcome } = checkMachineStart(value, this.#states)
    this.#current = { state, data }
    return new Continued(this.#current, outcome)
  }

  #receive(event: MachineEvent): MaybePromise<Settled> {
    this.#handled = 0
    this.#queue.push(event)
    return this.#settle(this.#drain())
  }

  /** Turns the end of a run into a result for the process. */
  #settle(run: MaybePromise<void>): MaybePromise<Settled> {
    const result = (): Settled => {
      const stop = this.#stop
      this.#stop = undefined
      return stop === undefined ? this.#current : new Stopped(this.#current, stop, undefined)
    }
    return run === undefined ? result() : (run as Promise<void>).then(result)
  }

  /** Handles events until none is left, or the machine ends. */
  #drain(): MaybePromise<void> {
    while (this.#queue.length > 0 && this.#stop === undefined && this.server.status === RUNNING) {
      if (++this.#handled > MOST_EVENTS) {
        this.#handled = 0
        return new Promise<void>((resolve) => {
          soon(resolve)
        }).then(() => this.#drain())
      }
      const event = this.#queue.shift() as MachineEvent
      const pending = this.#attempt(event, () => this.#handle(event))
      if (pending !== undefined) return (pending as Promise<void>).then(() => this.#drain())
    }
    return undefined
  }

  /** Runs a step. A failure belongs to the caller of the event, or else crashes the machine. */
  #attempt(event: MachineEvent | undefined, step: () => MaybePromise<void>): MaybePromise<void> {
    try {
      const pending = promiseOf(step())
      return pending?.then(undefined, (error: unknown) => this.#fail(event, error)) as MaybePromise<void>
    } catch (error) {
      this.#fail(event, error)
      return undefined
    }
  }

  #fail(event: MachineEvent | undefined, error: unknown): void {
    const { server } = this
    const call = event?.call
    if (call === undefined) server.crash(error, event?.message)
    else server.failCall(call, error)
  }

  #handle(event: MachineEvent): MaybePromise<void> {
    const { handler, message, call, timeout } = event
    // The caller of a call that was postponed may have given up.
    if (call?.settled === true) return undefined
    // A timeout that was postponed is an event like any other, and another one may run in its slot.
    if (timeout !== undefined && this.#timeouts.get(timeout.slot) === timeout) this.#timeouts.delete(timeout.slot)
    this.#cancel(EVENT_SLOT)
    const { state, data } = this.#current
    const own = this.#states.get(state) as Handlers
    const handlers = own[handler] === undefined ? this.#common : own
    if (handlers?.[handler] === undefined) {
      if (handler !== 'handleInfo') this.#unhandled(event)
      return undefined
    }
    // `GenServer.signal` is that of the call that is handled.
    this.server.running = call
    let value: unknown
    if (handler === 'handleCall') value = handlers.handleCall?.(message as never, data, call as never, state)
    else if (handler === 'handleTimeout') {
      value = handlers.handleTimeout?.((timeout as RunningTimeout).slot.slice(1), message, data, state)
    } else value = handlers[handler]?.(message as never, data, state)
    const pending = promiseOf(value)
    return pending === undefined
      ? this.#apply(event, value)
      : (pending.then((outcome) => this.#apply(event, outcome)) as Promise<void>)
  }

  #unhandled({ handler, call }: MachineEvent): void {
    const { server } = this
    const error = new NotHandledError(server.id, `${handler} in state '${this.#current.state}'`, server)
    if (call === undefined) server.system.report(error, `an event of ${server.label}`)
    else if (server.runtime.settle(call)) call.reject(error)
  }

  /** Takes over the outcome of a handler. An invalid one changes nothing. */
  #apply(event: MachineEvent, value: unknown): MaybePromise<void> {
    if (this.server.status !== RUNNING) return undefined
    const outcome = this.#checked(event.handler, () => checkOutcome(event.handler, value, this.#states))
    if (event.call !== undefined && outcome.hasReply) this.server.reply(event.call, outcome.reply)
    this.#reply(outcome)
    const { state: previous } = this.#current
    const state = outcome.next ?? previous
    this.#become(state, outcome)
    if (outcome.stop !== undefined) {
      this.#stop = outcome.stop
      return undefined
    }
    if (outcome.postpone) this.#postponed.push(event)
    if (state === previous) {
      if (outcome.repeat) return this.#enterAndGoOn(outcome, previous)
      this.#goOn(outcome)
      return undefined
    }
    this.#cancel(STATE_SLOT)
    this.#queue.unshift(...this.#postponed)
    this.#postponed = []
    return this.#enterAndGoOn(outcome, previous)
  }

  /** Calls `enter` of the present state, then starts timeouts and takes events in. */
  #enterAndGoOn(outcome: CheckedOutcome, previous: string): MaybePromise<void> {
    const { state, data } = this.#current
    const handlers = this.#states.get(state)?.enter === undefined ? this.#common : this.#states.get(state)
    const entered = handlers?.enter?.(data, previous, state)
    const accept = (value: unknown): void => {
      if (this.server.status !== RUNNING) return
      const more = this.#checked('enter', () => checkEnter(value))
      this.#reply(more)
      this.#become(state, more)
      this.#goOn({ ...outcome, orders: [...outcome.orders, ...more.orders] })
    }
    const pending = promiseOf(entered)
    if (pending === undefined) {
      accept(entered)
      return undefined
    }
    return pending.then(accept) as Promise<void>
  }

  #goOn({ orders, events }: CheckedOutcome): void {
    this.#queue.unshift(...events.map((message): MachineEvent => ({ handler: 'handleInternal', message })))
    // The last order for a slot counts.
    const isLast = ({ slot }: TimeoutOrder, index: number): boolean =>
      !orders.some((other, later) => later > index && other.slot === slot)
    for (const order of orders.filter(isLast)) this.#order(order)
  }

  #checked(callback: string, check: () => CheckedOutcome): CheckedOutcome {
    try {
      return check()
    } catch (error) {
      const { server } = this
      throw new InvalidReturnError(server.id, callback, `a valid outcome: ${(error as Error).message}`, server)
    }
  }

  #become(state: string, { hasData, data }: CheckedOutcome): void {
    if (!hasData && state === this.#current.state) return
    this.#current = { state, data: hasData ? data : this.#current.data }
  }

  #reply({ replies }: CheckedOutcome): void {
    for (const [from, value] of replies) this.server.reply(from, value)
  }

  #order(order: TimeoutOrder): void {
    this.#cancel(order.slot)
    const { slot, afterMs, message } = order
    if (afterMs === Infinity) return
    const timeout: RunningTimeout = { ...order, timer: undefined }
    this.#timeouts.set(slot, timeout)
    if (afterMs === 0) {
      // It is handled after what is queued, and before any message that comes later.
      this.#queue.push({ handler: handlerOfSlot(slot), message, timeout })
      return
    }
    const { server } = this
    const fire = (): void => {
      timeout.timer = undefined
      // A bound of the mailbox must not keep a timeout out; without a bound it takes its place behind what waits.
      if (server.mailboxLimit === undefined) server.runtime.sendInfo(server, new TimeoutMessage(timeout))
      else server.runtime.sendSystem(server, new TimeoutMessage(timeout))
    }
    timeout.timer = server.system.clock.schedule(afterMs, fire, { label: `a timeout of ${server.label}` })
  }

  #cancel(slot: string): void {
    const timeout = this.#timeouts.get(slot)
    if (timeout === undefined) return
    this.#timeouts.delete(slot)
    timeout.timer?.cancel()
    const queued = this.#queue.findIndex((event) => event.timeout === timeout)
    if (queued >= 0) this.#queue.splice(queued, 1)
  }

  #cancelAll(): void {
    for (const slot of this.#timeouts.keys()) this.#cancel(slot)
  }
}
