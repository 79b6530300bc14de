import { NativeHandles } from '../internal/native-handles.ts'
import type { Clock } from '../clock/types.ts'
import { soon } from '../clock/host.ts'
import { hot, native } from '../native.ts'
import { tellOwner, type ErrorOwner } from '../internal/report-error.ts'
import { CallAlarm } from './call-deadline.ts'
import type { Handle } from './backlog.ts'
import type { Call } from './call.ts'
import type { Driver, SpawnSettings } from './port.ts'
import { caller, goesOn, hasEnded, inRun } from './call-context.ts'
import { Pace } from './yielding.ts'
import { DEAD, type Process, RUNNING, STARTING } from './process.ts'
import { Related } from './relations.ts'
import { Slots } from './message-slots.ts'
import { Table } from './process-table.ts'
import { Waiting } from './pending-messages.ts'
import * as protocol from '../protocol/actor.ts'
import { NONE } from '../protocol/lane.ts'

/** A promise's reaction runs as soon as the caller's run of JavaScript has ended, and never on its stack. */
const NOW: Promise<void> = Promise.resolve()

const handles = new NativeHandles((handle) => native.actorsClose(handle))

/**
 * Drives the processes of a system: the core decides what runs next, this runs it. Messages and calls are kept here, in
 * slots; the core knows their numbers.
 */
export class ActorRuntime extends Related implements Driver {
  /** The process whose handler is on the stack. */
  current: Process | undefined
  readonly clock: Clock
  readonly #owner: ErrorOwner
  readonly #submissions: Float64Array
  readonly #steps: Float64Array
  /** The same memory in 32-bit words. */
  readonly #submissionWords: Int32Array
  readonly #words: Int32Array
  #submitted = 0
  readonly #messages: Slots<unknown> = new Slots()
  readonly #calls: Slots<Call> = new Slots()
  readonly #processes: Table = new Table()
  readonly #waiting: Waiting
  #scheduled = false
  /** Steps of the last round that have not been carried out. */
  #next = 0
  #count = 0
  #more = false
  readonly #pace: Pace
  #deadline = Infinity
  /** Whether calls with a deadline were open after the last round. */
  #outlived = false
  /** Calls with a deadline that nobody has answered. */
  #timed = 0
  readonly #alarm: CallAlarm
  #closed = false

  constructor(clock: Clock, owner: ErrorOwner) {
    const { handle, submissions, steps } = native.actorsOpen()
    super(handle)
    this.clock = clock
    this.#owner = owner
    this.#pace = new Pace(clock)
    this.#alarm = new CallAlarm(clock, () => this.#drainNow())
    this.#submissions = submissions
    this.#steps = steps
    this.#submissionWords = new Int32Array(submissions.buffer)
    this.#words = new Int32Array(steps.buffer)
    this.#waiting = new Waiting(steps, this.#words, (...refusal) => this.#refuse(...refusal))
    handles.own(this, handle)
  }

  /** All that have not ended. */
  get alive(): Process[] {
    return this.#processes.alive
  }

