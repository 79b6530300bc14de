import { InvalidArgumentError } from '../errors/errors.ts'
import { lazy } from '../internal/lazy.ts'
import { finite, integer, known, options as checkOptions } from '../internal/validate.ts'
import { hot, native, scratch } from '../native.ts'
import * as protocol from '../protocol/admission.ts'
import type { RouteReading } from '../protocol/admission.ts'
import { getDefaultSystem } from '../system/default.ts'
import { assertSystem, type System } from '../system/system.ts'
import { admissions } from './admission-trace.ts'
import type { Mode } from './decisions.ts'
import { explain, type Explanation } from './explain.ts'
import { Gate } from './gate.ts'
import type { TaskLease } from './lease.ts'
import { linkNeighbours } from './neighbours.ts'
import { type AtrionObserver, Observers } from './observers.ts'
import { listGate } from './observed.ts'
import { openEngine } from './options.ts'
import { observerOf, type PhysicsObserver, type PhysicsSource } from './physics-observers.ts'
import { voltageOf } from './priority.ts'
import type { WorkloadProfile } from './profiles.ts'
import type * as SyncModule from './provider/sync.ts'
import type { StateSync } from './provider/sync.ts'
import { readGate, readRoute, routeState } from './readings.ts'
import { admitRequest, tryRequest } from './request.ts'
import { routeName } from './routes.ts'
import { run } from './run.ts'
import { chooseRoute, type SelectOptions } from './select-route.ts'
import type * as TasksModule from './tasks.ts'
import type { LeaseOptions, Tasks } from './tasks.ts'
import { checkAge, checkNames, checkTelemetry, routeDecision } from './telemetry.ts'
import type { Ticket } from './ticket.ts'
import { pooledStats, type TunerStats } from './tuner-stats.ts'
import type {
  AdmitOptions,
  AtrionOptions,
  RouteDecision,
  RouteOptions,
  RouteState,
  RunContext,
  RunOptions,
  Shed,
  Telemetry,
} from './types.ts'

const syncs = lazy(() => require('./provider/sync.ts') as typeof SyncModule)
const leases = lazy(() => require('./tasks.ts') as typeof TasksModule)

const DEFAULT_VOLTAGE = 100
const DEFAULT_TICKET_TIMEOUT_MS = 30_000
const DEFAULT_MAX_ROUTES = 10_000
const DEFAULT_MAX_TASKS = 10_000
const ROUTE_OPTIONS = ['voltage', 'priority', 'profile']
const NO_WORK = { inFlight: 0, queued: 0 }
const isRouteOption = (name: string): boolean => name === 'voltage' || name === 'priority' || name === 'profile'

/**
 * Admission control: it admits the work that a service can do in time, and refuses the rest at once, the least
 * important first.
 *
 * Each route has a resistance, which explains each decision; an in-flight limit, which follows the speed of the
 * service; and a queue, which orders the requests that wait. A trickle is always admitted, so that no route stays shut.
 *
 * {@link run}, {@link admit} and {@link tryAdmit} measure the work themselves; {@link route} takes telemetry that you
 * measure. All time comes from the system's clock.
 *
 * @example
 * ```ts
 * const atrion = new Atrion()
 * const user = await atrion.run('db', () => db.query('…'), { priority: 'critical', timeoutMs: 500 })
 * ```
 */
export class Atrion {
  /** @internal */
  readonly gate: Gate
  readonly #system: System
  readonly #defaultVoltage: number
  readonly #ticketTimeoutMs: number
  readonly #disown: () => void
  readonly #observers: Observers
  readonly #maxTasks: number
  #tasks: Tasks | undefined
  readonly #sync: StateSync | undefined
  readonly #isTuned: boolean
  /** What observers that are objects read. */
  readonly #physics: PhysicsSource
  #connected = false

