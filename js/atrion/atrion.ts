import { isProxy } from 'node:util/types'
import { fields, finite, integer, known, optionalCallable, options as checkOptions } from '../internal/validate.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { hot, native, scratch } from '../native.ts'
import * as protocol from '../protocol/admission.ts'
import { getDefaultSystem } from '../system/default.ts'
import { assertSystem, type System } from '../system/system.ts'
import { Gate } from './gate.ts'
import type { TaskLease } from './lease.ts'
import { linkNeighbours } from './neighbours.ts'
import { type AtrionObserver, Observers } from './observers.ts'
import { openEngine } from './options.ts'
import { voltageOf } from './priority.ts'
import type { WorkloadProfile } from './profiles.ts'
import { checkedProvider, Sync, syncTerms } from './provider/sync.ts'
import { routeName } from './routes.ts'
import { run } from './run.ts'
import { chooseRoute, type SelectOptions } from './select-route.ts'
import { readGate, readRoute, routeState } from './readings.ts'
import { type LeaseOptions, Tasks } from './tasks.ts'
import type { Ticket } from './ticket.ts'
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
import type { Mode } from './decisions.ts'
import { explain, type Explanation } from './explain.ts'

const DEFAULT_VOLTAGE = 100
const DEFAULT_TICKET_TIMEOUT_MS = 30_000
const DEFAULT_MAX_ROUTES = 10_000
const TELEMETRY: readonly string[] = ['latencyMs', 'errorRate', 'saturation', 'ageMs']
const ROUTE_OPTIONS = ['voltage', 'priority', 'profile']
const ADMIT_OPTIONS = [
  'priority',
  'timeoutMs',
  'profile',
  'maxWaitMs',
  'signal',
] as const satisfies (keyof AdmitOptions)[]
const isRouteOption = (name: string): boolean => name === 'voltage' || name === 'priority' || name === 'profile'

