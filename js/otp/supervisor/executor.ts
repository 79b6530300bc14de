import { publishRestart } from '../../actor/process-channels.ts'
import { isConsequence } from '../../actor/shutdown.ts'
import { MAX_DURATION_MS } from '../../internal/validate.ts'
import { FAILED, SHUTDOWN } from '../../protocol/actor.ts'
import { isClosed } from '../../clock/base.ts'
import { limitOn } from '../../clock/internal-timers.ts'
import { monoMsOf } from '../../clock/observed-time.ts'
import type { TimerHandle } from '../../clock/types.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { hot, scratch } from '../../native.ts'
import { promiseOf } from '../../internal/thenable.ts'
import { asError } from '../../internal/thrown-values.ts'
import type { System } from '../../system/system.ts'
import type { LocalRef } from '../gen-server/local-ref.ts'
import { findProcess } from '../gen-server/ref.ts'
import type { GenServerProcess } from '../gen-server/process.ts'
import type { LifecycleEvent } from '../gen-server/types.ts'
import { eventQueueOf, type EventQueue, type EventSink } from './event-queue.ts'
import { StartAttempt, Child, childFields, ChildNames, runStartAttempt } from './child.ts'
import { MaxRestartsExceededError, SupervisorNotFoundError } from './errors.ts'
import { type CheckedChild, type SupervisorPlan, writePolicy } from './options.ts'
import { rejectionOf, startErrorOf } from './rejections.ts'
import * as protocol from '../../protocol/supervisor.ts'
import type { ChildSpec } from './types.ts'

/** The supervisor's process, as its executor sees it. */
export interface SupervisorHost {
  readonly id: string
  readonly system: System
  readonly server: GenServerProcess
  /** True once the children of its options run. */
  readonly isReady: boolean
  /** Called once the children of its options run. */
  onReady(): void
  /** Called when it stops by its own decision: with the error, or without one to follow a significant child. */
  onDecided(error: Error | undefined): void
  /** Called once no child is alive, with the error of a child that did not start, if that is the cause. */
  onStopped(error: Error | undefined): void
  /** True if events of supervisors have listeners. */
  readonly hasEventListeners: boolean
  emit(event: LifecycleEvent): void
}

interface ChildRequest {
  readonly child: Child | undefined
  readonly id: string
  readonly resolve: (ref: LocalRef | undefined) => void
  readonly reject: (error: Error) => void
}

/** A copy of the actions that are executed, because user code may use the scratch memory meanwhile. */
const page = new Float64Array(scratch.length)

/**
 * Executes the decisions of a supervisor of the core: starts, stops and kills processes, arms timers, answers requests.
 * The core decides; events reach it through the queue, one at a time.
 */
export class Executor implements EventSink {
  readonly #host: SupervisorHost
  readonly #plan: SupervisorPlan
  readonly #queue: EventQueue
  readonly #handle: number
  readonly #random: number
  readonly #names = new ChildNames()
  /** Children with a specification, by the core's number, in the order in which they start. */
  readonly #children = new Map<number, Child>()
  /** Children that can be started, by the core's token. */
  readonly #tokens = new Map<number, Child>()
  readonly #attempts = new Map<number, StartAttempt>()
  readonly #servers = new Map<number, GenServerProcess>()
  readonly #timers = new Map<number, TimerHandle>()
  readonly #requests = new Map<number, ChildRequest>()
  /** Restarts of its children, those that are gone included. */
  restarts = 0
  /** The number of children that have had a process. */
  #count = 0
  #lastNumber = 0
  #dynamic = 0
  #lastCrash: Error | undefined
  /** A start that is held back because the system closes. */
  #heldStart = -1
  stopped = false

