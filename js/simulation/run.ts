import { currentProcess } from '../actor/call-context.ts'
import type { Process } from '../actor/process.ts'
import { Holds } from '../clock/holds.ts'
import { ClosedError, InvalidArgumentError } from '../errors/errors.ts'
import { isA, text } from '../internal/validate.ts'
import { SystemCore } from '../system/core.ts'
import { Random } from '../system/random.ts'
import { System } from '../system/system.ts'
import type { Choices } from './choices.ts'
import { PropertyError, SimulationStuckError } from './errors.ts'
import { type EventLog, inShort } from './event-log.ts'
import { FaultPlan } from './fault-plan.ts'
import { nameOf, SimulatedNode } from './node.ts'
import type { RunSettings } from './options.ts'
import { Properties } from './properties.ts'
import { SimulatedClock } from './simulated-clock.ts'
import { waitsOf } from './waits.ts'

/** The failure of a run. */
export interface RunFailure {
  readonly error: unknown
  /** The lines that say who waits for what at that time. */
  readonly waits: readonly string[]
  /** The node in which it happened, if it is known. */
  readonly node: string | undefined
}

/** The number of turns of the event loop that work at one instant may take without a step. */
const MOST_STEPS_AN_INSTANT = 20_000

/** One run: its nodes, its time, and the steps that it takes. */
export class Run {
  readonly choices: Choices
  readonly settings: RunSettings
  /** The number of the run, which decides the random streams. */
  readonly number: number
  readonly holds: Holds = new Holds((error) => this.fail(error))
  readonly trace: boolean
  readonly nodes: SimulatedNode[] = []
  readonly clock: SimulatedClock
  readonly properties: Properties
  readonly faults: FaultPlan
  readonly events: EventLog | undefined
  /** The time, in ms. */
  now = 0
  failure: RunFailure | undefined
  /** True once the program has ended, or the run has failed. */
  isOver = false
  #steps = 0
  #instantSteps = 0
  #lastNode: SimulatedNode | undefined
  #settling: Settling | undefined
  readonly #streams = new Map<string, Stream>()
  readonly #nextLabel: number

  /** @param events Records what happens, for a report; costs time. */
  constructor(
    choices: Choices,
    settings: RunSettings,
    number: number,
    sometimes: Map<string, boolean>,
    events?: EventLog,
  ) {
    this.choices = choices
    this.settings = settings
    this.number = number
    this.trace = events !== undefined
    this.events = events
    this.clock = new SimulatedClock(this, 1, (error) => this.fail(error))
    this.properties = new Properties(sometimes)
    this.faults = new FaultPlan(choices, settings.faults)
    this.#nextLabel = choices.label('next')
  }