/**
 * Decides who gets in. Resistance explains each decision, a gradient limit follows the speed of what is protected, a
 * queue orders who waits, and a trickle is always admitted, so that nothing stays shut.
 *
 * Two shapes: {@link run} and {@link admit} measure the work themselves; {@link route} takes telemetry you bring.
 * All of its time comes from its system's clock.
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
  readonly #tasks: Tasks
  readonly #sync: Sync | undefined
  #connected = false

  /** @throws InvalidArgumentError naming the option that is refused. */
  constructor(options?: AtrionOptions) {
    const given = checkOptions('options', options)
    const system = given.system ?? getDefaultSystem()
    assertSystem('options.system', system)
    system.assertOpen()
    this.#defaultVoltage =
      given.defaultVoltage === undefined
        ? DEFAULT_VOLTAGE
        : voltageOf('options.defaultVoltage', finite('options.defaultVoltage', given.defaultVoltage))
    const provider = given.provider === undefined ? undefined : checkedProvider(given.provider)
    const terms = syncTerms(given.sync)
    const maxTasks = given.maxTasks === undefined ? 10_000 : integer('options.maxTasks', 1, 1_000_000, given.maxTasks)
    const observer = optionalCallable<AtrionObserver>('options.observer', given.observer)
    const engine = openEngine(given)
    this.#ticketTimeoutMs = given.admission?.ticketTimeoutMs ?? DEFAULT_TICKET_TIMEOUT_MS
    hot.engineSeed(engine, system.random.int(Number.MAX_SAFE_INTEGER))
    this.#system = system
    this.#observers = new Observers(system)
    if (observer !== undefined) this.#observers.add(observer)
    this.gate = new Gate(engine, given.clock ?? system.clock, this.#observers)
    this.#tasks = new Tasks(this.gate, this.gate.profiles, this.#observers, maxTasks)
    this.#sync =
      provider &&
      new Sync(
        {
          provider,
          gate: this.gate,
          system,
          observers: this.#observers,
          maxRoutes: given.maxRoutes ?? DEFAULT_MAX_ROUTES,
        },
        terms,
      )
    this.#disown = system.own(this)
  }

  /** Whether {@link connect} was called, and {@link disconnect} not since. */
  get isConnected(): boolean {
    return this.#connected
  }

  /** The system it belongs to. */
  get system(): System {
    return this.#system
  }

  /** The state provider's name; `'none'` for an engine that shares with nobody. */
  get providerName(): string {
    return this.#sync?.name ?? 'none'
  }

  /** Where sharing stands: `'off'` before {@link connect}, `'away'` while the provider does not answer. */
  get providerState(): 'off' | 'joining' | 'joined' | 'away' {
    return this.#sync?.state ?? 'off'
  }

  /**
   * Begins to share state through the provider. Resolves once it answered, or is known to be away, which observers are
   * told: the engine then goes on by what it knows itself, and keeps trying. Idempotent; without a provider it does nothing.
   *
   * @throws DependencyMissingError when the provider needs a package that is not installed; as a rejection.
   */
  async connect(): Promise<void> {
    this.gate.assertOpen()
    if (this.#sync !== undefined) {
      this.gate.sync = this.#sync
      await this.#sync.connect()
    }
    this.#connected = !this.gate.closed
  }

  /** Tells the provider the last news, within its timeout, and leaves it. Routes keep their state. Idempotent. */
  async disconnect(): Promise<void> {
    this.#connected = false
    this.gate.sync = undefined
    await this.#sync?.disconnect()
  }

  /**
   * Takes telemetry of a route and decides for a voltage. Use it when you measure yourself; otherwise {@link run}.
   *
   * @param id - The route. Bounded: the coldest idle one is forgotten beyond `maxRoutes`.
   * @param telemetry - What was seen since the last call. What is left out is unknown.
   * @param how - A voltage, or `{ voltage }` or `{ priority }`, and `{ profile }`: what this report is measured against.
   * @throws InvalidArgumentError for telemetry, a voltage or a profile out of range; the route's state stays as it was.
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
    // What the core finds there: nothing that runs JavaScript may come between.
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
    const before = protocol.MODES[scratch[protocol.DECIDED_MODE_BEFORE] as number] as Mode
    const bumped = scratch[protocol.DECIDED_BUMPED] as number
    gate.sync?.touch(id)
    const decided = decision(reason, mode, resistance, voltage)
    if (this.#observers.any) this.#tell(id, decided, voltage, before, bumped)
    return decided
  }

  /**
   * What is normal for a route, by a profile's name or as a profile; `'STANDARD'` takes it back. What was learned of
   * its break is forgotten, its scar stays. Settings outlive routes that are forgotten.
   *
   * @throws InvalidArgumentError naming what is refused; nothing changed then.
   */
  setRouteProfile(id: string, profile: string | WorkloadProfile): void {
    this.gate.assertOpen()
    this.gate.profiles.assign(routeName('id', id), profile)
  }

  /**
   * Makes a profile that calls, tasks and routes can name. At most 252.
   *
   * @throws InvalidArgumentError naming what is refused, also a name that is taken.
   */
  defineProfile(name: string, profile: WorkloadProfile): void {
    this.gate.assertOpen()
    this.gate.profiles.define(name, profile)
  }

  /** Which routes feel it when this one opens: their R rises by up to `cascadeBump`, which never opens them. None forgets it. */
  setNeighbours(id: string, neighbours: readonly string[]): void {
    this.gate.assertOpen()
    linkNeighbours(this.gate.engine, routeName('id', id), neighbours)
  }

  /**
   * Begins a long task of a route, under a {@link TaskLease} that must be released.
   *
   * @throws ShedError when the route is open, its resistance is not below the voltage, or `maxTasks` are running;
   * InvalidArgumentError for a bad option, such as HEAVY or EXTREME without `abortController`; as a rejection.
   */
  async startTask(id: string, options?: LeaseOptions): Promise<TaskLease> {
    return this.#tasks.start(id, options, this.#defaultVoltage)
  }

  /** How many tasks of a route are under a lease. */
  getActiveTaskCount(id: string): number {
    return this.#tasks.count(id)
  }

  /**
   * One of several routes that could do the same: the lower its resistance, the likelier. Draws from the system's
   * random source. Closed routes are taken only to hear of them again (`explore`), or when all are closed.
   *
   * @returns `undefined` for no routes.
   */
  selectRoute(ids: readonly string[], options?: SelectOptions): string | undefined {
    this.gate.assertOpen()
    return chooseRoute(this.gate, this.#system, ids, options)
  }

  /** Why the last decision about a route was what it was, as data and in words; `undefined` before one. */
  why(id: string): Explanation | undefined {
    this.gate.assertOpen()
    return explain(this.gate, id)
  }

  /** Tells an observer what happens from now on; the returned function ends it. */
  observe(observer: AtrionObserver): () => void {
    this.gate.assertOpen()
    return this.#observers.add(observer)
  }

  /** R and its terms, now; `undefined` for a route that is not known. */
  getState(id: string): RouteState | undefined {
    const gate = this.gate
    gate.assertOpen()
    const route = gate.routes.find(id)
    if (route === undefined || hot.engineReading(gate.engine, route, gate.clock.monoMs()) !== 1) return undefined
    const state = routeState(id, readRoute())
    const measured = hot.engineGate(gate.engine, route) === 1 ? readGate() : undefined
    return { ...state, gate: measured }
  }

  /** Every route, in the order in which they were made. */
  getRoutes(): string[] {
    this.gate.assertOpen()
    return native.engineRoutes(this.gate.engine)
  }

  /** Forgets what was learned about a route; work in flight and who waits stay. Whether it was known. */
  async resetRoute(id: string): Promise<boolean> {
    const gate = this.gate
    gate.assertOpen()
    const route = gate.routes.find(id)
    if (route === undefined) return false
    hot.engineReset(gate.engine, route, gate.clock.monoMs())
    gate.afterReset()
    return true
  }

  /**
   * Asks to be let in, and waits in the queue if that makes sense.
   *
   * @returns A {@link Ticket} (`allow: true`) to report on with `done()`, or a {@link Shed} (`allow: false`).
   * @throws InvalidArgumentError for a bad option, or `signal.reason` when the signal aborts; as a rejection.
   */
  admit(route: string, options?: AdmitOptions): Promise<Ticket | Shed> {
    try {
      checkAdmit(options)
    } catch (error) {
      return Promise.reject(error as Error)
    }
    return this.gate.admit(route, options)
  }

  /** Like {@link admit} for those who will not wait: the answer comes at once. */
  tryAdmit(route: string, options?: AdmitOptions): Ticket | Shed {
    checkAdmit(options)
    return this.gate.tryAdmit(route, options)
  }

  /**
   * Runs work if it is let in, measures it, and frees its place however it ends: a return, a throw, a rejection, a
   * timeout or an abort.
   *
   * @throws ShedError when it is not let in, TimeoutError after `timeoutMs`, `signal.reason` on an abort, or the
   * work's own error; always as a rejection.
   * @example
   * ```ts
   * await atrion.run('search', ({ signal }) => fetch(url, { signal }), { priority: 'low', timeoutMs: 2000 })
   * ```
   */
  run<T>(route: string, fn: (context: RunContext) => T | PromiseLike<T>, options?: RunOptions): Promise<T> {
    return run(this.gate, this.#system, route, fn, options, this.#ticketTimeoutMs)
  }

  /** Ends everything: who waits is shed with reason `closed`, later calls are refused. Idempotent. */
  close(): void {
    this.#connected = false
    this.#sync?.close()
    this.#tasks.close()
    this.gate.close()
    this.#observers.end()
    this.#disown()
  }

  /** `using atrion = new Atrion()` closes it at the end of the block. */
  [Symbol.dispose](): void {
    this.close()
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
    const given = checkOptions('options', how)
    // Looking through an object takes a tenth of making a list of its names.
    for (const name in given) if (!isRouteOption(name)) known('options', given, ROUTE_OPTIONS)
    const { voltage, priority } = given
    if (voltage !== undefined) return voltageOf('options.voltage', finite('options.voltage', voltage))
    return priority === undefined ? this.#defaultVoltage : voltageOf('options.priority', priority)
  }
}

function decision(reason: number, mode: Mode, resistance: number, voltage: number): RouteDecision {
  switch (reason) {
    case protocol.ANSWER_OK:
      return { allow: true, resistance, mode, reason: 'OK' }
    case protocol.ANSWER_INSUFFICIENT_VOLTAGE:
      return {
        allow: false,
        resistance,
        mode,
        reason: `Insufficient voltage: V=${voltage} ≤ R=${resistance.toFixed(1)}Ω`,
      }
    default:
      return { allow: false, resistance, mode, reason: 'Circuit breaker open' }
  }
}

function checkNames(telemetry: Telemetry): void {
  try {
    for (const name in telemetry) if (!TELEMETRY.includes(name)) fields('telemetry', telemetry, TELEMETRY)
  } catch (error) {
    // Of a revoked proxy nobody can say what it is.
    if (isProxy(telemetry) && error instanceof TypeError) {
      throw new InvalidArgumentError('telemetry', 'an object with latencyMs', telemetry)
    }
    throw error
  }
}

function checkAdmit(options: AdmitOptions | undefined): void {
  if (options !== undefined) known('options', checkOptions('options', options), ADMIT_OPTIONS)
}

function checkAge(ageMs: unknown): number {
  if (typeof ageMs === 'number' && ageMs >= 0 && ageMs <= 1e9) return ageMs
  throw new InvalidArgumentError('telemetry.ageMs', 'a number of milliseconds from 0 to 1e9', ageMs)
}

/** The same rules as the core's, here to name the field and the value; the core refuses what slips through. */
function checkTelemetry(latencyMs: unknown, errorRate: unknown, saturation: unknown): void {
  if (typeof latencyMs !== 'number' || !(latencyMs >= 0 && latencyMs < Infinity)) {
    throw new InvalidArgumentError('telemetry.latencyMs', 'a finite number of milliseconds, zero or more', latencyMs)
  }
  if (errorRate !== undefined && (typeof errorRate !== 'number' || !(errorRate >= 0 && errorRate <= 1))) {
    throw new InvalidArgumentError('telemetry.errorRate', 'a number from 0 to 1', errorRate)
  }
  if (saturation !== undefined && (typeof saturation !== 'number' || !(saturation >= 0 && saturation < Infinity))) {
    throw new InvalidArgumentError('telemetry.saturation', 'a finite number, zero or more', saturation)
  }
}
