import { limitOn } from '../clock/internal-timers.ts'
import type { Clock } from '../clock/types.ts'
import { Call } from '../actor/call.ts'
import { currentCaller, stack } from '../actor/call-context.ts'
import type { Process } from '../actor/process.ts'
import { ProcessRuntime } from '../actor/runtime.ts'
import { hot } from '../native.ts'
import { CALL, OFFER_QUEUED, STEP_OPERATION, STEP_PLACE, STEP_USAGE, STEP_WORDS, TIMED_OUT } from '../protocol/actor.ts'
import { untraced } from '../actor/handler-trace.ts'
import { CausedSlots, type Causes } from './causes.ts'
import { inShort } from './event-log.ts'
import { currentPlace, placeRuntime } from './network/places.ts'
import { type CallReceiver, RemoteCall } from './network/remote-call.ts'
import type { Endpoint, Packet, Transport } from './network/transport.ts'

/** The kinds of messages, by the number of their operation. */
const KINDS = ['cast', 'call', 'info', 'stop', 'system'] as const

/** The kind of a message. */
export type MessageKind = (typeof KINDS)[number]

/**
 * A runtime that runs nothing by itself: a simulation picks one message at a time. The rest of the package cannot tell
 * it from another one.
 */
export class DrivenRuntime extends ProcessRuntime {
  /** True if something happened that the core has not seen. */
  isDirty = false
  /** True if other processes may be ready than {@link ready} has returned. */
  hasChanged = true
  /** True once its node has crashed: nothing of it runs any more. */
  isCrashed = false
  /** The clock of code outside of all nodes. */
  outside: Clock = this.clock
  #pid = 0
  #endpoint: Endpoint | undefined
  #transport: Transport | undefined
  /** The calls from other nodes that wait for an answer. */
  readonly #remoteCalls = new Map<Call, RemoteCall>()
  /** True while a message of the network is delivered. */
  #isArriving = false
  #reporter: Reporter | undefined
  protected override readonly messages: CausedSlots<unknown> = new CausedSlots()
  protected override readonly calls: CausedSlots<Call> = new CausedSlots()
  readonly #runOne = (handle: number): number => {
    const count = hot.actorRunOne(handle, this.#pid)
    if (this.#reporter !== undefined && count > 0) this.#report(this.#reporter)
    return count
  }

  protected override schedule(): void {
    this.isDirty = true
  }

  protected override drainNow(): void {
    this.isDirty = true
  }

  /** The calls that have not been answered. */
  get openCalls(): Call[] {
    return [...this.calls.values].filter((call) => !call.settled)
  }

  override get alive(): Process[] {
    return this.isCrashed ? [] : super.alive
  }

  /** Connects it with the other nodes. Messages from those come through the network. */
  connect(endpoint: Endpoint, transport: Transport): void {
    this.#endpoint = endpoint
    this.#transport = transport
    placeRuntime(this, endpoint)
  }

  /** Reports each message before it is handled. */
  report(reporter: Reporter): void {
    this.#reporter = reporter
    this.messages.causes = this.calls.causes = reporter.causes
  }

  override cast(process: Process, message: unknown): void {
    const from = this.#sender()
    if (from === undefined) super.cast(process, message)
    else
      this.#receive(
        from,
        packetOf('cast', process, message, true, () => super.cast(process, message)),
      )
  }

  override tryCast(process: Process, message: unknown): number {
    const from = this.#sender()
    if (from === undefined) return super.tryCast(process, message)
    // A sender does not learn of the mailbox of a message that arrives later.
    let offer: number = OFFER_QUEUED
    const deliver = (): void => {
      offer = super.tryCast(process, message)
    }
    this.#receive(from, packetOf('cast', process, message, true, deliver))
    return offer
  }

