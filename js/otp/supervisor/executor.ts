import { isConsequence } from '../../actor/shutdown.ts'
import { MAX_DURATION_MS } from '../../internal/validate.ts'
import { FAILED, SHUTDOWN } from '../../protocol/actor.ts'
import { isClosed } from '../../clock/base.ts'
import { limitOn } from '../../clock/internal-timers.ts'
import type { TimerHandle } from '../../clock/types.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { hot, scratch } from '../../native.ts'
import { promiseOf } from '../../internal/thenable.ts'
import { asError } from '../../internal/thrown-values.ts'
import type { System } from '../../system/system.ts'
import type { LocalRef } from '../gen-server/local-ref.ts'
import { serverIn } from '../gen-server/ref.ts'
import type { Server } from '../gen-server/process.ts'
import type { LifecycleEvent } from '../gen-server/types.ts'
import { agendaOf, type Agenda, type Driven } from './event-queue.ts'
import { Attempt, Child, ChildNames, run } from './child.ts'
import { MaxRestartsExceededError, SupervisorNotFoundError } from './errors.ts'
import { type Checked, type Plan, writePolicy } from './options.ts'
import { refusalOf, startErrorOf } from './rejections.ts'
import * as protocol from '../../protocol/supervisor.ts'
import type { ChildSpec } from './types.ts'

/** The process on whose behalf children are driven. */
export interface Host {
  readonly id: string
  readonly system: System
  readonly server: Server
  /** The children it was given run. */
  onReady(): void
  /** It begins to stop by its own decision: with an error, or to follow a significant child. */
  onDecided(error: Error | undefined): void
  /** No child is alive; the error is why it could not start. */
  onStopped(error: Error | undefined): void
  /** Whether anybody wants to know. */
  readonly listens: boolean
  inform(event: LifecycleEvent): void
}

interface Request {
  readonly child: Child | undefined
  readonly id: string
  readonly resolve: (ref: LocalRef | undefined) => void
  readonly reject: (error: Error) => void
}

/** Actions of the event that is carried out: user code may use the scratch memory meanwhile. */
const page = new Float64Array(scratch.length)

/** What an event says of a child. */
function about(child: Child, { ref }: Server): { ref: LocalRef; name?: string; childId: string } {
  const { id: childId, name } = child
  return name === undefined ? { ref, childId } : { ref, name, childId }
}

/** Carries out what a supervisor of the core decides about processes. */
export class Driver implements Driven {
  readonly #host: Host
  readonly #plan: Plan
  readonly #agenda: Agenda
  readonly #handle: number
  readonly #random: number
  readonly #names = new ChildNames()
  /** Children with a specification, by the core's number, in the order in which they start. */
  readonly #children = new Map<number, Child>()
  /** What can be started, by the core's token. */
  readonly #tokens = new Map<number, Child>()
  readonly #attempts = new Map<number, Attempt>()
  readonly #servers = new Map<number, Server>()
  readonly #timers = new Map<number, TimerHandle>()
  readonly #requests = new Map<number, Request>()
  /** Children that have had a process. */
  #count = 0
  #made = 0
  #dynamic = 0
  #lastCrash: Error | undefined
  /** A start that is not made, as the system closes. */
  #held = -1
  stopped = false

