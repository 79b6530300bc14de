/** Records a random program: messages by receiver, waits, and reported ends. */

import {
  createControlledClock,
  createSystem,
  GenServer,
  Registry,
  type Clock,
  type ControlledClock,
  type From,
  type LifecycleEvent,
  type LinkRef,
  type MonitorRef,
  type System,
  type TerminateReason,
  type TimerRef,
} from 'keelson'

import { inside } from '../../../support/inside.ts'
import { keyOf, Proc, type Sent } from './proc.ts'
import type { Act, Reason, Setup, Then, Time } from './program.ts'

/** A call, and what has become of it. */
export interface Asked {
  readonly sent: Sent
  readonly timeout: number
  readonly madeAt: number
  readonly by: Proc | undefined
  readonly controller: AbortController | undefined
  readonly wasRunning: boolean
  /** There may have been no room for it. */
  readonly mayBeFull: boolean
  replied: boolean
  outcome: { readonly value?: unknown; readonly error?: unknown; readonly at: number } | undefined
}

export interface Stop {
  readonly who: Proc
  outcome: 'resolved' | { readonly error: unknown } | undefined
}

export interface Relation {
  readonly kind: 'link' | 'monitor'
  readonly one: Proc
  readonly other: Proc
  /** The end of the other came before. */
  readonly wasGone: boolean
  ref: LinkRef | MonitorRef | undefined
  undone: boolean
}

/** Two processes have one link, however often they are linked. */
const isPair = (one: Proc, other: Proc, link: Relation): boolean =>
  (one === link.one && other === link.other) || (one === link.other && other === link.one)

const MOST_PROCESSES = 14
/** A wait that takes longer counts as endless. */
const LONGEST_MS = 8.64e15

/** Returns a clock as somebody else might write it: nothing shows that it is moved by hand. */
export function disguise(clock: ControlledClock): Clock {
  const names = [
    'now',
    'monoMs',
    'sleep',
    'timeout',
    'deadline',
    'interval',
    'schedule',
    'getPendingTimerCount',
    'close',
  ]
  const methods = names.map((name) => [name, (clock[name as keyof Clock] as () => unknown).bind(clock)])
  return Object.fromEntries(methods) as Clock
}

// The types of sources and declarations are two.
const runtimeOf = inside.runtimeOf as unknown as (system: System) => { readonly inUse?: number }
const inUseOf = (system: System): number | undefined => runtimeOf(system).inUse

const codeOf = (error: unknown): string => {
  try {
    return String((error as { code?: unknown }).code)
  } catch {
    return 'unreadable'
  }
}

export class World {
  readonly clock: ControlledClock | undefined
  readonly system: System
  readonly faults: string[] = []
  readonly count: (what: string) => void
  readonly procs: Proc[] = []
  readonly calls: Asked[] = []
  readonly stops: Stop[] = []
  readonly relations: Relation[] = []
  readonly timers: TimerRef[] = []
  readonly held: { readonly sent: Sent; readonly from: From }[] = []
  readonly events: LifecycleEvent[] = []
  readonly reported: [unknown, string][] = []
  closing = false
  #numbers = 0

  constructor(time: Time, count: (what: string) => void) {
    this.count = count
    this.clock = time === 'real' ? undefined : createControlledClock()
    const clock = time === 'disguised' && this.clock !== undefined ? disguise(this.clock) : this.clock
    const onError = (error: unknown, origin: string): void => void this.reported.push([error, origin])
    this.system = createSystem({ ...(clock !== undefined && { clock }), onError })
    GenServer.onLifecycleEvent((event) => this.#told(event), this.system)
  }

  fault(rule: string, what: string): void {
    if (this.faults.length < 50) this.faults.push(`${rule}: ${what}`)
  }

  number(): number {
    return ++this.#numbers
  }

  get now(): number {
    return this.system.clock.monoMs()
  }

  sleep(ms: number): Promise<void> {
    return ms === 0 ? Promise.resolve() : this.system.clock.sleep(ms)
  }

  async turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
  }