  /** Runs a program to its end, or to its failure. Never rejects. */
  async execute(program: () => unknown): Promise<void> {
    let isDone = false
    // The program begins in a turn of its own, as every step does.
    void Promise.resolve()
      .then(program)
      .then(
        () => {
          isDone = true
        },
        (error: unknown) => this.fail(error),
      )
    try {
      while (this.failure === undefined) {
        await this.holds.settled()
        if (this.failure !== undefined) break
        // What is carried out may run code of the program, which must come to rest first.
        if (this.#carryOutEvents()) continue
        this.properties.check(this.now)
        if (isDone) break
        this.#step()
      }
      if (this.failure === undefined) this.#checkWorkLeft()
    } catch (error) {
      this.fail(error)
    }
    this.isOver = true
    await this.#end()
  }

  /** Ends the run with a failure. The first one counts. */
  fail(error: unknown, node?: SimulatedNode): void {
    if (this.failure !== undefined || this.isOver) return
    this.failure = { error, waits: this.trace ? waitsOf(this) : [], node: node?.name }
  }

  /** Ends the run with a failure that nobody caught: it belongs to the node that ran last. */
  failUncaught(error: unknown): void {
    this.fail(error, this.#lastNode)
  }

  /** @throws ClosedError once the run is over. */
  assertRunning(): void {
    if (this.isOver) throw new ClosedError('the simulation')
  }

  /** Returns the node whose handler calls this, if one does. */
  get currentNode(): SimulatedNode | undefined {
    const system = currentProcess()?.system
    return system === undefined ? undefined : this.nodes.find((node) => node.system === system)
  }

  /** Returns the clock that code reads now: that of its node, or that of the program. */
  get currentClock(): SimulatedClock {
    return this.currentNode?.clock ?? this.clock
  }

  /** Returns the random stream for chance that the host would give: one for each node and one for the program. */
  get currentStream(): Random {
    const name = this.currentNode?.name ?? ''
    let stream = this.#streams.get(name)
    if (stream === undefined) {
      const core = new SystemCore(`chance of ${name}`, this.choices.streamSeed(this.number, `chance of ${name}`))
      this.#streams.set(name, (stream = { core, random: new Random(core) }))
    }
    return stream.random
  }

  system(name: string): System {
    this.assertRunning()
    text('name', name)
    const known = this.nodes.findLast((node) => node.name === name)
    if (known !== undefined && !known.isCrashed) return known.system
    const incarnation = this.nodes.filter((node) => node.name === name).length
    const rate = this.faults.clockRate(name, this.now)
    const clock = new SimulatedClock(this, rate, (error) => this.fail(error))
    const node = new SimulatedNode(name, this.nodes.length, clock, {
      seed: this.choices.streamSeed(this.number, incarnation === 0 ? name : `${name}, start ${incarnation + 1}`),
      onError: (error, _origin, owner) => {
        if (!owner.isCrashed) this.fail(error, owner)
      },
    })
    node.runtime.outside = this.clock
    const { events } = this
    if (events !== undefined) {
      node.runtime.onMessage = (process, kind, message) =>
        events.add({ at: this.now, node: name, kind, process: nameOf(process), message: inShort(message) })
    }
    this.nodes.push(node)
    return node.system
  }

  nodeOf(field: string, system: unknown): SimulatedNode {
    const node = this.nodes.find((each) => each.system === system)
    if (node === undefined) throw new InvalidArgumentError(field, 'a system of this simulation', system)
    return node
  }

  choose(n: number, label: string): number {
    this.assertRunning()
    const value = this.choices.choose(this.choices.label(label), n, this.now)
    this.#event('choice', this.currentNode?.name ?? '', label, `${value} of ${n}`)
    return value
  }

  /** Crashes a process or a node. */
  crash(target: unknown): void {
    this.assertRunning()
    const process = this.#processOf(target)
    if (process !== undefined) this.crashProcess(process)
    else if (isA(target, System)) this.#crashNode(this.nodeOf('target', target))
    else throw new InvalidArgumentError('target', 'a system or a ref of this simulation', target)
  }

  #processOf(ref: unknown): Process | undefined {
    for (const { runtime } of this.nodes) {
      const found = runtime.alive.find((process) => process.publicRef === ref)
      if (found !== undefined) return found
    }
    return undefined
  }

  crashProcess(process: Process): void {
    const node = this.nodes.find((each) => each.system === process.system)
    if (node === undefined || node.isCrashed) return
    this.choices.event(this.choices.label(`${node.name} crashes ${nameOf(process)}`), this.now)
    this.#event('crash', node.name, nameOf(process), '')
    process.fault(new Error('crashed by the simulation'))
  }

  #crashNode(node: SimulatedNode): void {
    if (node.isCrashed) return
    this.choices.event(this.choices.label(`${node.name} crashes`), this.now)
    this.#event('crash', node.name, '', 'the node')
    node.runtime.crash()
  }

  pause(system: unknown, ms: number): void {
    this.assertRunning()
    this.pauseNode(this.nodeOf('system', system), ms)
  }

