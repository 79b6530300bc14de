import type { Process } from '../actor/process.ts'
import { Holds } from '../clock/holds.ts'
import { ClosedError, InvalidArgumentError } from '../errors/errors.ts'
import { deferred } from '../internal/deferred.ts'
import { lazy } from '../internal/lazy.ts'
import { isA, text } from '../internal/validate.ts'
import { SystemCore } from '../system/core.ts'
import { Random } from '../system/random.ts'
import { System } from '../system/system.ts'
import { Candidates } from './candidates.ts'
import { Causes } from './causes.ts'
import type { Choices } from './choices.ts'
import { PropertyError, REAL_HINT, RealWorldError, SimulationStuckError } from './errors.ts'
import { type EventLog, inShort } from './event-log.ts'
import { FaultPlan } from './fault-plan.ts'
import { pendingRequests } from './host/requests.ts'
import { programFrames } from './host/site.ts'
import { SimulatedNetwork } from './network/network.ts'
import { currentPlace, forgetPlaces, runSyncAt } from './network/places.ts'
import { nameOf, SimulatedNode } from './node.ts'
import type { RunSettings } from './options.ts'
import { Properties } from './properties.ts'
import { SimulatedClock } from './simulated-clock.ts'
import { Turns } from './turns.ts'
import { waitsOf } from './waits.ts'
import type * as Web from './web/web.ts'

/** Most programs have no servers. */
const webs = lazy(() => require('./web/web.ts') as typeof Web)

/** The failure of a run. */
export interface RunFailure {
  readonly error: unknown
  /** The lines that say who waits for what at that time. */
  readonly waits: readonly string[]
  /** The node in which it happened, if it is known. */
  readonly node: string | undefined
}

