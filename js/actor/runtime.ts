import type { Clock } from '../clock/types.ts'
import { soon } from '../clock/host.ts'
import { hot, nativeActorsClose, nativeActorsOpen } from '../native.ts'
import { tellOwner, type ErrorOwner } from '../owner.ts'
import { CallAlarm } from './alarm.ts'
import { Backlog } from './backlog.ts'
import { Call } from './call.ts'
import type { Driver, SpawnSettings } from './driver.ts'
import { caller, goesOn, hasEnded, inRun } from './caller.ts'
import { Pace } from './pace.ts'
import { DEAD, type Process, RUNNING, STARTING } from './process.ts'
import * as is from './protocol.ts'
import type { ExitKind } from './protocol.ts'
import { Slots } from './slots.ts'

/** The bound that is none. */
const UNBOUNDED = 2 ** 32 - 1

/** A promise's reaction runs as soon as the caller's run of JavaScript has ended, and never on its stack. */
const NOW: Promise<void> = Promise.resolve()

const forget = new FinalizationRegistry<number>((handle) => nativeActorsClose(handle))

/**
 * Drives the processes of a system: the core decides what runs next, this runs it. Messages and calls are kept here, in
 * slots; the core knows their numbers.
 */
export class ActorRuntime implements Driver {
  /** The process whose handler is on the stack. */
  current: Process | undefined
  readonly #clock: Clock
  readonly #owner: ErrorOwner
  readonly #handle: number
  readonly #submissions: Float64Array
  readonly #steps: Float64Array
  #submitted = 0
  readonly #slots: Slots = new Slots()
  /** By the core's slot. */
  readonly #processes: (Process | undefined)[] = []
  /** Processes that have ended, of which the core has not heard. */
  #exits: Process[] = []
  /** Processes of whose end the core hears in the next round, and heard in the last; links and monitors name them. */
  #ended: Process[] = []
  #leaving: Process[] = []
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
    this.#clock = clock
    this.#owner = owner
    this.#pace = new Pace(clock)
    const { handle, submissions, steps } = nativeActorsOpen(is.CAPACITY)
    this.#alarm = new CallAlarm(clock, () => this.#drainNow())
    this.#handle = handle
    this.#submissions = submissions
    this.#steps = steps
    forget.register(this, handle, this)
  }

  get clock(): Clock {
    return this.#clock
  }

  /** All that have not ended. */
  get alive(): Process[] {
    return this.#processes.filter((one): one is Process => one !== undefined && one.status !== DEAD)
  }

  spawn(process: Process, settings: SpawnSettings): void {
    const pid = hot.actorSpawn(this.#handle, settings.trapExit ? 1 : 0, settings.maxMailbox, settings.overflow)
    process.pid = pid
    if (settings.maxMailbox < UNBOUNDED) process.bound = process.room = settings.maxMailbox
    this.#processes[is.slotOf(pid)] = process
  }

  cast(process: Process, message: unknown): void {
    this.#submit(process.pid, is.CAST, this.#slots.keep(message))
  }

  inform(process: Process, message: unknown): void {
    this.#submit(process.pid, is.SYSTEM, this.#slots.keep(message))
  }

  info(process: Process, message: unknown): void {
    process.room--
    this.#submit(process.pid, is.INFO, this.#slots.keep(message))
  }

  offer(process: Process, message: unknown): number {
    // Only sending fills a mailbox, so that room once found is there; the core is asked when it is used up.
    if (process.room <= 0) process.room = process.bound - this.mailboxSize(process)
    if (process.room > 0) {
      process.room--
      this.cast(process, message)
      return is.OFFER_QUEUED
    }
    const slot = this.#slots.keep(message)
    const offer = hot.actorOffer(this.#handle, process.pid, is.CAST, slot)
    if (offer >= is.OFFER_FULL) this.#slots.release(slot)
    else this.#schedule()
    return offer
  }

  call(process: Process, message: unknown, timeoutMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.open(new Call(process, message, timeoutMs, resolve, reject))
    })
  }

  open(call: Call): void {
    call.slot = this.#slots.keep(call)
    const current = this.current ?? caller()
    if (current !== undefined && current.runtime === this) {
      call.callerId = current.id
      this.#submit(current.pid, is.CALLER, 0)
    }
    if (call.timeoutMs !== Infinity) this.#timed++
    call.target.room--
    this.#submissions[this.#submitted * is.SUBMISSION + 3] = call.timeoutMs
    this.#submit(call.target.pid, is.CALL, call.slot)
  }

  settle(call: Call): boolean {
    if (call.settled) return false
    call.settled = true
    if (call.timeoutMs !== Infinity) this.#timed--
    this.#submit(-1, is.CALL_ENDED, call.slot)
    // One that was not begun is still queued; its slot comes back.
    if (call.started) this.#slots.release(call.slot)
    call.whenSettled?.()
    return true
  }

  requestStop(process: Process, request: unknown): void {
    process.room--
    this.#submit(process.pid, is.STOP, this.#slots.keep(request))
  }

  /** It handles mail from now on, what had been handed out for an earlier run first. */
  started(process: Process): void {
    process.status = RUNNING
    this.#submit(process.pid, is.STARTED, 0)
    if (process.backlog !== undefined) process.scope.runInAsyncScope(this.#replay, undefined, process)
  }

  /** It starts over in place: its mail waits until it has {@link started}. */
  restarting(process: Process): void {
    process.status = STARTING
    this.#submit(process.pid, is.RESTARTING, 0)
  }

  stopping(process: Process): void {
    this.#submit(process.pid, is.STOPPING, 0)
    this.#refuseBacklog(process)
  }

  exited(process: Process): void {
    process.status = DEAD
    this.#refuseBacklog(process)
    this.#exits.push(process)
    if (this.#next === this.#count) this.#submitExits()
  }

  exit(process: Process, kind: ExitKind): void {
    this.#submit(process.pid, is.EXIT, kind)
  }

  mailboxSize(process: Process): number {
    this.#flush()
    return Math.max(hot.actorMailbox(this.#handle, process.pid), 0)
  }

  link(one: Process, other: Process): number {
    this.#flush()
    return hot.actorLink(this.#handle, one.pid, other.pid)
  }

  unlink(link: number): boolean {
    this.#flush()
    return hot.actorUnlink(this.#handle, link) === 1
  }

  monitor(watcher: Process, subject: Process): number {
    this.#flush()
    const monitor = hot.actorMonitor(this.#handle, watcher.pid, subject.pid)
    this.#schedule()
    return monitor
  }

  demonitor(monitor: number): boolean {
    this.#flush()
    return hot.actorDemonitor(this.#handle, monitor) === 1
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#alarm.disarm()
    this.#slots.abandonCalls()
    forget.unregister(this)
    nativeActorsClose(this.#handle)
  }

  #submit(pid: number, operation: number, slot: number): void {
    const at = this.#submitted * is.SUBMISSION
    const submissions = this.#submissions
    submissions[at] = pid
    submissions[at + 1] = operation
    submissions[at + 2] = slot
    // Two places are left for a call and who makes it, which must not be parted.
    if (++this.#submitted >= is.CAPACITY - 1 && operation !== is.CALLER) this.#flush()
    if (!this.#scheduled) this.#schedule()
  }

  #flush(): void {
    if (this.#submitted === 0 || this.#closed) return
    hot.actorSubmit(this.#handle, this.#submitted)
    this.#submitted = 0
  }

  #schedule(): void {
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
    if (this.#next === this.#count) {
      // Only calls that have outlived a round have deadlines; without them, nobody asks what time it is.
      if (this.#outlived) this.#pace.now = this.#clock.monoMs()
      this.#next = 0
      if (this.#ended.length > 0) {
        this.#leaving = this.#ended
        this.#ended = []
      }
      const steps = this.#steps
      steps[is.TAIL] = this.#submitted
      steps[is.TAIL + 1] = this.#pace.now
      this.#count = hot.actorRound(this.#handle)
      this.#submitted = 0
      this.#more = steps[is.TAIL + 2] === 1
      this.#deadline = steps[is.TAIL + 3] as number
    }
    const pace = this.#pace
    pace.isLate = false
    while (this.#next < this.#count && !pace.isLate) {
      const at = this.#next * is.STEP
      if ((this.#steps[at + 1] as number) <= is.STOP) {
        const process = this.#processes[this.#steps[at] as number] as Process
        process.scope.runInAsyncScope(this.#turn, undefined, process)
      } else {
        this.#next++
        this.#step(at)
        pace.step()
      }
    }
    this.#scheduled = false
    if (this.#next < this.#count) {
      this.#yield()
    } else {
      const mustTurn = pace.round(this.#count)
      if (this.#leaving.length > 0) this.#forgetLeaving()
      if (this.#exits.length > 0) this.#submitExits()
      if (this.#more || this.#submitted > 0) {
        if (mustTurn) this.#yield()
        else this.#schedule()
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
    const pace = this.#pace
    const slot = is.slotOf(process.pid)
    do {
      const at = this.#next * is.STEP
      const operation = steps[at + 1] as number
      if (operation > is.STOP || steps[at] !== slot) return
      this.#next++
      const message = steps[at + 2] as number
      if (process.busy || process.status !== RUNNING) this.#later(process, operation, message)
      else this.#run(process, operation, message)
      pace.step()
    } while (this.#next < this.#count && !pace.isLate)
  }

  /** Ends of which the steps of the last round have told everybody. */
  #forgetLeaving(): void {
    for (const process of this.#leaving) {
      const slot = is.slotOf(process.pid)
      if (this.#processes[slot] === process) this.#processes[slot] = undefined
    }
    this.#leaving = []
  }

  /** The core gives the slot of a process away once it hears of its end, so it hears when no step is left for it. */
  #submitExits(): void {
    const exits = this.#exits
    this.#exits = []
    for (const process of exits) {
      this.#submit(process.pid, is.EXITED, process.exitKind)
      this.#ended.push(process)
    }
  }

  #step(at: number): void {
    const steps = this.#steps
    const operation = steps[at + 1] as number
    const slot = steps[at + 2] as number
    const first = steps[at + 3] as number
    const second = steps[at + 4] as number
    switch (operation) {
      case is.CALL_FAILED:
        this.#callFailed(slot, first, second === 1)
        break
      case is.FREE:
        this.#slots.release(slot)
        break
      case is.DROPPED: {
        const message = this.#slots.at(slot)
        this.#slots.release(slot)
        this.#at(steps[at] as number)?.onDropped(first, message)
        break
      }
      case is.TERMINATE:
        this.#at(steps[at] as number)?.onTerminate(slot as ExitKind, first < 0 ? undefined : this.#at(first))
        break
      case is.DOWN:
        this.#at(steps[at] as number)?.onDown(first, this.#at(second))
        break
      case is.EXIT_SIGNAL:
        this.#at(steps[at] as number)?.onExitSignal(first, this.#at(second))
        break
      default:
    }
  }

  /** The process a pid stands for, also one that has just ended. */
  #at(pid: number): Process | undefined {
    const process = this.#processes[is.slotOf(pid)]
    return process?.pid === pid ? process : undefined
  }

  #run(process: Process, operation: number, slot: number): void {
    this.current = process
    let pending: PromiseLike<void> | undefined
    try {
      pending = process.isAsync
        ? inRun(process, () => this.#dispatch(process, operation, slot))
        : this.#dispatch(process, operation, slot)
    } catch (error) {
      tellOwner(this.#owner, error, `the runtime of ${process.id}`)
    }
    this.current = undefined
    if (pending === undefined) {
      process.running = undefined
      return
    }
    process.isAsync = true
    this.#wait(process, pending)
  }

  #dispatch(process: Process, operation: number, slot: number): PromiseLike<void> | undefined {
    const value = this.#slots.at(slot)
    if (operation !== is.CALL) {
      this.#slots.release(slot)
      if (operation === is.CAST) return process.onCast(value)
      if (operation === is.INFO) return process.onInfo(value)
      process.onStop(value)
      return undefined
    }
    const call = value as Call
    if (call.settled) {
      this.#slots.release(slot)
      return undefined
    }
    call.started = true
    process.running = call
    return process.onCall(call)
  }

  /** A handler that takes longer: nothing else of the process runs until it has ended. */
  #wait(process: Process, pending: PromiseLike<void>): void {
    process.busy = true
    goesOn()
    this.#submit(process.pid, is.BUSY, 0)
    const resume = (): void => {
      this.#resume(process)
    }
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
    if (!process.busy && process.status !== (DEAD as number)) this.#submit(process.pid, is.DONE, 0)
  }

  /** Runs what was handed out and could not be handled then. */
  readonly #replay = (process: Process): void => {
    const { backlog } = process
    if (backlog === undefined) return
    const run = (operation: number, slot: number): void => {
      this.#run(process, operation, slot)
    }
    while (!backlog.isEmpty && !process.busy && process.status === RUNNING) backlog.take(run)
    if (backlog.isEmpty) {
      if (process.backlog === backlog) process.backlog = undefined
    } else if (process.status !== RUNNING && process.status !== STARTING) {
      this.#refuseBacklog(process)
    }
  }

  /** A message that was handed out, but cannot be handled now, or not at all. */
  #later(process: Process, operation: number, slot: number): void {
    if (process.status === RUNNING || process.status === STARTING) {
      process.backlog ??= new Backlog()
      process.backlog.push(operation, slot)
    } else {
      this.#refuse(process, operation, slot)
    }
  }

  #refuseBacklog(process: Process): void {
    const { backlog } = process
    if (backlog === undefined) return
    process.backlog = undefined
    const refuse = (operation: number, slot: number): void => {
      this.#refuse(process, operation, slot)
    }
    while (!backlog.isEmpty) backlog.take(refuse)
  }

  #refuse(process: Process, operation: number, slot: number): void {
    const value = this.#slots.at(slot)
    if (operation !== is.CALL) {
      this.#slots.release(slot)
      process.onDropped(operation, value)
      return
    }
    const call = value as Call
    call.started = true
    if (call.settled) this.#slots.release(slot)
    else if (this.settle(call)) call.reject(process.callError(call, is.NO_PROCESS))
  }

  #callFailed(slot: number, failure: number, held: boolean): void {
    const call = this.#slots.at(slot) as Call
    // A call that was handed out and not begun comes by once more.
    if (!held && (call.started || failure !== is.TIMED_OUT)) this.#slots.release(slot)
    if (call.settled) return
    call.settled = true
    if (call.timeoutMs !== Infinity) this.#timed--
    call.whenSettled?.()
    call.reject(call.target.callError(call, failure))
  }

  /** On the stack of a timer, which is nobody's who sends. */
  #drainNow(): void {
    if (!this.#scheduled) {
      this.#scheduled = true
      this.#drain()
    }
  }
}