  /** Time passes while a handler is on the stack. */
  pass(ms: number): void {
    if (this.clock !== undefined) {
      this.clock.advanceBy(ms)
      return
    }
    const until = this.now + Math.min(ms, 6)
    while (this.now < until);
  }

  async advance(ms: number): Promise<void> {
    if (this.clock === undefined) await this.sleep(Math.min(ms, 20))
    else await this.clock.advance(ms)
  }

  reason(reason: Reason, id: number): TerminateReason {
    return reason === 'error' ? { error: new Error(`asked ${id}`) } : reason
  }

  /** The live process that a number stands for. */
  pick(which: number, also?: 'ended'): (Proc & { ref: NonNullable<Proc['ref']> }) | undefined {
    const some = this.procs.filter(({ ref, isLive }) => ref !== undefined && (isLive || also === 'ended'))
    return some[which % some.length] as never
  }

  start(setup: Setup): void {
    if (this.procs.length >= MOST_PROCESSES) return
    const proc = new Proc(this, this.procs.length, setup)
    this.procs.push(proc)
    const { trapExit, overflow, onError, callerContext } = setup
    const started = GenServer.start(proc.behavior, {
      trapExit,
      overflow,
      onError,
      context: callerContext ? 'caller' : 'process',
      ...(setup.bound !== Infinity && { maxMailbox: setup.bound }),
      ...(setup.name >= 0 && { name: `n${setup.name}` }),
      system: this.system,
    })
    started.then(
      (ref) => {
        proc.ref = ref
        const end = this.events.find(({ type, ref: { id } }) => type === 'terminated' && id === ref.id)
        if (end?.type === 'terminated') proc.ended = end.reason
      },
      (error: unknown) => {
        proc.startFailed = error
        const code = codeOf(error)
        this.count(`start:${code}`)
        if (code === 'KEELSON_ALREADY_REGISTERED') {
          if (proc.inits > 0) this.fault('start-name', 'init ran of one whose name is taken')
          if (proc.terminates.length > 0) this.fault('start-name', 'terminate ran of one whose name is taken')
        } else if (code !== 'KEELSON_INIT_FAILED') {
          if (!this.closing) this.fault('start-failed', `start rejected with ${code}`)
        }
      },
    )
  }