/** The steps that a program may take at one instant, or a fifth of all its steps if that is more. */
const STEPS_AN_INSTANT = 20_000

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
  readonly network: SimulatedNetwork
  readonly events: EventLog | undefined
  /** The time, in ms. */
  now = 0
  failure: RunFailure | undefined
  /** A step whose place in the program is wanted, and that place once the step is taken. */
  watched: { readonly step: number; site: string | undefined } | undefined
  /** True once the program has ended, or the run has failed. */
  isOver = false
  #isDone = false
  readonly #ended = deferred<void>()
  readonly #candidates = new Candidates()
  readonly #causes = new Causes()
  readonly #turns = new Turns(() => this.#turn())
  #steps = 0
  #instantSteps = 0
  #lastNode: SimulatedNode | undefined
  #settling: Settling | undefined
  readonly #streams = new Map<string, Stream>()
  readonly #nextLabel: number
  #web: Web.SimulatedWeb | undefined

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
    this.network = new SimulatedNetwork(this, settings.faults)
    this.#nextLabel = choices.label('next')
  }

  /** Runs a program to its end, or to its failure. Never rejects. */
  async execute(program: () => unknown): Promise<void> {
    // The program begins in a turn of its own, as every step does.
    void Promise.resolve()
      .then(program)
      .then(
        () => {
          this.#isDone = true
        },
        (error: unknown) => this.fail(error),
      )
    this.#turns.begin()
    await this.#ended.promise
    this.isOver = true
    await this.#end()
  }

  /** Takes a step when nothing of the program waits to run. */
  #turn(): void {
    try {
      if (this.failure === undefined && !this.holds.isSettled) {
        this.#turns.waitFor(this.holds.settled())
        return
      }
      // What is carried out may run code of the program, which must come to rest first.
      if (this.failure === undefined && !this.#carryOutEvents()) {
        this.properties.check(this.now)
        if (this.#isDone) this.#checkWorkLeft()
        else this.#step()
      }
    } catch (error) {
      this.fail(error)
    }
    if (this.failure === undefined && !this.isOver) return
    this.#turns.end()
    this.#ended.resolve()
  }

  /** Ends the run with a failure. The first one counts. */
  fail(error: unknown, node?: { readonly name: string }): void {
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
    const place = currentPlace()
    return place === undefined ? undefined : this.nodes.find((node) => node === place)
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

  /** The servers of the run. */
  get web(): Web.SimulatedWeb {
    return (this.#web ??= new (webs().SimulatedWeb)(this))
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
    node.runtime.connect(node, this.network)
    const { events } = this
    if (events !== undefined) {
      node.runtime.report({
        causes: this.#causes,
        onMessage: ({ process, kind, message, cause }) =>
          events.add({ at: this.now, node: name, kind, process: nameOf(process), message: inShort(message), cause }),
      })
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
    if (this.watched !== undefined && this.choices.steps === this.watched.step) this.watched.site = programFrames()
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
    this.#web?.nodeCrashed(node)
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
      this.network.stopFaults()
      this.network.heal()
      for (const node of this.nodes) node.pausedUntil = 0
      this.#event('heal', '', '', '')
    }
    return new Promise((resolve) => {
      this.#settling = { until: this.now + withinMs, withinMs, resolve: [...(this.#settling?.resolve ?? []), resolve] }
    })
  }

  #event(kind: string, node: string, process: string, message: string): number | undefined {
    return this.events?.add({ at: this.now, node, kind, process, message })
  }

  /** Carries out everything that is no choice: exits, calls that fail, mail that comes back. */
  #carryOutEvents(): boolean {
    let isAny = false
    for (const node of this.nodes) {
      if (node.runtime.isDirty && node.isRunning(this.now) && node.runtime.carryOutEvents()) isAny = true
    }
    return isAny
  }

  /** Takes one step: lets a process handle a message, something arrive, a timer fire, or time pass. */
  #step(): void {
    if (++this.#steps > this.settings.steps) throw this.#endless(`took ${this.settings.steps} steps and has not ended`)
    const most = Math.max(STEPS_AN_INSTANT, this.settings.steps / 5)
    if (++this.#instantSteps > most) throw this.#endless(`took ${most} steps at one instant (${this.now} ms)`)
    if (this.faults.areOn) this.faults.ask(this)
    const candidates = this.#candidates
    candidates.gather(this)
    const { count, messages } = candidates
    if (count === 0 || (count === messages && this.#isDelayed())) {
      // Nothing has run, so the next step needs no turn of its own.
      if (this.#moveOn(count > 0)) this.#step()
      return
    }
    const place = this.choices.chooseNext(this.#nextLabel, count, this.now)
    const node = candidates.nodeAt(place)
    const id = candidates.idAt(place)
    candidates.took(node)
    this.#lastNode = node ?? this.#lastNode
    const channel = candidates.channelAt(place)
    if (channel !== undefined) this.network.deliver(channel)
    else if (place >= messages) this.#fire(node, id)
    else if (node !== undefined) this.#runProcess(node, id)
  }

  #isDelayed(): boolean {
    return this.faults.areOn && this.faults.isDelayed(this.#nextInstant() - this.now, this.now)
  }

  /** Returns the time of the next timer, or of the end of a pause. */
  #nextInstant(): number {
    let next = this.clock.nextAt
    for (const { isCrashed, pausedUntil, clock } of this.nodes) {
      if (!isCrashed) next = Math.min(next, pausedUntil > this.now ? pausedUntil : clock.nextAt)
    }
    return next
  }

  /** Lets time pass to the next timer, or the end of a pause. Returns whether a step can follow at once. */
  #moveOn(isDelayed: boolean): boolean {
    const next = this.#nextInstant()
    const settling = this.#settling
    if (settling !== undefined && !isDelayed) {
      if (!this.#isAwaited) {
        this.#settling = undefined
        for (const resolve of settling.resolve) resolve()
        return false
      }
      if (next > settling.until) {
        const message = `the system did not settle within ${settling.withinMs} ms of virtual time`
        const waits = waitsOf(this).map((line) => `\n  ${line}`)
        throw new PropertyError('settle', 'settle', this.now, message + waits.join(''))
      }
    }
    if (next === Infinity) {
      const [real] = pendingRequests()
      if (real !== undefined) throw new RealWorldError(real, undefined, `nothing else is left to do; ${REAL_HINT}`)
      const message = 'the program waits for something that will never come: no message and no timer is left'
      throw new SimulationStuckError('stalled', message, waitsOf(this))
    }
    this.#instantSteps = 0
    this.now = Math.max(this.now, next)
    this.clock.follow()
    for (const node of this.nodes) if (!node.isCrashed) node.clock.follow()
    // A node whose pause has ended learns what happened meanwhile.
    return !this.nodes.some(({ isCrashed, runtime }) => !isCrashed && runtime.isDirty)
  }

  /** Returns whether a timer is left that is no interval, or a node is paused. */
  get #isAwaited(): boolean {
    if (this.clock.slots.waiting > 0) return true
    return this.nodes.some((node) => !node.isCrashed && (node.clock.slots.waiting > 0 || node.pausedUntil > this.now))
  }

  #runProcess(node: SimulatedNode, pid: number): void {
    const process = node.runtime.runOne(pid)
    if (process !== undefined) this.choices.event(node.stepLabel(process, this.choices), this.now)
  }

  #fire(node: SimulatedNode | undefined, id: number): void {
    const clock = node?.clock ?? this.clock
    const label = clock.labelOf(id)
    if (this.watched !== undefined && this.choices.steps === this.watched.step + 1) this.watched.site = clock.siteOf(id)
    const name = node?.name ?? ''
    this.choices.event(this.choices.label(`${name} fires ${label}`), this.now)
    const fired = this.#event('timer', name, label, '')
    if (fired !== undefined) this.#causes.fires(node, fired)
    if (node === undefined) clock.fireDue(id)
    else runSyncAt(node, () => clock.fireDue(id))
  }

  #endless(what: string): SimulationStuckError {
    return new SimulationStuckError('endless', `the program ${what}`, waitsOf(this))
  }

  /** Ends the run, unless the program has left work behind. */
  #checkWorkLeft(): void {
    const left = this.clock.slots.waiting > 0 || this.holds.any || this.#settling !== undefined
    if (!left) {
      this.isOver = true
      return
    }
    const message = 'the program ended while work of it went on: await it, or cancel it'
    this.fail(new SimulationStuckError('work-left', message, waitsOf(this)))
  }

  /** Ends all nodes. Nothing that waits goes on. */
  async #end(): Promise<void> {
    this.holds.end()
    this.#web?.end()
    forgetPlaces()
    this.clock.close()
    for (const node of this.nodes.toReversed()) await node.end()
    for (const { core } of this.#streams.values()) core.close()
  }
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