  constructor(host: SupervisorHost, plan: SupervisorPlan) {
    this.#host = host
    this.#plan = plan
    this.#queue = eventQueueOf(host.system)
    this.#random = host.system.random.handle
    const { strategy, maxRestarts, withinMs, scope, autoShutdown } = plan
    const shutdown = protocol.AUTO_SHUTDOWNS.indexOf(autoShutdown)
    this.#handle = hot.supervisorOpen(strategy, maxRestarts, withinMs, scope, shutdown)
    for (const spec of plan.children) {
      const number = this.#names.use(spec.id, this.#number)
      const child = new Child(host.id, number, spec)
      this.#tokens.set(number, child)
      this.#children.set(number, child)
      writePolicy(spec.policy)
      hot.supervisorChild(this.#handle, number)
    }
    if (plan.template !== undefined) {
      writePolicy(plan.template.policy)
      hot.supervisorTemplate(this.#handle)
    }
    const rule = hot.supervisorMake(this.#handle)
    if (rule === protocol.NO_RULE) return
    hot.supervisorClose(this.#handle)
    throw new InvalidArgumentError(
      'options',
      `a configuration that keeps the rules (it breaks rule ${rule})`,
      undefined,
    )
  }

  get count(): number {
    return this.#count
  }

  /** The number of restarts that it may still make within its window. */
  get restartsLeft(): number {
    return this.stopped ? 0 : hot.supervisorRestartsLeft(this.#handle, monoMsOf(this.#host.system.clock))
  }

  get children(): Iterable<Child> {
    return this.#children.values()
  }

  child(id: string): Child | undefined {
    if (!this.#plan.isSimple) return this.#children.get(this.#names.find(id) ?? -1)
    return this.#children.get(this.#dynamicNumber(id))
  }

  begin(): void {
    this.#enqueue(protocol.START)
  }

  /** Asks the core to stop the children, and end. */
  stop(kind: number): void {
    this.#enqueue(protocol.EXIT_REQUESTED, kind)
  }

  kill(): void {
    this.#enqueue(protocol.KILLED)
  }

  /** Makes all timers due now. Returns whether there were any. */
  fireTimers(): boolean {
    const timers = [...this.#timers]
    this.#timers.clear()
    for (const [timer, handle] of timers) {
      handle.cancel()
      this.#enqueue(protocol.TIMER, timer)
    }
    return timers.length > 0
  }

  startChild(spec: CheckedChild): Promise<LocalRef> {
    const number = this.#names.use(spec.id, this.#number)
    return this.#request(
      protocol.START_CHILD,
      number,
      spec.id,
      new Child(this.#host.id, number, spec),
    ) as Promise<LocalRef>
  }

  startDynamic(args: unknown[]): Promise<LocalRef> {
    const { spec: template, policy } = this.#plan.template as NonNullable<SupervisorPlan['template']>
    const id = `child_${++this.#dynamic}`
    const spec = { ...template, id, start: (() => Reflect.apply(policy.start, template, args)) as ChildSpec['start'] }
    // The number is in the name, so that no table is needed to find it.
    const child = new Child(this.#host.id, this.#dynamic, { id, spec, policy: { ...policy, start: spec.start } })
    return this.#request(protocol.START_DYNAMIC, child.number, id, child) as Promise<LocalRef>
  }

  removeChild(id: string): Promise<void> {
    return this.#request(protocol.REMOVE_CHILD, this.#numberOf(id), id) as Promise<never>
  }

  restartChild(id: string): Promise<LocalRef> {
    return this.#request(protocol.RENEW_CHILD, this.#numberOf(id), id) as Promise<LocalRef>
  }

  readonly #number = (): number => ++this.#lastNumber

  #dynamicNumber(id: string): number {
    const number = id.startsWith('child_') ? Number(id.slice(6)) : -1
    return `child_${number}` === id ? number : -1
  }

  #numberOf(id: string): number {
    const number = this.#plan.isSimple ? this.#dynamicNumber(id) : this.#names.find(id)
    // The core refuses a number that was never used.
    return number === undefined || number < 0 ? 2 ** 50 : number
  }

  #enqueue(event: number, first = 0, second = 0): void {
    this.#queue.push(this, event, first, second)
  }

  #request(event: number, number: number, id: string, child?: Child): Promise<LocalRef | undefined> {
    return new Promise((resolve, reject) => {
      const request = this.#number()
      this.#requests.set(request, { child, id, resolve, reject })
      if (child !== undefined) this.#tokens.set(request, child)
      this.#enqueue(event, request, number)
    })
  }

  handle(event: number, first: number, second: number): void {
    if (this.stopped) {
      this.#requests.get(first)?.reject(new SupervisorNotFoundError(this.#host.id, this.#host.server.name))
      return
    }
    const { clock } = this.#host.system
    if (event === protocol.START_CHILD) writePolicy((this.#tokens.get(first) as Child).policy)
    let written = hot.supervisorTell(this.#handle, event, first, second, clock.monoMs(), this.#random)
    while (written > 0) {
      page.set(scratch)
      const left = page[protocol.PAGE_HEAD_LEFT] as number
      for (let index = 0; index < written; index++) {
        try {
          this.#execute(index * protocol.ACTION_CELLS)
        } catch (error) {
          // A user's clock may throw. The other actions are executed all the same.
          this.failed(error)
        }
      }
      written = left > 0 ? hot.supervisorMore(this.#handle) : 0
    }
    if (this.stopped) hot.supervisorClose(this.#handle)
  }

  failed(error: unknown): void {
    this.#host.system.report(error, `supervisor ${this.#host.id}`)
  }

  #execute(at: number): void {
    const kind = page[at + protocol.ACTION_KIND] as number
    const first = page[at + protocol.ACTION_FIRST] as number
    const second = page[at + protocol.ACTION_SECOND] as number
    const third = page[at + protocol.ACTION_THIRD] as number
    switch (kind) {
      case protocol.DO_START:
        this.#start(first, second)
        break
      case protocol.DO_CANCEL_START:
        if (first === this.#heldStart) this.#enqueue(protocol.CHILD_START_FAILED, first, SHUTDOWN)
        for (const server of this.#attempts.get(first)?.nested ?? []) {
          if (second === protocol.SIGNAL_KILL) server.kill()
          else server.end('shutdown')
        }
        break
      case protocol.DO_EXIT:
        this.#exit(first, second === protocol.SIGNAL_KILL)
        break
      case protocol.DO_ARM:
        this.#arm(first, second)
        break
      case protocol.DO_DISARM:
        this.#timers.get(first)?.cancel()
        this.#timers.delete(first)
        break
      case protocol.DO_REPLY:
        this.#requests.get(first)?.resolve(this.#servers.get(second)?.ref)
        this.#requests.delete(first)
        break
      case protocol.DO_REFUSE:
        this.#refuse(first, second, third)
        break
      case protocol.DO_FORGET:
        this.#forget(first, second)
        break
      case protocol.DO_READY:
        this.#host.onReady()
        break
      case protocol.DO_STOPPED:
        this.#stopped(first, second, third)
        break
      default:
        this.#report(kind, first, second, third)
    }
  }

  #report(event: number, first: number, second: number, third: number): void {
    const { id } = this.#host
    const child = this.#children.get(first)
    switch (event) {
      case protocol.TOLD_STARTED:
        if (child !== undefined) this.#onStarted(child, second, third)
        break
      case protocol.TOLD_START_FAILED: {
        if (child === undefined) break
        const error = this.#startError(child, second)
        this.#lastCrash = error
        // The caller of the first start gets its error; later starts have no caller.
        if (child.server !== undefined) this.#crashed(child, child.server, undefined, error)
        break
      }
      case protocol.TOLD_EXITED:
        this.#onExited(child, second)
        break
      case protocol.TOLD_LATE:
        // The process comes too late, and is not used.
        this.#servers.get(second)?.kill()
        this.#servers.delete(second)
        break
      case protocol.TOLD_TERMINATED:
        this.#servers.delete(second)
        break
      case protocol.TOLD_STOPPING:
        if (first === protocol.WHY_MAX_RESTARTS) {
          const { maxRestarts, withinMs } = this.#plan
          const cause = this.#lastCrash === undefined ? undefined : { cause: this.#lastCrash }
          const [{ name }, childId] = [this.#host.server, this.#children.get(second)?.id]
          this.#host.onDecided(new MaxRestartsExceededError(id, maxRestarts, withinMs, cause, childId, name))
        } else if (first === protocol.WHY_AUTO_SHUTDOWN) {
          this.#host.onDecided(undefined)
        }
        break
      default:
    }
  }

  #emit(event: LifecycleEvent): void {
    if (this.#host.hasEventListeners) this.#host.emit(event)
  }

  #start(start: number, token: number): void {
    const child = this.#tokens.get(token) as Child
    this.#children.set(child.number, child)
    const attempt = new StartAttempt(child, this.#host.system)
    this.#attempts.set(start, attempt)
    if (this.#host.system.closed) {
      // The start fails when this supervisor ends.
      this.#heldStart = start
      return
    }
    const failed = (error: unknown): void => {
      child.startError = asError(error)
      this.#enqueue(protocol.CHILD_START_FAILED, start, FAILED)
      this.#endAttempt(start)
    }
    let result: unknown
    try {
      // Runs in the asynchronous context of the supervisor's start, not in that of the crash.
      const { server, isReady } = this.#host
      const run = (): unknown => runStartAttempt(attempt)
      result = server.scope.runInAsyncScope(isReady ? () => server.runtime.outsideTraces(run) : run)
    } catch (error) {
      failed(error)
      return
    }
    const onResult = (ref: unknown): void => {
      const server = findProcess(ref)
      if (server !== undefined && server.runtime === this.#host.server.runtime) this.#adopt(start, server, child)
      else
        failed(
          new InvalidArgumentError(`what the start of '${child.id}' makes`, 'the ref of a process of this system', ref),
        )
    }
    const pending = promiseOf(result)
    if (pending === undefined) queueMicrotask(() => onResult(result))
    else void pending.then(onResult, failed)
  }

  /** Takes over the process that a start function returned: its exits are the supervisor's from now on. */
  #adopt(start: number, server: GenServerProcess, child: Child): void {
    if (this.stopped) {
      server.isSupervised = true
      server.kill()
      this.#endAttempt(start)
      return
    }
    if (server.isSupervisor && !child.policy.isShutdownGiven) hot.supervisorNested(this.#handle, child.number)
    this.#enqueue(protocol.CHILD_STARTED, start, server.pid)
    if (this.#servers.has(server.pid)) {
      this.#endAttempt(start)
      return
    }
    this.#servers.set(server.pid, server)
    server.isSupervised = true
    server.placement = child
    this.#endAttempt(start)
    const onExited = (): void => this.#enqueue(protocol.CHILD_EXITED, server.pid, server.exitKindForSupervisor)
    if (server.isAlive) server.whenEnded(onExited)
    else onExited()
  }

  #endAttempt(start: number): void {
    this.#attempts.get(start)?.end()
    this.#attempts.delete(start)
  }

  #onStarted(child: Child, pid: number, instance: number): void {
    const server = this.#servers.get(pid) as GenServerProcess
    if (child.server === undefined) this.#count++
    child.server = server
    child.name = server.name
    child.startError = undefined
    child.restartCount = instance - 1
    if (instance <= 1) return
    this.restarts++
    publishRestart(server, child.restartCount, child.id, this.#host.id)
    this.#emit({ type: 'restarted', ...childFields(child, server), attempt: child.restartCount })
  }

  #onExited(child: Child | undefined, pid: number): void {
    const server = this.#servers.get(pid)
    this.#servers.delete(pid)
    if (server === undefined || typeof server.reason === 'string') return
    const { error } = server.reason
    this.#lastCrash = error
    if (child === undefined) return
    child.name = server.crashContext?.name ?? child.name
    this.#crashed(child, server, server.crashContext?.messageType, error)
  }

  /** Publishes the crash of a child, or the failure of its restart. */
  #crashed(child: Child, server: GenServerProcess, messageType: string | undefined, error: Error): void {
    child.crashCount++
    this.#emit({ type: 'crashed', ...childFields(child, server), error })
    const { id: supervisorId, system } = this.#host
    if (isConsequence(system, error)) return
    const { id: childId, name } = child
    child.crashesIn(system).report({ processId: server.id, name, childId, supervisorId, messageType, error })
  }

  #exit(pid: number, kill: boolean): void {
    const server = this.#servers.get(pid)
    if (server === undefined) return
    if (kill) {
      server.kill()
      return
    }
    const { system } = this.#host
    const reject = (error: unknown): void => system.report(error, `terminate of ${server.id}`)
    server.requestStop({ reason: 'shutdown', resolve: () => {}, reject })
  }

  #arm(timer: number, at: number): void {
    const { clock } = this.#host.system
    // A timer of a closed clock never fires; it is due when the system closes.
    this.#timers.set(timer, { cancel: () => {} })
    if (isClosed(clock)) return
    const delay = Math.min(Math.max(at - clock.monoMs(), 0), MAX_DURATION_MS)
    const handle = limitOn(clock, delay, `supervisor ${this.#host.id}`, () => {
      this.#timers.delete(timer)
      this.#enqueue(protocol.TIMER, timer)
    })
    this.#timers.set(timer, handle)
  }

  #refuse(request: number, what: number, detail: number): void {
    const pending = this.#requests.get(request)
    if (pending === undefined) return
    this.#requests.delete(request)
    const { child, id } = pending
    if (child !== undefined) this.#drop(child, request)
    pending.reject(
      rejectionOf(this.#host.server, id, child ?? this.child(id), { what, detail, cause: this.#lastCrash }),
    )
  }

  #startError(child: Child, detail: number): Error {
    return startErrorOf(child, detail, this.#lastCrash)
  }

  /** Removes a child whose specification the core has dropped. */
  #forget(number: number, token: number): void {
    const child = this.#children.get(number)
    if (child === undefined) return
    this.#drop(child, token)
    const { server } = child
    child.endReports()
    if (server !== undefined) this.#emit({ type: 'terminated', ...childFields(child, server), reason: server.reason })
  }

  #drop(child: Child, token: number): void {
    this.#tokens.delete(token)
    if (!this.#plan.isSimple) this.#names.release(child.id)
    if (this.#children.get(child.number) !== child) return
    this.#children.delete(child.number)
    if (child.server !== undefined) this.#count--
  }

  #stopped(why: number, child: number, detail: number): void {
    this.stopped = true
    const failed = why === protocol.WHY_START_FAILED ? this.#children.get(child) : undefined
    // A start function that never ends must not hold back crash reports.
    for (const attempt of this.#attempts.values()) attempt.end()
    this.#host.onStopped(failed === undefined ? undefined : this.#startError(failed, detail))
    // The core may not have heard of a start that has ended.
    for (const server of this.#servers.values()) server.kill()
    for (const each of this.#children.values()) each.endReports()
    this.#children.clear()
    this.#tokens.clear()
    this.#servers.clear()
    this.#count = 0
  }
}