  override requestStop(process: Process, request: RemoteStop): void {
    const from = this.#sender()
    if (from === undefined) {
      super.requestStop(process, request)
      return
    }
    const answer =
      (settle: (error: unknown) => void) =>
      (error?: unknown): void =>
        this.#transport?.send(
          this.#endpoint,
          from,
          packetOf('has stopped', process, undefined, false, () => settle(error)),
        )
    const sent = { ...request, resolve: answer(request.resolve), reject: answer(request.reject) }
    this.#receive(
      from,
      packetOf('stop', process, undefined, false, () => super.requestStop(process, sent)),
    )
  }

  /**
   * Sends a call. One from another node goes through the network. One from outside of all nodes has its deadline there:
   * this node may be paused, or have crashed.
   */
  override sendCall(call: Call): void {
    const from = this.#sender()
    if (from !== undefined) {
      this.#sendRemoteCall(call, from)
      return
    }
    if (currentPlace() === this.#endpoint) this.#guard(call)
    else if (call.timeoutMs !== Infinity) {
      const timer = limitOn(this.outside, call.timeoutMs, 'the deadline of a call', () => {
        if (this.settle(call)) call.giveUp(call.target.callError(call, TIMED_OUT))
      })
      call.addSettledListener(() => timer.cancel())
    }
    if (!this.isCrashed) super.sendCall(call)
  }

  override settle(call: Call): boolean {
    const remote = this.#remoteCalls.size === 0 ? undefined : this.#remoteCalls.get(call)
    return remote === undefined ? super.settle(call) : remote.giveUp()
  }

  /** Returns a line for each call from another node that waits and has nothing here that could answer it. */
  get unheardCalls(): string[] {
    return [...this.#remoteCalls.values()].filter((call) => call.isUnheard).map((call) => call.description)
  }

  #sendRemoteCall(call: Call, from: Endpoint): void {
    const [to, transport] = [this.#endpoint, this.#transport]
    if (to === undefined || transport === undefined) return
    const callerId = stack.top?.current?.id ?? currentCaller()?.id
    const cause = this.#reporter?.causes.current
    const receiver: CallReceiver = {
      receiveCall: (received) => this.#deliver(cause, () => super.sendCall(received)),
      settle: (received) => this.settle(received),
    }
    const remote = new RemoteCall(call, { transport, from, to, receiver, callerId })
    Object.assign(call, { answer: (value: unknown) => remote.reply(value) })
    this.#remoteCalls.set(call, remote)
    call.addSettledListener(() => this.#remoteCalls.delete(call))
    remote.send()
  }

  #receive(from: Endpoint, packet: Packet): void {
    const cause = this.#reporter?.causes.current
    const deliver = (): void => this.#deliver(cause, () => this.#arrive(packet.deliver))
    this.#transport?.send(from, this.#endpoint, { ...packet, deliver })
  }

  /** Delivers a message that was sent before, after the event of this number. */
  #deliver(cause: number | undefined, deliver: () => void): void {
    if (this.#reporter === undefined) deliver()
    else this.#reporter.causes.deliver(cause, deliver)
  }

  /** Runs the delivery of a message that has come through the network. */
  #arrive(deliver: () => void): void {
    this.#isArriving = true
    try {
      deliver()
    } finally {
      this.#isArriving = false
    }
  }

  /** Returns the node that sends, if it is another one than this. */
  #sender(): Endpoint | undefined {
    // The usual case first.
    if (stack.top?.current?.runtime === this || this.#isArriving) return undefined
    const from = currentPlace()
    return from === this.#endpoint ? undefined : from
  }

  /** Makes a call never answer once the node of its caller has crashed. */
  #guard(call: Call): void {
    const { resolve, reject } = call
    const unlessCrashed =
      (settle: (value: unknown) => void) =>
      (value: unknown): void => {
        if (!this.isCrashed) settle(value)
      }
    Object.assign(call, { resolve: unlessCrashed(resolve), reject: unlessCrashed(reject) })
  }

  /** Stops everything at once, as a machine that loses its power. Calls to it stay open until their deadlines. */
  crash(): void {
    this.isCrashed = true
    this.deadlines.disarm()
  }

  /** Calls that nobody will answer stay open: whoever waits for them does not go on either. */
  protected override endCalls(): void {
    if (!this.isCrashed) super.endCalls()
  }

  /** Carries out everything that is no message. Returns whether there was something. */
  carryOutEvents(): boolean {
    let isAny = false
    this.hasChanged = true
    do {
      this.isDirty = false
      if (this.carryOut(hot.actorSettle) > 0) isAny = true
      // Also before the next round: only then does that read the clock for calls that get their deadlines in it.
      this.deadlines.update()
    } while (this.more || this.isDirty)
    return isAny
  }

  /** Returns how many processes have a message to handle. {@link pidAt} names each of them until the next step. */
  ready(): number {
    this.hasChanged = false
    return this.isCrashed ? 0 : hot.actorReady(this.handle)
  }

  /** Returns the pid of a process that is ready; the first is the one that production runs. */
  pidAt(place: number): number {
    return this.stepCells[place] as number
  }

  #report({ causes, onMessage }: Reporter): void {
    const words = new Int32Array(this.stepCells.buffer, 0, STEP_WORDS)
    const [operation = 0, index = 0, use = 0] = [STEP_OPERATION, STEP_PLACE, STEP_USAGE].map((place) => words[place])
    const process = this.processes.at(this.#pid)
    const kind = KINDS[operation]
    if (process === undefined || kind === undefined) return
    const slots: CausedSlots<unknown> = operation === CALL ? this.calls : this.messages
    if (!slots.holds(index, use)) return
    const value = slots.at(index)
    const message = value instanceof Call ? value.message : untraced(value)
    causes.handles(process, onMessage({ process, kind, message, cause: slots.causeAt(index) }))
  }

  /** Lets a process that is ready handle one message. Returns the process. */
  runOne(pid: number): Process | undefined {
    const process = this.processes.at(pid)
    this.flush()
    this.#pid = pid
    this.carryOut(this.#runOne)
    this.isDirty = this.hasChanged = true
    return process
  }
}

/** A message that is about to be handled. */
export interface ReportedMessage {
  readonly process: Process
  readonly kind: MessageKind
  readonly message: unknown
  /** The number of the event after which it was sent. */
  readonly cause: number | undefined
}

/** Reports the messages of a run. */
export interface Reporter {
  readonly causes: Causes
  /** Takes a message. Returns the number of its event. */
  onMessage(message: ReportedMessage): number
}

/** A request to stop, as far as the network answers it. */
interface RemoteStop {
  readonly resolve: (value?: unknown) => void
  readonly reject: (error: unknown) => void
}

const packetOf = (
  what: string,
  process: Process,
  message: unknown,
  mayRepeat: boolean,
  deliver: () => void,
): Packet => ({
  describe: () =>
    `${what} ${process.publicName ?? process.id} ${message === undefined ? '' : inShort(untraced(message))}`,
  mayRepeat,
  mayBeOvertaken: true,
  deliver,
})