  /** @throws InvalidArgumentError naming the option that is refused. */
  constructor(options?: AtrionOptions) {
    const opts = checkOptions('options', options)
    const system = opts.system ?? getDefaultSystem()
    assertSystem('options.system', system)
    system.assertOpen()
    this.#defaultVoltage =
      opts.defaultVoltage === undefined
        ? DEFAULT_VOLTAGE
        : voltageOf('options.defaultVoltage', finite('options.defaultVoltage', opts.defaultVoltage))
    const provider = opts.provider === undefined ? undefined : syncs().checkedProvider(opts.provider)
    const sync = opts.sync === undefined && provider === undefined ? undefined : syncs().syncSettings(opts.sync)
    this.#maxTasks =
      opts.maxTasks === undefined ? DEFAULT_MAX_TASKS : integer('options.maxTasks', 1, 1_000_000, opts.maxTasks)
    this.#isTuned = opts.autoTuner !== false
    this.#physics = { clock: opts.clock ?? system.clock, read: (route) => this.#reading(route) }
    const observer =
      opts.observer === undefined ? undefined : observerOf('options.observer', opts.observer, this.#physics)
    const engine = openEngine(opts)
    this.#ticketTimeoutMs = opts.admission?.ticketTimeoutMs ?? DEFAULT_TICKET_TIMEOUT_MS
    hot.engineSeed(engine, system.random.int(Number.MAX_SAFE_INTEGER))
    this.#system = system
    this.#observers = new Observers(system)
    if (observer !== undefined) this.#observers.add(observer)
    if (system.trail.isOn) this.#observers.add((event) => system.trail.write(event, `gate:${event.type}`))
    this.gate = new Gate(engine, opts.clock ?? system.clock, this.#observers)
    this.#sync =
      provider &&
      sync &&
      new (syncs().StateSync)(
        {
          provider,
          gate: this.gate,
          system,
          observers: this.#observers,
          maxRoutes: opts.maxRoutes ?? DEFAULT_MAX_ROUTES,
        },
        sync,
      )
    this.#disown = system.own(this)
    listGate(system, this.gate)
  }

  /** False: the engine is native, in Rust. */
  get usingWasm(): boolean {
    return false
  }

  /** True after {@link connect}, until {@link disconnect}. */
  get isConnected(): boolean {
    return this.#connected
  }

  /** The system that it belongs to. */
  get system(): System {
    return this.#system
  }

  /** The name of the state provider; `'none'` without one. */
  get providerName(): string {
    return this.#sync?.name ?? 'none'
  }

  /** The state of the sharing: `'off'` before {@link connect}, `'away'` while the provider does not answer. */
  get providerState(): 'off' | 'joining' | 'joined' | 'away' {
    return this.#sync?.state ?? 'off'
  }

  /**
   * Begins to share state through the provider. Resolves once the provider has answered, or has not answered in time.
   * While it does not answer, this Atrion decides by its own state and keeps trying; observers get `'provider:away'`.
   * Idempotent; without a provider it does nothing.
   *
   * @throws DependencyMissingError when the provider needs a package that is not installed, ClosedError when this
   *   Atrion is closed; as a rejection.
   */
  async connect(): Promise<void> {
    this.gate.assertOpen()
    if (this.#sync !== undefined) {
      this.gate.sync = this.#sync
      await this.#sync.connect()
    }
    this.#connected = !this.gate.closed
  }

  /** Makes a last exchange within its timeout, and leaves the provider. Routes keep their state. Idempotent. */
  async disconnect(): Promise<void> {
    this.#connected = false
    this.gate.sync = undefined
    await this.#sync?.disconnect()
  }

  /**
   * Takes telemetry of a route, and returns whether a request with a voltage may flow. Use it when you measure
   * yourself; otherwise use {@link run}.
   *
   * @param id - The route. Beyond `maxRoutes` the coldest idle one is forgotten.
   * @param telemetry - Your measurements since the last call. A field that is left out is unknown.
   * @param how - A voltage, or options with a voltage or a priority, and the profile that the report is measured
   *   against.
   * @throws InvalidArgumentError for telemetry, a voltage or a profile out of range, which changes nothing;
   *   ClosedError.
   */
  route(id: string, telemetry: Telemetry, how?: number | RouteOptions): RouteDecision {
    const gate = this.gate
    gate.assertOpen()
    const voltage = typeof how === 'number' ? voltageOf('voltage', how) : this.#voltage(how)
    if (typeof telemetry !== 'object' || telemetry === null) {
      throw new InvalidArgumentError('telemetry', 'an object with latencyMs', telemetry)
    }
    checkNames(telemetry)
    const { latencyMs, errorRate, saturation, ageMs } = telemetry
    checkTelemetry(latencyMs, errorRate, saturation)
    const profile =
      typeof how === 'object' && how.profile !== undefined ? this.#profile(how.profile) : protocol.OWN_PROFILE
    const now = gate.clock.monoMs()
    const age = ageMs === undefined ? 0 : checkAge(ageMs)
    const route = gate.routes.id(id, now)
    // The core reads these cells, so no user code may run before the call.
    scratch[protocol.REPORT_ENGINE] = gate.engine
    scratch[protocol.REPORT_ROUTE] = route
    scratch[protocol.REPORT_LATENCY] = latencyMs
    scratch[protocol.REPORT_ERRORS] = errorRate ?? NaN
    scratch[protocol.REPORT_SATURATION] = saturation ?? NaN
    scratch[protocol.REPORT_VOLTAGE] = voltage
    scratch[protocol.REPORT_NOW] = now
    scratch[protocol.REPORT_PROFILE] = profile
    scratch[protocol.REPORT_AGE] = age
    const reason = hot.engineRoute()
    const resistance = scratch[protocol.DECIDED_RESISTANCE] as number
    const mode = protocol.MODES[scratch[protocol.DECIDED_MODE] as number] as Mode
    if (!this.#observers.any) {
      gate.sync?.touch(id)
      return routeDecision(reason, mode, resistance, voltage)
    }
    const before = protocol.MODES[scratch[protocol.DECIDED_MODE_BEFORE] as number] as Mode
    const bumped = scratch[protocol.DECIDED_BUMPED] as number
    gate.sync?.touch(id)
    const decided = routeDecision(reason, mode, resistance, voltage)
    this.#tell(id, decided, voltage, before, bumped)
    return decided
  }

  /**
   * Assigns a profile to a route, by its name or as an object; `'STANDARD'` removes it. The learned break of the route
   * is forgotten, its scar stays. The setting outlives a route that is forgotten.
   *
   * @throws InvalidArgumentError naming the argument or field that is refused, which changes nothing; ClosedError.
   */
  setRouteProfile(id: string, profile: string | WorkloadProfile): void {
    this.gate.assertOpen()
    this.gate.profiles.assign(routeName('id', id), profile)
  }

  /**
   * Defines a profile that calls, tasks and routes can name. At most 252.
   *
   * @throws InvalidArgumentError naming the argument or field that is refused, also for a name that is taken;
   *   ClosedError.
   */
  defineProfile(name: string, profile: WorkloadProfile): void {
    this.gate.assertOpen()
    this.gate.profiles.define(name, profile)
  }

  /**
   * Sets the neighbours of a route, at most 64. When the route opens, their R rises by up to `cascadeBump`, which never
   * opens them. An empty list removes them.
   *
   * @throws InvalidArgumentError naming the argument that is refused; ClosedError.
   */
  setNeighbours(id: string, neighbours: readonly string[]): void {
    this.gate.assertOpen()
    linkNeighbours(this.gate.engine, routeName('id', id), neighbours)
  }

  /**
   * Starts a long task of a route, and resolves to its {@link TaskLease}. You must release the lease.
   *
   * @throws ShedError when the route's breaker is open, its resistance is not below the voltage, or `maxTasks` run;
   * InvalidArgumentError for a bad option, such as HEAVY or EXTREME without `abortController`; as a rejection.
   */
  async startTask(id: string, options?: LeaseOptions): Promise<TaskLease> {
    this.#tasks ??= new (leases().Tasks)(this.gate, this.#observers, this.#maxTasks)
    return this.#tasks.start(id, options, this.#defaultVoltage)
  }

  /** Returns how many tasks of a route are under a lease. */
  getActiveTaskCount(id: string): number {
    return this.#tasks?.count(id) ?? 0
  }

  /**
   * Returns one of several routes that could do the same work: the lower its resistance, the likelier. Draws from the
   * system's random source. A closed route is taken only to get a report of it (`explore`), or when all are closed.
   *
   * @returns `undefined` for an empty list.
   * @throws InvalidArgumentError naming the argument or option that is refused; ClosedError.
   */
  selectRoute(ids: readonly string[], options?: SelectOptions): string | undefined {
    this.gate.assertOpen()
    return chooseRoute(this.gate, this.#system, ids, options)
  }

  /** Returns an explanation of the last decision about a route, as data and in words; `undefined` before one. */
  why(id: string): Explanation | undefined {
    this.gate.assertOpen()
    return explain(this.gate, id)
  }

  /**
   * Adds an observer of events from now on: a function, or an object whose `onUpdate` receives reports of `route()`.
   * Returns a function that removes it.
   */
  observe(observer: AtrionObserver | PhysicsObserver): () => void {
    this.gate.assertOpen()
    return this.#observers.add(observerOf('observer', observer, this.#physics))
  }

  /** Returns R of a route and its terms, now; `undefined` for a route that is not known. */
  getState(id: string): RouteState | undefined {
    const gate = this.gate
    gate.assertOpen()
    const route = gate.routes.find(id)
    if (route === undefined || hot.engineReading(gate.engine, route, gate.clock.monoMs()) !== 1) return undefined
    const state = routeState(id, readRoute())
    const measured = hot.engineGate(gate.engine, route) === 1 ? readGate() : undefined
    return { ...state, gate: measured }
  }

  /**
   * Returns the distribution of R from which the break of a route is learned; without a route that of all routes, each
   * by its time. `undefined` for a route that is not known, and with `autoTuner: false`.
   */
  getTunerStats(id?: string): TunerStats | undefined {
    this.gate.assertOpen()
    if (!this.#isTuned) return undefined
    const readings = (id === undefined ? this.getRoutes() : [id]).flatMap((route) => this.#reading(route) ?? [])
    return id !== undefined && readings.length === 0 ? undefined : pooledStats(readings)
  }

  /** Returns the names of all routes, in the order in which they were first used. */
  getRoutes(): string[] {
    this.gate.assertOpen()
    const { routes, engine } = this.gate
    return native.engineRoutes(engine).filter((route) => !routes.isReset(route))
  }

  /**
   * Forgets everything learned about a route; work in flight and requests that wait stay. A route without them is
   * unknown until it is used again. Resolves to whether the route was known.
   */
  async resetRoute(id: string): Promise<boolean> {
    const gate = this.gate
    gate.assertOpen()
    const route = gate.routes.find(id)
    if (route === undefined) return false
    hot.engineReset(gate.engine, route, gate.clock.monoMs())
    gate.afterReset()
    const { inFlight, queued } = hot.engineGate(gate.engine, route) === 1 ? readGate() : NO_WORK
    if (inFlight + queued === 0) gate.routes.forget(id)
    return true
  }

  /**
   * Requests admission, and waits in the queue if that makes sense.
   *
   * @returns A {@link Ticket} (`allow: true`) that you must report on with `done()`, or a {@link Shed} (`allow:
   *   false`).
   * @throws InvalidArgumentError for a bad option, `signal.reason` when the signal aborts, ClosedError; as a rejection.
   */
  admit(route: string, options?: AdmitOptions): Promise<Ticket | Shed> {
    try {
      const request = admitRequest(this.gate.profiles, route, options)
      const admission = admissions.hasSubscribers ? this.gate.enterTraced(request) : this.gate.enter(request)
      return admission instanceof Promise ? admission : Promise.resolve(admission)
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }

  /**
   * Does what {@link admit} does without waiting: returns the answer at once. Throws what {@link admit} rejects with.
   */
  tryAdmit(route: string, options?: AdmitOptions): Ticket | Shed {
    // A request that does not wait is answered at once.
    const request = tryRequest(this.gate.profiles, route, options)
    return (admissions.hasSubscribers ? this.gate.enterTraced(request) : this.gate.enter(request)) as Ticket | Shed
  }

  /**
   * Runs work if it is admitted, measures it, and frees its place however it ends: a return, a throw, a rejection, a
   * timeout or an abort. Resolves to the work's result.
   *
   * @throws ShedError when it is refused, TimeoutError after `timeoutMs`, `signal.reason` on an abort, ClosedError, or
   *   the work's own error; always as a rejection.
   * @example
   * ```ts
   * await atrion.run('search', ({ signal }) => fetch(url, { signal }), { priority: 'low', timeoutMs: 2000 })
   * ```
   */
  run<T>(route: string, fn: (context: RunContext) => T | PromiseLike<T>, options?: RunOptions): Promise<T> {
    return run(this.gate, this.#system, route, fn, options, this.#ticketTimeoutMs)
  }

  /**
   * Sheds requests that wait with reason `closed`, ends leases, and refuses later calls with ClosedError. Idempotent.
   */
  close(): void {
    this.#connected = false
    this.#sync?.close()
    this.#tasks?.close()
    this.gate.close()
    this.#observers.end()
    this.#disown()
  }

  /** Closes it at the end of a block: `using atrion = new Atrion()`. */
  [Symbol.dispose](): void {
    this.close()
  }

  #reading(id: string): RouteReading | undefined {
    const { engine, routes, clock } = this.gate
    const route = routes.find(id)
    return route !== undefined && hot.engineReading(engine, route, clock.monoMs()) === 1 ? readRoute() : undefined
  }

  #profile(name: unknown): number {
    return this.gate.profiles.named('options.profile', name).index
  }

  #tell(route: string, decided: RouteDecision, voltage: number, before: Mode, bumped: number): void {
    const { allow, mode, resistance } = decided
    this.#observers.tell({ type: 'decision', route, allow, resistance, voltage, mode })
    if (mode !== before) this.#observers.tell({ type: 'mode', route, from: before, to: mode, resistance })
    if (bumped > 0) this.#observers.tell({ type: 'cascade', route, neighbours: bumped })
  }

  #voltage(how: RouteOptions | undefined): number {
    if (how === undefined) return this.#defaultVoltage
    const opts = checkOptions('options', how)
    // This loop takes a tenth of the time that a list of the names takes.
    for (const name in opts) if (!isRouteOption(name)) known('options', opts, ROUTE_OPTIONS)
    const { voltage, priority } = opts
    if (voltage !== undefined) return voltageOf('options.voltage', finite('options.voltage', voltage))
    return priority === undefined ? this.#defaultVoltage : voltageOf('options.priority', priority)
  }
}