  /** Places that are given to messages, calls and processes. */
  get inUse(): number {
    this.flush()
    const { length } = [...this.#messages.values, ...this.#calls.values]
    return length + this.#processes.size + Math.max(hot.actorInUse(this.handle), 0)
  }

  spawn(process: Process, settings: SpawnSettings): void {
    process.pid = hot.actorSpawn(this.handle, settings.trapExit ? 1 : 0, settings.maxMailbox, settings.overflow)
    process.limit(settings)
    this.#processes.add(process)
  }

  cast(process: Process, message: unknown): void {
    this.#send(process.pid, protocol.CAST, message)
  }

  inform(process: Process, message: unknown): void {
    this.#send(process.pid, protocol.SYSTEM, message)
  }

  info(process: Process, message: unknown): void {
    process.room--
    this.#send(process.pid, protocol.INFO, message)
  }

  offer(process: Process, message: unknown): number {
    const offer = process.room > 0 ? protocol.OFFER_QUEUED : this.#makeRoom(process)
    if (offer === protocol.OFFER_FULL) return offer
    process.room--
    this.cast(process, message)
    return offer
  }

  open(call: Call): void {
    const target = call.target as Process
    if (call.timeoutMs !== Infinity) this.#timed++
    if (target.room <= 0 && this.#makeRoom(target) === protocol.OFFER_FULL) return this.#fail(call, protocol.FULL)
    call.slot = this.#calls.keep(call)
    call.use = this.#calls.use(call.slot)
    const current = this.current ?? caller()
    if (current !== undefined && current.runtime === this) {
      call.callerId = current.id
      this.#submit(current.pid, protocol.CALLER, 0)
    }
    target.room--
    this.#submissions[this.#submitted * protocol.SUBMISSION_CELLS + protocol.SUBMISSION_TIME] = call.timeoutMs
    this.#submit(target.pid, protocol.CALL, call.slot, call.use)
  }

  settle(call: Call): boolean {
    if (call.settled) return false
    call.settled = true
    if (call.timeoutMs !== Infinity) this.#timed--
    this.#submit(NONE, protocol.CALL_ENDED, call.slot, call.use)
    // One that was not begun is still queued; its slot comes back.
    if (call.started) this.#calls.release(call.slot, call.use)
    call.whenSettled?.()
    return true
  }

  requestStop(process: Process, request: unknown): void {
    this.#send(process.pid, protocol.STOP, request)
  }

  /** It handles mail from now on, what had been handed out for an earlier run first. */
  started(process: Process): void {
    process.status = RUNNING
    this.#submit(process.pid, protocol.STARTED, 0)
    if (process.backlog !== undefined) process.scope.runInAsyncScope(this.#replay, undefined, process)
  }

  /** It starts over in place: its mail waits until it has {@link started}. */
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
    this.#refuseBacklog(process)
    this.#submit(process.pid, protocol.EXITED, process.exitKind)
  }

  mailboxSize(process: Process): number {
    // One that is displaced by the core is counted until that is told.
    if (process.bound !== Infinity) return Math.min(process.bound - process.room, process.bound)
    this.flush()
    const waiting = this.#waiting.countOf(process, this.#next, this.#count)
    return waiting + Math.max(hot.actorMailbox(this.handle, process.pid), 0)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#alarm.disarm()
    for (const call of this.#calls.values) this.#fail(call, protocol.NO_PROCESS)
    handles.close(this, this.handle)
  }

  #send(pid: number, operation: number, message: unknown): void {
    const index = this.#messages.keep(message)
    this.#submit(pid, operation, index, this.#messages.use(index))
  }

  /** Its place, or another small number, and which use of it. */
  #submit(pid: number, operation: number, index: number, use = 0): void {
    const words = this.#submissionWords
    const at = this.#submitted * protocol.SUBMISSION_WORDS
    this.#submissions[this.#submitted * protocol.SUBMISSION_CELLS + protocol.SUBMISSION_PROCESS] = pid
    words[at + protocol.SUBMISSION_OPERATION] = operation
    words[at + protocol.SUBMISSION_PLACE] = index
    words[at + protocol.SUBMISSION_USAGE] = use
    // Two places are left for a call and who makes it, which must not be parted.
    if (++this.#submitted >= protocol.CAPACITY - 1 && operation !== protocol.CALLER) this.flush()
    if (!this.#scheduled) this.schedule()
  }

  protected flush(): void {
    if (this.#submitted === 0 || this.#closed) return
    hot.actorSubmit(this.handle, this.#submitted)
    this.#submitted = 0
    // It is asked what comes of that, also where steps of the last round are left.
    this.#more = true
  }

  #makeRoom(process: Process): number {
    if (!process.dropsOldest) return protocol.OFFER_FULL
    // What is not here is displaced by the core.
    this.#waiting.displace(process, this.#next, this.#count)
    return protocol.OFFER_DISPLACED
  }

  protected schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    void NOW.then(this.#drain)
  }

  /** Later than now, so that timers and I/O come in between. */
  #yield(): void {
    this.#scheduled = true
    soon(() => {
      this.#pace.turned()
      this.#drain()
    })
  }

  readonly #drain = (): void => {
    if (this.#closed) return
    try {
      if (this.#next === this.#count) this.#ask()
      this.#carryOut()
    } catch (error) {
      tellOwner(this.#owner, error, 'the runtime of processes')
    }
    this.#rest()
  }

  /** Tells the core what has happened, and takes what comes next. */
  #ask(): void {
    // Only calls that have outlived a round have deadlines; without them, nobody asks what time it is.
    if (this.#outlived) this.#pace.now = this.clock.monoMs()
    const steps = this.#steps
    steps[protocol.TAIL_SUBMITTED] = this.#submitted
    steps[protocol.TAIL_NOW] = this.#pace.now
    this.#submitted = this.#next = this.#count = 0
    this.#more = false
    this.#count = hot.actorRound(this.handle)
    this.#more = steps[protocol.TAIL_MORE] === 1
    this.#deadline = steps[protocol.TAIL_DEADLINE] as number
  }

  /** Each step alone with its failure, so that those after it are carried out. */
  #carryOut(): void {
    const pace = this.#pace
    const steps = this.#steps
    pace.isLate = false
    while (this.#next < this.#count && !pace.isLate) {
      const before = this.#next
      try {
        const process = this.#processes.at(steps[before * protocol.STEP_CELLS + protocol.STEP_PROCESS] as number)
        const operation = this.#words[before * protocol.STEP_WORDS + protocol.STEP_OPERATION] as number
        if (operation <= protocol.SYSTEM && process !== undefined) {
          process.scope.runInAsyncScope(this.#turn, undefined, process)
        } else {
          this.#next++
          this.#step(before, process)
          pace.step()
        }
      } catch (error) {
        if (this.#next === before) this.#next++
        tellOwner(this.#owner, error, 'the runtime of processes')
      }
    }
  }

  /** What was left over is carried out later, and the next deadline is watched. */
  #rest(): void {
    this.#scheduled = false
    if (this.#next < this.#count) {
      this.#yield()
    } else {
      const mustTurn = this.#pace.round(this.#count)
      if (this.#more || this.#submitted > 0) {
        if (mustTurn) this.#yield()
        else this.schedule()
      }
    }
    // After the steps: most calls have been answered by them.
    this.#outlived = this.#timed > 0
    if (this.#outlived) this.#alarm.set(this.#deadline)
    else this.#alarm.disarm()
  }

  /** All that was handed out for a process in a row. */
  readonly #turn = (process: Process): void => {
    const steps = this.#steps
    const words = this.#words
    const pace = this.#pace
    do {
      const at = this.#next * protocol.STEP_WORDS
      const operation = words[at + protocol.STEP_OPERATION] as number
      const isFor = steps[this.#next * protocol.STEP_CELLS + protocol.STEP_PROCESS] === process.pid
      if (operation > protocol.SYSTEM || !isFor) return
      this.#next++
      const index = words[at + protocol.STEP_PLACE] as number
      const use = words[at + protocol.STEP_USAGE] as number
      if (process.busy || process.status !== RUNNING) this.#later(process, operation, index, use)
      else this.#run(process, operation, index, use)
      pace.step()
    } while (this.#next < this.#count && !pace.isLate)
  }

  /** A step that runs nothing, and for whom, where that is known. */
  #step(step: number, process: Process | undefined): void {
    const words = this.#words
    const operation = words[step * protocol.STEP_WORDS + protocol.STEP_OPERATION] as number
    const index = words[step * protocol.STEP_WORDS + protocol.STEP_PLACE] as number
    const use = words[step * protocol.STEP_WORDS + protocol.STEP_USAGE] as number
    const first = this.#steps[step * protocol.STEP_CELLS + protocol.STEP_FIRST] as number
    const second = this.#steps[step * protocol.STEP_CELLS + protocol.STEP_SECOND] as number
    switch (operation) {
      case protocol.CALL_FAILED:
        this.#callFailed(index, use, first, second === 1)
        break
      case protocol.FREE:
        if (this.#calls.holds(index, use)) this.#calls.take(index).target.room++
        break
      case protocol.DROPPED: {
        if (!this.#messages.holds(index, use)) break
        const message = this.#messages.take(index)
        if (process === undefined) break
        if (first <= protocol.INFO) process.room++
        process.onDropped(first, message)
        break
      }
      case protocol.TERMINATE:
        process?.onTerminate(index as protocol.ExitKind, first < 0 ? undefined : this.#processes.at(first))
        break
      case protocol.DOWN:
        process?.onDown(first, this.#processes.at(second))
        break
      case protocol.EXIT_SIGNAL:
        process?.onExitSignal(first, this.#processes.at(second))
        break
      case protocol.GONE:
        this.#processes.forget(process)
        break
      case protocol.CALL:
        this.#callFailed(index, use, protocol.NO_PROCESS, false)
        break
      default:
        if (operation !== protocol.TAKEN_BACK) this.#messages.release(index, use)
    }
  }

  #run(process: Process, operation: number, index: number, use: number): void {
    if (process.isBounded && operation <= protocol.INFO) process.room++
    let value: unknown
    if (operation === protocol.CALL) {
      value = this.#begin(index, use)
      if (value === undefined) return
    } else {
      if (!this.#messages.holds(index, use)) return
      value = this.#messages.take(index)
    }
    const outer = this.current
    this.current = process
    let pending: PromiseLike<void> | undefined
    try {
      const { isAsync } = process
      pending = isAsync ? this.#tracked(process, operation, value) : this.#dispatch(process, operation, value)
    } catch (error) {
      tellOwner(this.#owner, error, `the runtime of ${process.id}`)
      if (operation === protocol.CALL && this.settle(value as Call)) (value as Call).reject(error)
    }
    this.current = outer
    if (pending === undefined) {
      process.running = undefined
      return
    }
    process.isAsync = true
    this.#wait(process, pending)
  }

  /** Apart, so that messages of others need no memory for the function that is made here. */
  #tracked(process: Process, operation: number, value: unknown): PromiseLike<void> | undefined {
    return inRun(process, () => this.#dispatch(process, operation, value))
  }

  /** A call whose turn has come, unless nobody waits for it any more. */
  #begin(index: number, use: number): Call | undefined {
    if (!this.#calls.holds(index, use)) return undefined
    const call = this.#calls.at(index)
    call.started = true
    if (!call.settled) return call
    this.#calls.release(index, use)
    return undefined
  }

  #dispatch(process: Process, operation: number, value: unknown): PromiseLike<void> | undefined {
    if (operation === protocol.CAST) return process.onCast(value)
    if (operation === protocol.CALL) {
      process.running = value as Call
      return process.onCall(value as Call)
    }
    if (operation !== protocol.STOP) return process.onInfo(value)
    process.onStop(value)
    return undefined
  }

  /** A handler that takes longer: nothing else of the process runs until it has ended. */
  #wait(process: Process, pending: PromiseLike<void>): void {
    process.busy = true
    goesOn()
    this.#submit(process.pid, protocol.BUSY, 0)
    const resume = (): void => this.#resume(process)
    void pending.then(resume, (error: unknown) => {
      tellOwner(this.#owner, error, `the runtime of ${process.id}`)
      resume()
    })
  }

  #resume(process: Process): void {
    hasEnded()
    process.busy = false
    process.running = undefined
    if (process.status === DEAD) return
    this.#replay(process)
    if (!process.busy && process.status !== (DEAD as number)) this.#submit(process.pid, protocol.DONE, 0)
  }

  /** Runs what was handed out and could not be handled then. */
  readonly #replay = (process: Process): void => {
    const { backlog } = process
    if (backlog === undefined) return
    const run: Handle = (operation, index, use) => this.#run(process, operation, index, use)
    while (!backlog.isEmpty && !process.busy && process.status === RUNNING) backlog.take(run)
    if (backlog.isEmpty) {
      if (process.backlog === backlog) process.backlog = undefined
    } else if (process.status !== RUNNING && process.status !== STARTING) {
      this.#refuseBacklog(process)
    }
  }

  /** A message that was handed out, but cannot be handled now, or not at all. */
  #later(process: Process, operation: number, index: number, use: number): void {
    if (process.status > RUNNING) this.#refuse(process, operation, index, use, protocol.NO_PROCESS)
    else this.#waiting.push(process, operation, index, use)
  }

  #refuseBacklog(process: Process): void {
    const { backlog } = process
    if (backlog === undefined) return
    process.backlog = undefined
    const refuse: Handle = (operation, index, use) => this.#refuse(process, operation, index, use, protocol.NO_PROCESS)
    while (!backlog.isEmpty) backlog.take(refuse)
  }

  /** A message that was handed out will not be handled. */
  #refuse(process: Process, operation: number, index: number, use: number, failure: number): void {
    if (operation <= protocol.INFO) process.room++
    if (operation !== protocol.CALL) {
      if (this.#messages.holds(index, use)) process.onDropped(operation, this.#messages.take(index))
      return
    }
    const call = this.#begin(index, use)
    if (call !== undefined && this.settle(call)) call.reject(process.callError(call, failure))
  }

  #callFailed(index: number, use: number, failure: number, held: boolean): void {
    if (!this.#calls.holds(index, use)) return
    const call = this.#calls.at(index)
    // A call that was handed out and not begun comes by once more.
    if (!held && (call.started || failure !== protocol.TIMED_OUT)) {
      this.#calls.release(index, use)
      if (!call.started) call.target.room++
    }
    this.#fail(call, failure)
  }

  #fail(call: Call, failure: number): void {
    if (call.settled) return
    call.settled = true
    if (call.timeoutMs !== Infinity) this.#timed--
    call.whenSettled?.()
    call.reject(call.target.callError(call, failure))
  }

  /** Drains on the stack of a timer: no sender is on it, and what ran before ran in another turn of the event loop. */
  #drainNow(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#pace.turned()
    this.#drain()
  }
}