  #send(kind: Sent['kind'], to: Proc, act: Act, ordered: boolean): Sent {
    return { id: this.number(), kind, act, to, ordered, accepted: true, begun: false, over: false }
  }

  #checkBound(to: Proc, sent: Sent): void {
    if (to.setup.overflow === 'drop-oldest' && to.mostQueued > to.setup.bound) {
      // The oldest goes, unless fewer wait than may.
      const isSure = to.leastQueued() > to.setup.bound
      for (const oldest of to.waiting) {
        if (oldest === sent) continue
        to.waiting.delete(oldest)
        if (isSure) oldest.over = true
        else oldest.vague = true
        break
      }
    }
    if (to.mostQueued <= to.setup.bound) return
    const least = to.leastQueued()
    if (least > to.setup.bound) {
      this.fault('bounded', `${least} wait where ${to.setup.bound} may (${to.setup.overflow})`)
    }
  }

  cast(whom: number, act: Act, ordered = true): void {
    const to = this.pick(whom)
    if (to === undefined) return
    const sent = this.#send('cast', to, act, ordered)
    const running = GenServer.isRunning(to.ref)
    const isRoomy = to.mostQueued < to.setup.bound
    to.waiting.add(sent)
    try {
      sent.accepted = GenServer.cast(to.ref, sent)
    } catch (error) {
      sent.accepted = false
      if (running || codeOf(error) !== 'KEELSON_NOT_RUNNING') this.fault('cast', `threw ${codeOf(error)}`)
    }
    if (sent.accepted) this.#checkBound(to, sent)
    else {
      to.waiting.delete(sent)
      this.count('refused')
      if (running && isRoomy) this.fault('bounded', 'a cast was refused, and there is room')
    }
  }

  call(whom: number, act: Act, timeout: number, then: Then, withSignal: boolean, by?: Proc): Asked | undefined {
    const to = this.pick(whom)
    if (to === undefined) return undefined
    // One that would wait for itself is told so later, and does not wait meanwhile.
    const sent: Sent = { ...this.#send('call', to, act, by === undefined), vague: by !== undefined }
    const controller = withSignal ? new AbortController() : undefined
    const wasRunning = GenServer.isRunning(to.ref)
    // Whoever finds no room is told so later. Until then nobody here knows whether it waits, unless all that may wait do.
    const { bound, overflow } = to.setup
    const mayBeFull = overflow !== 'drop-oldest' && to.mostQueued >= bound
    const isRefused = (mayBeFull && to.leastQueued() >= bound) || !wasRunning
    if (mayBeFull) sent.vague = true
    sent.until = this.now + timeout
    const asked: Asked = {
      sent,
      timeout: timeout > LONGEST_MS ? Infinity : timeout,
      madeAt: this.now,
      by,
      controller,
      wasRunning,
      mayBeFull: mayBeFull || overflow === 'drop-oldest',
      replied: false,
      outcome: undefined,
    }
    this.calls.push(asked)
    if (!isRefused) to.waiting.add(sent)
    const options = { timeout, ...(controller !== undefined && { signal: controller.signal }) }
    const settled = (outcome: { value?: unknown; error?: unknown }): void => {
      if (asked.outcome !== undefined) this.fault('call-once', `call ${sent.id} settled twice`)
      asked.outcome = { ...outcome, at: this.now }
      sent.over = true
      this.#then(then, whom)
    }
    GenServer.call(to.ref, sent, options).then(
      (value) => settled({ value }),
      (error: unknown) => {
        const code = codeOf(error)
        this.count(`call:${code}`)
        // One that was given up waits until its turn has come.
        if (code.startsWith('KEELSON_') && code !== 'KEELSON_CALL_TIMEOUT') to.waiting.delete(sent)
        settled({ error })
      },
    )
    if (!isRefused) this.#checkBound(to, sent)
    return asked
  }

  /** A handler asks another process, and waits whatever comes. */
  ask(whom: number, by: Proc, timeout: number): Promise<unknown> | undefined {
    const asked = this.call(whom, { act: 'note' }, timeout, 'nothing', false, by)
    if (asked === undefined) return undefined
    return (async () => {
      while (asked.outcome === undefined) await this.turns(1)
    })()
  }

  #then(then: Then, whom: number): void {
    if (then === 'nothing' || this.closing) return
    this.count(`then:${then}`)
    if (then === 'answer-all') this.answer(1000, false)
    else if (then === 'call-again') this.call(whom, { act: 'hold' }, Infinity, 'nothing', false)
    else if (then === 'look') this.look(whom)
    else this.start(this.procs[0]?.setup as Setup)
  }

  answer(count: number, last: boolean): void {
    const some = last ? this.held.splice(-count) : this.held.splice(0, count)
    for (const { sent, from } of some) {
      const asked = this.calls.find((call) => call.sent === sent) as Asked
      if (!GenServer.reply(from, `re:${sent.id}`)) continue
      if (asked.replied) this.fault('call-once', `call ${sent.id} was answered twice`)
      asked.replied = true
    }
  }

  stop(who: number, reason: Reason): void {
    const proc = this.pick(who)
    if (proc === undefined) return
    const why = this.reason(reason, this.number())
    proc.causes.add(keyOf(why))
    const stop: Stop = { who: proc, outcome: undefined }
    this.stops.push(stop)
    GenServer.stop(proc.ref, why).then(
      () => {
        stop.outcome = 'resolved'
        if (GenServer.isRunning(proc.ref)) this.fault('stop', 'a stop resolved and the process runs')
      },
      (error: unknown) => {
        stop.outcome = { error }
      },
    )
  }

  relate(kind: Relation['kind'], one: number, other: number): void {
    const from = this.pick(one)
    const to = this.pick(other, 'ended')
    if (from === undefined || to === undefined || from === to) return
    const status = GenServer.getStatus(to.ref).status
    const wasGone = status === 'stopped'
    if (kind === 'link' && (wasGone || GenServer.getStatus(from.ref).status === 'stopped')) return
    if (kind === 'monitor' && GenServer.getStatus(from.ref).status === 'stopped') return
    const relation: Relation = { kind, one: from, other: to, wasGone, ref: undefined, undone: false }
    this.relations.push(relation)
    const made = kind === 'link' ? GenServer.link(from.ref, to.ref) : GenServer.monitor(from.ref, to.ref)
    made.then(
      (ref) => {
        relation.ref = ref
      },
      (error: unknown) => this.fault(kind, `rejected with ${codeOf(error)}`),
    )
  }

  undo(kind: Relation['kind'], which: number): void {
    const some = this.relations.filter((one) => one.kind === kind && one.ref !== undefined && !one.undone)
    const relation = some[which % some.length]
    if (relation === undefined) return
    const same = this.relations.filter(({ one, other }) => kind === 'link' && isPair(one, other, relation))
    for (const each of [relation, ...same]) each.undone = true
    if (kind === 'link') void GenServer.unlink(relation.ref as LinkRef)
    else void GenServer.demonitor(relation.ref as MonitorRef)
  }

  look(who: number): void {
    const proc = this.pick(who, 'ended')
    if (proc === undefined) return
    const { status, queueSize } = GenServer.getStatus(proc.ref)
    if (status === 'stopped' && queueSize !== 0) this.fault('queue-size', 'of one that has ended')
    GenServer.getState(proc.ref)
    if (status !== 'running') return
    // Behind a request to stop it is the new message that goes, and nobody here knows what stands behind it.
    if (proc.setup.overflow === 'drop-oldest' && this.stops.some(({ who: one }) => one === proc)) return
    // One that ends because of a link takes no message any more, before it is told so.
    if (this.#isDoomed(proc)) return
    const [least, most] = [proc.leastQueued(), proc.mostQueued]
    if (queueSize < least || queueSize > most) {
      this.fault('queue-size', `${queueSize} where ${least === most ? least : `${least} to ${most}`} wait`)
    }
  }

  /** Returns whether a process ends because one that it is linked with has ended. */
  #isDoomed(proc: Proc): boolean {
    if (proc.setup.trapExit) return false
    return this.relations.some(({ kind, one, other }) => {
      if (kind !== 'link' || (one !== proc && other !== proc)) return false
      const { ended } = one === proc ? other : one
      return ended !== undefined && ended !== 'normal'
    })
  }

  after(whom: number, ms: number, act: Act): void {
    const to = this.pick(whom)
    if (to === undefined || GenServer.getStatus(to.ref).status === 'stopped') return
    // What a timer sends is not waited for: it finds its mailbox as it is.
    if (to.setup.bound !== Infinity) return
    const sent: Sent = { ...this.#send('cast', to, act, false), vague: true }
    this.timers.push(GenServer.sendAfter(to.ref, sent, ms))
    to.waiting.add(sent)
  }

  listen(kind: string): void {
    let busy = false
    const off = GenServer.onLifecycleEvent(() => {
      if (this.closing || busy) return
      busy = true
      if (kind.startsWith('once')) off()
      if (kind.endsWith('starts')) this.start(this.procs[0]?.setup as Setup)
      busy = false
      if (kind === 'throws') throw new Error('a listener')
    }, this.system)
  }

  #told(event: LifecycleEvent): void {
    this.events.push(event)
    const proc = this.procs.find(({ ref }) => ref?.id === event.ref.id)
    if (event.type === 'terminated' && proc !== undefined) {
      if (proc.ended !== undefined) this.fault('events', 'terminated was told twice')
      proc.ended = event.reason
    }
  }

  nameOwner(name: number): void {
    const ref = Registry.whereis(`n${name}`, this.system)
    if (ref !== undefined && GenServer.getStatus(ref).status === 'stopped')
      this.fault('names-end', 'of one that has ended')
  }

  /** Places that the runtime has given to messages, calls and processes, where it says so. */
  get inUse(): number | undefined {
    return inUseOf(this.system)
  }
}