  pauseNode(node: SimulatedNode, ms: number): void {
    this.choices.event(this.choices.label(`${node.name} pauses for ${ms} ms`), this.now)
    this.#event('pause', node.name, '', `${ms} ms`)
    node.pausedUntil = Math.max(node.pausedUntil, this.now + ms)
  }

  jumpWall(ms: number, system: unknown): void {
    this.assertRunning()
    const clocks =
      system === undefined
        ? [this.clock, ...this.nodes.map((node) => node.clock)]
        : [this.nodeOf('system', system).clock]
    for (const clock of clocks) clock.jumpWallBy(ms)
    this.choices.event(this.choices.label(`wall time jumps by ${ms} ms`), this.now)
    this.#event('jump', (system as System | undefined)?.name ?? '', '', `${ms} ms of wall time`)
  }

  settle(heal: boolean, withinMs: number): Promise<void> {
    this.assertRunning()
    if (heal) {
      this.faults.stop()
      for (const node of this.nodes) node.pausedUntil = 0
      this.#event('heal', '', '', '')
    }
    return new Promise((resolve) => {
      this.#settling = { until: this.now + withinMs, withinMs, resolve: [...(this.#settling?.resolve ?? []), resolve] }
    })
  }

  #event(kind: string, node: string, process: string, message: string): void {
    this.events?.add({ at: this.now, node, kind, process, message })
  }

  /** Carries out everything that is no choice: exits, calls that fail, mail that comes back. */
  #carryOutEvents(): boolean {
    let isAny = false
    for (const node of this.nodes) {
      if (node.runtime.isDirty && node.isRunning(this.now) && node.runtime.carryOutEvents()) isAny = true
    }
    return isAny
  }

  /** Takes one step: lets a process handle a message, or a timer fire, or time pass. */
  #step(): void {
    if (++this.#steps > this.settings.steps) throw this.#endless(`took ${this.settings.steps} steps and has not ended`)
    if (++this.#instantSteps > MOST_STEPS_AN_INSTANT)
      throw this.#endless(`took ${MOST_STEPS_AN_INSTANT} steps at one instant (${this.now} ms)`)
    if (this.faults.areOn) this.faults.ask(this)
    const order = this.#order()
    let ready = 0
    for (const node of order) ready += this.#offerProcesses(node, ready)
    const { processes, timers } = this.#offered
    const mail = ready
    for (const node of order) ready += this.#offerTimers(node, node.clock, ready)
    ready += this.#offerTimers(undefined, this.clock, ready)
    if (ready === 0 || (mail === ready && this.#isDelayed(order))) {
      processes.length = timers.length = 0
      this.#moveOn(ready > 0)
      return
    }
    const place = this.choices.chooseNext(this.#nextLabel, ready, this.now)
    const process = processes[place]
    const timer = timers[place - mail]
    processes.length = timers.length = 0
    if (process !== undefined) this.#runProcess(process.node, process.pid)
    else if (timer !== undefined) this.#fire(timer)
  }

  readonly #offered: { readonly processes: OfferedProcess[]; readonly timers: OfferedTimer[] } = {
    processes: [],
    timers: [],
  }

  /** Returns the nodes that take steps, in the order of production: they run side by side, so each has its turn. */
  #order(): SimulatedNode[] {
    const running = this.nodes.filter((node) => node.isRunning(this.now))
    const last = this.#lastNode === undefined ? -1 : running.indexOf(this.#lastNode)
    return last < 0 ? running : [...running.slice(last + 1), ...running.slice(0, last + 1)]
  }

  #offerProcesses(node: SimulatedNode, from: number): number {
    const count = node.runtime.ready()
    for (let index = 0; index < count; index++) {
      const pid = node.runtime.pidAt(index)
      this.#offered.processes.push({ node, pid })
      this.choices.offer(from + index, node.keyOf(pid))
    }
    return count
  }

  #offerTimers(node: SimulatedNode | undefined, clock: SimulatedClock, from: number): number {
    if (clock.nextAt > this.now) return 0
    const ids = clock.due()
    for (const [index, id] of ids.entries()) {
      this.#offered.timers.push({ node, clock, id })
      // The timers of a node have one priority.
      this.choices.offer(from + index, -1 - (node?.number ?? -1))
    }
    return ids.length
  }

  #isDelayed(order: readonly SimulatedNode[]): boolean {
    if (!this.faults.areOn) return false
    return this.faults.isDelayed(this.#nextInstant(order) - this.now, this.now)
  }

  #nextInstant(order: readonly SimulatedNode[]): number {
    let next = this.clock.nextAt
    for (const node of order) next = Math.min(next, node.clock.nextAt)
    for (const node of this.nodes)
      if (!node.isCrashed && node.pausedUntil > this.now) next = Math.min(next, Math.max(node.pausedUntil, this.now))
    return next
  }

  /** Lets time pass to the next timer, or the end of a pause. */
  #moveOn(isDelayed: boolean): void {
    const next = this.#nextInstant(this.nodes.filter((node) => node.isRunning(this.now)))
    const settling = this.#settling
    if (settling !== undefined && !isDelayed) {
      if (!this.#isAwaited) {
        this.#settling = undefined
        for (const resolve of settling.resolve) resolve()
        return
      }
      if (next > settling.until) {
        const message = `the system did not settle within ${settling.withinMs} ms of virtual time`
        const waits = waitsOf(this).map((line) => `\n  ${line}`)
        throw new PropertyError('settle', 'settle', this.now, message + waits.join(''))
      }
    }
    if (next === Infinity) {
      const message = 'the program waits for something that will never come: no message and no timer is left'
      throw new SimulationStuckError('stalled', message, waitsOf(this))
    }
    this.#instantSteps = 0
    this.now = Math.max(this.now, next)
    this.clock.follow()
    for (const node of this.nodes) if (!node.isCrashed) node.clock.follow()
  }

  /** Returns whether a timer is left that is no interval, or a node is paused. */
  get #isAwaited(): boolean {
    if (this.clock.slots.waiting > 0) return true
    return this.nodes.some((node) => !node.isCrashed && (node.clock.slots.waiting > 0 || node.pausedUntil > this.now))
  }

  #runProcess(node: SimulatedNode, pid: number): void {
    this.#lastNode = node
    const process = node.runtime.runOne(pid)
    if (process !== undefined) this.choices.event(node.stepLabel(process, this.choices), this.now)
  }

  #fire({ node, clock, id }: OfferedTimer): void {
    const label = clock.labelOf(id)
    const name = node?.name ?? ''
    this.choices.event(this.choices.label(`${name} fires ${label}`), this.now)
    this.#event('timer', name, label, '')
    this.#lastNode = node ?? this.#lastNode
    clock.fireDue(id)
  }

  #endless(what: string): SimulationStuckError {
    return new SimulationStuckError('endless', `the program ${what}`, waitsOf(this))
  }

  #checkWorkLeft(): void {
    const left = this.clock.slots.waiting > 0 || this.holds.any || this.#settling !== undefined
    if (!left) return
    const message = 'the program ended while work of it went on: await it, or cancel it'
    this.fail(new SimulationStuckError('work-left', message, waitsOf(this)))
  }

  /** Ends all nodes. Nothing that waits goes on. */
  async #end(): Promise<void> {
    this.holds.end()
    this.clock.close()
    for (const node of this.nodes.toReversed()) await node.end()
    for (const { core } of this.#streams.values()) core.close()
  }
}

interface OfferedProcess {
  readonly node: SimulatedNode
  readonly pid: number
}

interface OfferedTimer {
  readonly node: SimulatedNode | undefined
  readonly clock: SimulatedClock
  readonly id: number
}

interface Settling {
  readonly until: number
  readonly withinMs: number
  readonly resolve: readonly (() => void)[]
}

interface Stream {
  readonly core: SystemCore
  readonly random: Random
}
