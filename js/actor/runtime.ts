import { activity } from '../internal/loop-watch.ts'
import { NativeHandles } from '../internal/native-handles.ts'
import type { Clock } from '../clock/types.ts'
import { soon } from '../clock/host.ts'
import { hot, native } from '../native.ts'
import { tellOwner, type ErrorOwner } from '../internal/report-error.ts'
import { beginActivity, endActivity } from './activity.ts'
import { CallDeadlines } from './call-deadline.ts'
import type { MessageHandler } from './backlog.ts'
import type { Call } from './call.ts'
import type { RuntimePort, SpawnSettings } from './port.ts'
import { currentCaller, release, retain, stack } from './call-context.ts'
import { dispatch, dispatchTracked } from './dispatch.ts'
import { YieldPolicy } from './yielding.ts'
import { handles, TracedCast, untraced } from './handler-trace.ts'
import { dispatchTraced } from './dispatch-traced.ts'
import { DEAD, type Process, RUNNING, STARTING } from './process.ts'
import { Relations } from './relations.ts'
import { freeRoom, hasRoom, takeRoom } from './mailbox-limit.ts'
import { MessageSlots } from './message-slots.ts'
import { PendingMessages } from './pending-messages.ts'
import * as protocol from '../protocol/actor.ts'
import { NONE } from '../protocol/lane.ts'

/** Its reactions run as soon as the caller's run of JavaScript has ended, and never on the caller's stack. */
const NOW: Promise<void> = Promise.resolve()

const nativeHandles = new NativeHandles((handle) => native.actorsClose(handle))

/**
 * Drives the processes of a system: the core decides what runs next, and this class runs it. Messages and calls are
 * kept here, in slots; the core knows their numbers.
 */
export class ProcessRuntime extends Relations implements RuntimePort {
  readonly clock: Clock
  readonly #owner: ErrorOwner
  readonly #submissions: Float64Array
  protected readonly stepCells: Float64Array
  /** The same memory in 32-bit words. */
  readonly #submissionWords: Int32Array
  readonly #words: Int32Array
  #submitted = 0
  protected readonly messages: MessageSlots<unknown> = new MessageSlots()
  protected readonly calls: MessageSlots<Call> = new MessageSlots()
  readonly #pending: PendingMessages
  #scheduled = false
  /** The first step of the last round that has not run, and the number of its steps. */
  #next = 0
  #count = 0
  /** True if the core has more to do. */
  protected more = false
  readonly #yieldPolicy: YieldPolicy
  protected readonly deadlines: CallDeadlines
  /** True if handlers are traced: somebody subscribed to `keelson:handle`, or there is a tracer. Read once a drain. */
  isTraced = false
  #closed = false

  constructor(clock: Clock, owner: ErrorOwner) {
    const { handle, submissions, steps } = native.actorsOpen()
    super(handle)
    this.clock = clock
    this.#owner = owner
    this.#yieldPolicy = new YieldPolicy(clock)
    this.deadlines = new CallDeadlines(clock, () => this.drainNow())
    this.#submissions = submissions
    this.stepCells = steps
    this.#submissionWords = new Int32Array(submissions.buffer)
    this.#words = new Int32Array(steps.buffer)
    this.#pending = new PendingMessages(steps, this.#words, (...refusal) => this.#refuse(...refusal))
    nativeHandles.own(this, handle)
  }

  /** The number of places in use by messages, calls and processes. */
  get inUse(): number {
    this.flush()
    const { length } = [...this.messages.values, ...this.calls.values]
    return length + this.processes.size + Math.max(hot.actorInUse(this.handle), 0)
  }

  spawn(process: Process, settings: SpawnSettings): void {
    process.pid = hot.actorSpawn(this.handle, settings.trapExit ? 1 : 0, settings.maxMailbox, settings.overflow)
    process.limitMailbox(settings)
    this.processes.add(process)
  }

  cast(process: Process, message: unknown): void {
    const { tracer } = this
    this.#send(process.pid, protocol.CAST, tracer === undefined ? message : new TracedCast(message, tracer))
  }