  constructor(host: Host, plan: Plan) {
    this.#host = host
    this.#plan = plan
    this.#agenda = agendaOf(host.system)
    this.#random = host.system.random.handle
    const { strategy, maxRestarts, withinMs, scope, autoShutdown } = plan
    const shutdown = protocol.AUTO_SHUTDOWNS.indexOf(autoShutdown)
    this.#handle = hot.supervisorOpen(strategy, maxRestarts, withinMs, scope, shutdown)
    for (const spec of plan.children) {
      const number = this.#names.use(spec.id, this.#number)
      const child = new Child(number, spec)
      this.#tokens.set(number, child)
      this.#children.set(number, child)
      writePolicy(spec.terms)
      hot.supervisorChild(this.#handle, number)
    }
    if (plan.template !== undefined) {
      writePolicy(plan.template.terms)
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

  get children(): Iterable<Child> {
    return this.#children.values()
  }

  child(id: string): Child | undefined {
    if (!this.#plan.isSimple) return this.#children.get(this.#names.find(id) ?? -1)
    return this.#children.get(this.#dynamicNumber(id))
  }

  begin(): void {
    this.#tell(protocol.START)
  }

  /** Asks it to stop its children, and end. */
  stop(kind: number): void {
    this.#tell(protocol.EXIT_REQUESTED, kind)
  }

  kill(): void {
    this.#tell(protocol.KILLED)
  }

  /** Whether there was a timer; all are due now. */
  hurry(): boolean {
    const timers = [...this.#timers]
    this.#timers.clear()
    for (const [timer, handle] of timers) {
      handle.cancel()
      this.#tell(protocol.TIMER, timer)
    }
    return timers.length > 0
  }

  startChild(spec: Checked): Promise<LocalRef> {
    const number = this.#names.use(spec.id, this.#number)
    return this.#ask(protocol.START_CHILD, number, spec.id, new Child(number, spec)) as Promise<LocalRef>
  }

  startDynamic(args: unknown[]): Promise<LocalRef> {
    const { spec: template, terms } = this.#plan.template as NonNullable<Plan['template']>
    const id = `child_${++this.#dynamic}`
    const spec = { ...template, id, start: (() => Reflect.apply(terms.start, template, args)) as ChildSpec['start'] }
    // The number is in the name, so that no table is needed to find it.
    const child = new Child(this.#dynamic, { id, spec, terms: { ...terms, start: spec.start } })
    return this.#ask(protocol.START_DYNAMIC, child.number, id, child) as Promise<LocalRef>
  }

  removeChild(id: string): Promise<void> {
    return this.#ask(protocol.REMOVE_CHILD, this.#numberOf(id), id) as Promise<never>
  }

  renewChild(id: string): Promise<LocalRef> {
    return this.#ask(protocol.RENEW_CHILD, this.#numberOf(id), id) as Promise<LocalRef>
  }

  readonly #number = (): number => ++this.#made

  #dynamicNumber(id: string): number {
    const number = id.startsWith('child_') ? Number(id.slice(6)) : -1
    return `child_${number}` === id ? number : -1
  }

  #numberOf(id: string): number {
    const number = this.#plan.isSimple ? this.#dynamicNumber(id) : this.#names.find(id)
    // One that was never used is told so by the core.
    return number === undefined || number < 0 ? 2 ** 50 : number
  }

  #tell(event: number, first = 0, second = 0): void {
    this.#agenda.tell(this, event, first, second)
  }

  #ask(event: number, number: number, id: string, child?: Child): Promise<LocalRef | undefined> {
    return new Promise((resolve, reject) => {
      const request = this.#number()
      this.#requests.set(request, { child, id, resolve, reject })
      if (child !== undefined) this.#tokens.set(request, child)
      this.#tell(event, request, number)
    })
  }

  take(event: number, first: number, second: number): void {
    if (this.stopped) {
      this.#requests.get(first)?.reject(new SupervisorNotFoundError(this.#host.id, this.#host.server.name))
      return
    }
    const { clock } = this.#host.system
    if (event === protocol.START_CHILD) writePolicy((this.#tokens.get(first) as Child).terms)
    let written = hot.supervisorTell(this.#handle, event, first, second, clock.monoMs(), this.#random)
    while (written > 0) {
      page.set(scratch)
      const left = page[protocol.PAGE_HEAD_LEFT] as number
      for (let index = 0; index < written; index++) {
        try {
          this.#carryOut(index * protocol.ACTION_CELLS)
        } catch (error) {
          // A clock of somebody else's making may throw. The other actions are carried out all the same.
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

  #carryOut(at: number): void {
    const kind = page[at + protocol.ACTION_KIND] as number
    const first = page[at + protocol.ACTION_FIRST] as number
    const second = page[at + protocol.ACTION_SECOND] as number
    const third = page[at + protocol.ACTION_THIRD] as number
    switch (kind) {
      case protocol.DO_START:
        this.#start(first, second)
        break
      case protocol.DO_CANCEL_START:
        if (first === this.#held) this.#tell(protocol.CHILD_START_FAILED, first, SHUTDOWN)
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

  #report(told: number, first: number, second: number, third: number): void {
    const { id } = this.#host
    const child = this.#children.get(first)
    switch (told) {
      case protocol.TOLD_STARTED:
        if (child !== undefined) this.#onStarted(child, second, third)
        break
      case protocol.TOLD_START_FAILED: {
        if (child === undefined) break
        const error = this.#startError(child, second)
        this.#lastCrash = error
        // The first start of a child is somebody's to hear of; another one is nobody's.
        if (child.server !== undefined) this.#crashed(child, child.server, undefined, error)
        break
      }
      case protocol.TOLD_EXITED:
        this.#onExited(child, second)
        break
      case protocol.TOLD_LATE:
        // Nobody waits for it any more, and nobody asks for it again.
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

  #inform(event: LifecycleEvent): void {
    if (this.#host.listens) this.#host.inform(event)
  }

  #start(start: number, token: number): void {
    const child = this.#tokens.get(token) as Child
    this.#children.set(child.number, child)
    const attempt = new Attempt(child, this.#host.system)
    this.#attempts.set(start, attempt)
    if (this.#host.system.closed) {
      // Nothing is started any more; it fails when this supervisor's turn to end has come.
      this.#held = start
      return
    }
    const failed = (error: unknown): void => {
      child.startError = asError(error)
      this.#tell(protocol.CHILD_START_FAILED, start, FAILED)
      this.#over(start)
    }
    let begun: unknown
    try {
      // In the context in which the supervisor was started, not in that of whatever crashed.
      begun = this.#host.server.scope.runInAsyncScope(run, undefined, attempt)
    } catch (error) {
      failed(error)
      return
    }
    const made = (ref: unknown): void => {
      const server = serverIn(ref)
      if (server !== undefined && server.runtime === this.#host.server.runtime) this.#adopt(start, server, child)
      else
        failed(
          new InvalidArgumentError(`what the start of '${child.id}' makes`, 'the ref of a process of this system', ref),
        )
    }
    const pending = promiseOf(begun)
    if (pending === undefined) queueMicrotask(() => made(begun))
    else void pending.then(made, failed)
  }

  /** A start has led to a process: from now on, its end is the supervisor's to deal with. */
  #adopt(start: number, server: Server, child: Child): void {
    if (this.stopped) {
      server.isSupervised = true
      server.kill()
      this.#over(start)
      return
    }
    if (server.supervises && !child.terms.isShutdownGiven) hot.supervisorNested(this.#handle, child.number)
    this.#tell(protocol.CHILD_STARTED, start, server.pid)
    if (this.#servers.has(server.pid)) {
      this.#over(start)
      return
    }
    this.#servers.set(server.pid, server)
    server.isSupervised = true
    this.#over(start)
    const onExited = (): void => this.#tell(protocol.CHILD_EXITED, server.pid, server.exitForParent)
    if (server.isAlive) server.whenEnded(onExited)
    else onExited()
  }

  #over(start: number): void {
    this.#attempts.get(start)?.end()
    this.#attempts.delete(start)
  }

  #onStarted(child: Child, pid: number, instance: number): void {
    const server = this.#servers.get(pid) as Server
    if (child.server === undefined) this.#count++
    child.server = server
    child.name = server.name
    child.startError = undefined
    child.restartCount = instance - 1
    if (instance > 1) this.#inform({ type: 'restarted', ...about(child, server), attempt: child.restartCount })
  }

  #onExited(child: Child | undefined, pid: number): void {
    const server = this.#servers.get(pid)
    this.#servers.delete(pid)
    if (server === undefined || typeof server.reason === 'string') return
    const { error } = server.reason
    this.#lastCrash = error
    if (child === undefined) return
    child.name = server.fall?.name ?? child.name
    this.#crashed(child, server, server.fall?.messageType, error)
  }

  /** A child has crashed, or could not be started again. */
  #crashed(child: Child, server: Server, messageType: string | undefined, error: Error): void {
    this.#inform({ type: 'crashed', ...about(child, server), error })
    const { id: supervisorId, system } = this.#host
    if (isConsequence(system, error)) return
    const { id: childId, name } = child
    child.crashesIn(system).tell({ processId: server.id, name, childId, supervisorId, messageType, error })
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
    // On a closed clock it will not ring, and is due when the system closes.
    this.#timers.set(timer, { cancel: () => {} })
    if (isClosed(clock)) return
    const delay = Math.min(Math.max(at - clock.monoMs(), 0), MAX_DURATION_MS)
    const handle = limitOn(clock, delay, `supervisor ${this.#host.id}`, () => {
      this.#timers.delete(timer)
      this.#tell(protocol.TIMER, timer)
    })
    this.#timers.set(timer, handle)
  }

  #refuse(request: number, what: number, detail: number): void {
    const asked = this.#requests.get(request)
    if (asked === undefined) return
    this.#requests.delete(request)
    const { child, id } = asked
    if (child !== undefined) this.#drop(child, request)
    asked.reject(refusalOf(this.#host.server, id, child ?? this.child(id), { what, detail, cause: this.#lastCrash }))
  }

  #startError(child: Child, detail: number): Error {
    return startErrorOf(child, detail, this.#lastCrash)
  }

  /** A specification is gone. */
  #forget(number: number, token: number): void {
    const child = this.#children.get(number)
    if (child === undefined) return
    this.#drop(child, token)
    const { server } = child
    child.endReports()
    if (server !== undefined) this.#inform({ type: 'terminated', ...about(child, server), reason: server.reason })
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
    // One that never ends keeps no report waiting.
    for (const attempt of this.#attempts.values()) attempt.end()
    this.#host.onStopped(failed === undefined ? undefined : this.#startError(failed, detail))
    // A start may have ended, of which the core has not heard yet.
    for (const server of this.#servers.values()) server.kill()
    for (const one of this.#children.values()) one.endReports()
    this.#children.clear()
    this.#tokens.clear()
    this.#servers.clear()
    this.#count = 0
  }
}