  sendSystem(process: Process, message: unknown): void {
    this.#send(process.pid, protocol.SYSTEM, message)
  }

  sendInfo(process: Process, message: unknown): void {
    takeRoom(process)
    this.#send(process.pid, protocol.INFO, message)
  }

  tryCast(process: Process, message: unknown): number {
    const offer = hasRoom(process) ? protocol.OFFER_QUEUED : this.#makeRoom(process)
    if (offer === protocol.OFFER_FULL) return offer
    takeRoom(process)
    this.cast(process, message)
    return offer
  }

  sendCall(call: Call): void {
    const target = call.target as Process
    if (call.timeoutMs !== Infinity) this.deadlines.open++
    if (!hasRoom(target) && this.#makeRoom(target) === protocol.OFFER_FULL) return this.fail(call, protocol.FULL)
    if (this.tracer !== undefined) call.origin = this.tracer.capture()
    call.slot = this.calls.keep(call)
    call.use = this.calls.use(call.slot)
    const current = this.current ?? currentCaller()
    if (current !== undefined && current.runtime === this) {
      call.caller = current
      this.#submit(current.pid, protocol.CALLER, 0)
    }
    takeRoom(target)
    this.#submissions[this.#submitted * protocol.SUBMISSION_CELLS + protocol.SUBMISSION_TIME] = call.timeoutMs
    this.#submit(target.pid, protocol.CALL, call.slot, call.use)
  }

  settle(call: Call): boolean {
    if (call.settled) return false
    call.settled = true
    if (call.timeoutMs !== Infinity) this.deadlines.open--
    this.#submit(NONE, protocol.CALL_ENDED, call.slot, call.use)
    // A call that has not begun is still queued; the core gives its slot back.
    if (call.started) this.calls.release(call.slot, call.use)
    call.whenSettled?.()
    return true
  }

  requestStop(process: Process, request: unknown): void {
    this.#send(process.pid, protocol.STOP, request)
  }

  /** Messages that had been handed out for an earlier run come first. */
  started(process: Process): void {
    process.status = RUNNING
    this.#submit(process.pid, protocol.STARTED, 0)
    if (process.backlog !== undefined) process.scope.runInAsyncScope(this.#replay, undefined, process)
  }

  /** Its messages wait until it has {@link started}. */
  restarting(process: Process): void {
    process.status = STARTING
    this.#submit(process.pid, protocol.RESTARTING, 0)
  }

  stopping(process: Process): void {
    this.#submit(process.pid, protocol.STOPPING, 0)
    this.#refuseBacklog(process)
  }

  exited(process: Process): void {
    process.status = DEAD
    this.processes.ended(process)
    process.trace?.processEnded(process)
    process.notifyEnd()
    this.#refuseBacklog(process)
    this.#submit(process.pid, protocol.EXITED, process.exitKind)
  }

  mailboxSize(process: Process): number {
    if (process.mailboxLimit !== undefined) return process.mailboxLimit.size
    this.flush()
    const waiting = this.#pending.countOf(process, this.#next, this.#count)
    return waiting + Math.max(hot.actorMailbox(this.handle, process.pid), 0)
  }

  /** Returns the sizes of all mailboxes, by the slots of their processes. */
  mailboxSizes(): Uint32Array {
    this.flush()
    const sizes = native.actorsMailboxes(this.handle)
    this.#pending.addTo(sizes, this.#next, this.#count)
    return sizes
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.deadlines.disarm()
    this.endCalls()
    nativeHandles.close(this, this.handle)
  }

  protected endCalls(): void {
    for (const call of this.calls.values) this.fail(call, protocol.NO_PROCESS)
  }

  #send(pid: number, operation: number, message: unknown): void {
    const index = this.messages.keep(message)
    this.#submit(pid, operation, index, this.messages.use(index))
  }

  /** Submits an operation with a place, or another small number, and the use of the place. */
  #submit(pid: number, operation: number, index: number, use = 0): void {
    const words = this.#submissionWords
    const at = this.#submitted * protocol.SUBMISSION_WORDS
    this.#submissions[this.#submitted * protocol.SUBMISSION_CELLS + protocol.SUBMISSION_PROCESS] = pid
    words[at + protocol.SUBMISSION_OPERATION] = operation
    words[at + protocol.SUBMISSION_PLACE] = index
    words[at + protocol.SUBMISSION_USAGE] = use
    // Two submissions stay free for a call and its caller, which must not be parted.
    if (++this.#submitted >= protocol.CAPACITY - 1 && operation !== protocol.CALLER) this.flush()
    if (!this.#scheduled) this.schedule()
  }

  protected flush(): void {
    if (this.#submitted === 0 || this.#closed) return
    hot.actorSubmit(this.handle, this.#submitted)
    this.#submitted = 0
    // The core is asked for the resulting steps, even where steps of the last round are left.
    this.more = true
  }

  #makeRoom(process: Process): number {
    if (process.mailboxLimit?.dropsOldest !== true) return protocol.OFFER_FULL
    // Messages that have not been handed out are displaced by the core.
    this.#pending.displace(process, this.#next, this.#count)
    return protocol.OFFER_DISPLACED
  }

  protected schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    if (this.tracer === undefined) void NOW.then(this.#drain)
    else this.tracer.detached(this.#drainSoon)
  }

  /** Not a closure of {@link schedule}, which would allocate for it at each call. */
  readonly #drainSoon = (): void => void NOW.then(this.#drain)

  /** Drains in another turn of the event loop than before. */
  readonly #drainAnew = (): void => {
    this.#yieldPolicy.turned()
    this.#drain()
  }

  readonly #drain = (): void => {
    if (this.#closed) return
    this.carryOut(hot.actorRound)
    this.#scheduleNext()
  }

  /** Carries out the steps of a round, a function of the core. Returns how many there were. */
  protected carryOut(round: (runtime: number) => number): number {
    const outer = this.pushFrame()
    this.isTraced = this.hasTraceContexts || handles.hasSubscribers
    try {
      if (this.#next === this.#count) this.#takeRound(round)
      this.#runSteps()
    } catch (error) {
      tellOwner(this.#owner, error, 'the runtime of processes')
    }
    stack.top = outer
    return this.#count
  }

  /** Submits to the core what has happened, and takes the steps of the next round. */
  #takeRound(round: (runtime: number) => number): void {
    // Only calls that outlived a round have deadlines in the core; without them, the clock is not read.
    if (this.deadlines.hasAny) this.#yieldPolicy.now = this.clock.monoMs()
    const steps = this.stepCells
    steps[protocol.TAIL_SUBMITTED] = this.#submitted
    steps[protocol.TAIL_NOW] = this.#yieldPolicy.now
    this.#submitted = this.#next = this.#count = 0
    this.more = false
    this.#count = round(this.handle)
    this.more = steps[protocol.TAIL_MORE] === 1
    this.deadlines.nearest = steps[protocol.TAIL_DEADLINE] as number
  }

  /** Runs the steps of the round. A failure of one step does not stop the others. */
  #runSteps(): void {
    const yieldPolicy = this.#yieldPolicy
    const steps = this.stepCells
    yieldPolicy.mustYield = false
    while (this.#next < this.#count && !yieldPolicy.mustYield) {
      const before = this.#next
      try {
        const process = this.processes.at(steps[before * protocol.STEP_CELLS + protocol.STEP_PROCESS] as number)
        const operation = this.#words[before * protocol.STEP_WORDS + protocol.STEP_OPERATION] as number
        if (operation <= protocol.SYSTEM && process !== undefined) {
          process.scope.runInAsyncScope(this.#turn, undefined, process)
        } else {
          this.#next++
          this.#step(before, process)
          yieldPolicy.step()
        }
      } catch (error) {
        if (this.#next === before) this.#next++
        tellOwner(this.#owner, error, 'the runtime of processes')
      }
    }
  }

  /** Schedules the steps that are left or the next round, and the next deadline. */
  #scheduleNext(): void {
    const isLeft = this.#next < this.#count
    const mustTurn = isLeft || this.#yieldPolicy.round(this.#count)
    this.#scheduled = mustTurn && (isLeft || this.more || this.#submitted > 0)
    // The event loop turns first, so that timers and I/O come in between.
    if (this.#scheduled) soon(this.#drainAnew)
    else if (this.more || this.#submitted > 0) this.schedule()
    this.deadlines.update()
  }

  /** Handles the messages that were handed out for a process in a row. */
  readonly #turn = (process: Process): void => {
    const steps = this.stepCells
    const words = this.#words
    const yieldPolicy = this.#yieldPolicy
    do {
      const at = this.#next * protocol.STEP_WORDS
      const operation = words[at + protocol.STEP_OPERATION] as number
      const isFor = steps[this.#next * protocol.STEP_CELLS + protocol.STEP_PROCESS] === process.pid
      if (operation > protocol.SYSTEM || !isFor) return
      this.#next++
      const index = words[at + protocol.STEP_PLACE] as number
      const use = words[at + protocol.STEP_USAGE] as number
      if (!process.busy && process.status === RUNNING) this.#run(process, operation, index, use)
      // It cannot be handled yet, or the process ends.
      else if (process.status > RUNNING) this.#refuse(process, operation, index, use, protocol.NO_PROCESS)
      else this.#pending.push(process, operation, index, use)
      yieldPolicy.step()
    } while (this.#next < this.#count && !yieldPolicy.mustYield)
  }

  /** Runs a step that is no message. */
  #step(step: number, process: Process | undefined): void {
    const words = this.#words
    const operation = words[step * protocol.STEP_WORDS + protocol.STEP_OPERATION] as number
    const index = words[step * protocol.STEP_WORDS + protocol.STEP_PLACE] as number
    const use = words[step * protocol.STEP_WORDS + protocol.STEP_USAGE] as number
    const first = this.stepCells[step * protocol.STEP_CELLS + protocol.STEP_FIRST] as number
    const second = this.stepCells[step * protocol.STEP_CELLS + protocol.STEP_SECOND] as number
    switch (operation) {
      case protocol.CALL_FAILED:
        this.#callFailed(index, use, first, second === 1)
        break
      case protocol.FREE:
        if (this.calls.holds(index, use)) freeRoom(this.calls.take(index).target)
        break
      case protocol.DROPPED: {
        if (!this.messages.holds(index, use)) break
        const message = this.messages.take(index)
        if (process === undefined) break
        if (first <= protocol.INFO) freeRoom(process)
        process.onDropped(first, untraced(message))
        break
      }
      case protocol.TERMINATE:
        process?.onTerminate(index as protocol.ExitKind, first < 0 ? undefined : this.processes.at(first))
        break
      case protocol.DOWN:
        process?.onDown(first, this.processes.at(second))
        break
      case protocol.EXIT_SIGNAL:
        process?.onExitSignal(first, this.processes.at(second))
        break
      case protocol.GONE:
        this.processes.forget(process)
        break
      case protocol.CALL:
        this.#callFailed(index, use, protocol.NO_PROCESS, false)
        break
      default:
        if (operation !== protocol.TAKEN_BACK) this.messages.release(index, use)
    }
  }

  #run(process: Process, operation: number, index: number, use: number): void {
    if (operation <= protocol.INFO) freeRoom(process)
    let value: unknown
    if (operation === protocol.CALL) {
      value = this.#begin(index, use)
      if (value === undefined) return
    } else {
      if (!this.messages.holds(index, use)) return
      value = this.messages.take(index)
    }
    const outer = this.current
    this.current = process
    const { cells } = activity
    if (cells !== undefined) {
      beginActivity(cells, process, operation, value, this.isTraced || process.usesCallerContext)
    }
    let pending: PromiseLike<void> | undefined
    try {
      if (this.isTraced) pending = dispatchTraced(process, operation, value, this.tracer)
      else if (process.isAsync) pending = dispatchTracked(process, operation, value)
      else pending = dispatch(process, operation, value)
    } catch (error) {
      tellOwner(this.#owner, error, `the runtime of ${process.id}`)
      if (operation === protocol.CALL && this.settle(value as Call)) (value as Call).reject(error)
    }
    this.current = outer
    if (cells !== undefined) endActivity(cells)
    if (pending === undefined) process.running = undefined
    else this.#wait(process, pending)
  }

  /** Returns the call whose turn has come, unless its caller waits no more. */
  #begin(index: number, use: number): Call | undefined {
    if (!this.calls.holds(index, use)) return undefined
    const call = this.calls.at(index)
    call.started = true
    if (!call.settled) return call
    this.calls.release(index, use)
    return undefined
  }

  /** Waits for an asynchronous handler: nothing else of the process runs until it has ended. */
  #wait(process: Process, pending: PromiseLike<void>): void {
    process.isAsync = process.busy = true
    retain()
    this.#submit(process.pid, protocol.BUSY, 0)
    const resume = (): void => this.#resume(process)
    void pending.then(resume, (error: unknown) => {
      tellOwner(this.#owner, error, `the runtime of ${process.id}`)
      resume()
    })
  }

  #resume(process: Process): void {
    release()
    process.busy = false
    process.running = undefined
    if (process.status === DEAD) return
    this.#replay(process)
    if (!process.busy && process.status !== (DEAD as number)) this.#submit(process.pid, protocol.DONE, 0)
  }

  /** Handles the messages of a backlog. */
  readonly #replay = (process: Process): void => {
    const { backlog } = process
    if (backlog === undefined) return
    const run: MessageHandler = (operation, index, use) => this.#run(process, operation, index, use)
    const outer = this.pushFrame()
    while (!backlog.isEmpty && !process.busy && process.status === RUNNING) backlog.take(run)
    stack.top = outer
    if (backlog.isEmpty) {
      if (process.backlog === backlog) this.#pending.forget(process)
    } else if (process.status !== RUNNING && process.status !== STARTING) {
      this.#refuseBacklog(process)
    }
  }

  #refuseBacklog(process: Process): void {
    const { backlog } = process
    if (backlog === undefined) return
    this.#pending.forget(process)
    const refuse: MessageHandler = (operation, index, use) =>
      this.#refuse(process, operation, index, use, protocol.NO_PROCESS)
    while (!backlog.isEmpty) backlog.take(refuse)
  }

  /** Refuses a message that was handed out. */
  #refuse(process: Process, operation: number, index: number, use: number, failure: number): void {
    if (operation <= protocol.INFO) freeRoom(process)
    if (operation !== protocol.CALL) {
      if (this.messages.holds(index, use)) process.onDropped(operation, untraced(this.messages.take(index)))
      return
    }
    const call = this.#begin(index, use)
    if (call !== undefined && this.settle(call)) call.giveUp(process.callError(call, failure))
  }

  #callFailed(index: number, use: number, failure: number, keepsPlace: boolean): void {
    if (!this.calls.holds(index, use)) return
    const call = this.calls.at(index)
    // A call that was handed out and has not begun comes by once more, so its place is kept too.
    if (!keepsPlace && (call.started || failure !== protocol.TIMED_OUT)) {
      this.calls.release(index, use)
      if (!call.started) freeRoom(call.target)
    }
    this.fail(call, failure)
  }

  protected fail(call: Call, failure: number): void {
    if (call.settled) return
    call.settled = true
    if (call.timeoutMs !== Infinity) this.deadlines.open--
    call.whenSettled?.()
    call.giveUp(call.target.callError(call, failure))
  }

  /** Drains on the stack of a timer: no sender is on it, and what ran before ran in another turn of the event loop. */
  protected drainNow(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#drainAnew()
  }
}
