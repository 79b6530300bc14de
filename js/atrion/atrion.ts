import { finite, options as checkOptions } from '../arguments.ts'
import { InvalidArgumentError } from '../errors.ts'
import { hot, nativeEngineRoutes, scratch } from '../native.ts'
import { getDefaultSystem } from '../system/default.ts'
import { assertSystem, type System } from '../system/system.ts'
import { Gate } from './gate.ts'
import { openEngine } from './options.ts'
import { voltageOf } from './priority.ts'
import { run } from './run.ts'
import { readGate, readRoute } from './state.ts'
import type { Ticket } from './ticket.ts'
import type {
  AdmitOptions,
  AtrionOptions,
  Mode,
  RouteDecision,
  RouteOptions,
  RouteState,
  RunContext,
  RunOptions,
  Shed,
  Telemetry,
} from './types.ts'

const MODES: readonly Mode[] = ['BOOTSTRAP', 'OPERATIONAL', 'CIRCUIT_BREAKER']
const DEFAULT_VOLTAGE = 100
const DEFAULT_TICKET_TIMEOUT_MS = 30_000

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
    this.#ticketTimeoutMs = given.admission?.ticketTimeoutMs ?? DEFAULT_TICKET_TIMEOUT_MS
    const engine = openEngine(given)
    hot.engineSeed(engine, system.random.int(Number.MAX_SAFE_INTEGER))
    this.#system = system
    this.gate = new Gate(engine, given.clock ?? system.clock)
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

  /** Joins the state provider. State is in this process, so there is nothing to join: it resolves. Idempotent. */
  async connect(): Promise<void> {
    this.gate.assertOpen()
    this.#connected = true
  }

  /** Leaves the state provider. Routes keep their state. Idempotent. */
  async disconnect(): Promise<void> {
    this.#connected = false
  }

  /**
   * Takes telemetry of a route and decides for a voltage. Use it when you measure yourself; otherwise {@link run}.
   *
   * @param id - The route. Bounded: the coldest idle one is forgotten beyond `maxRoutes`.
   * @param telemetry - What was seen since the last call. What is left out is unknown.
   * @param how - A voltage, or `{ voltage }` or `{ priority }`.
   * @throws InvalidArgumentError for telemetry or a voltage out of range; the route's state stays as it was.
   */
  route(id: string, telemetry: Telemetry, how?: number | RouteOptions): RouteDecision {
    const gate = this.gate
    gate.assertOpen()
    const voltage = typeof how === 'number' ? voltageOf('voltage', how) : this.#voltage(how)
    if (typeof telemetry !== 'object' || telemetry === null) {
      throw new InvalidArgumentError('telemetry', 'an object with latencyMs', telemetry)
    }
    const { latencyMs, errorRate, saturation } = telemetry
    checkTelemetry(latencyMs, errorRate, saturation)
    const now = gate.clock.monoMs()
    const known = gate.routes.id(id, now)
    const code = hot.engineRoute(gate.engine, known, latencyMs, errorRate ?? NaN, saturation ?? NaN, voltage, now)
    return decision(code, scratch[0] as number, voltage)
  }

  /** R and its terms, now; `undefined` for a route that is not known. */
  getState(id: string): RouteState | undefined {
    const gate = this.gate
    gate.assertOpen()
    const route = gate.routes.find(id)
    if (route === undefined || hot.engineReading(gate.engine, route, gate.clock.monoMs()) !== 1) return undefined
    const reading = readRoute(id, MODES)
    const measured = hot.engineGate(gate.engine, route) === 1 ? readGate() : undefined
    return { ...reading, gate: measured }
  }

  /** Every route, in the order in which they were made. */
  getRoutes(): string[] {
    this.gate.assertOpen()
    return nativeEngineRoutes(this.gate.engine)
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
    return this.gate.admit(route, options)
  }

  /** Like {@link admit} for those who will not wait: the answer comes at once. */
  tryAdmit(route: string, options?: AdmitOptions): Ticket | Shed {
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
    this.gate.close()
    this.#disown()
  }

  /** `using atrion = new Atrion()` closes it at the end of the block. */
  [Symbol.dispose](): void {
    this.close()
  }

  #voltage(how: RouteOptions | undefined): number {
    if (how === undefined) return this.#defaultVoltage
    const { voltage, priority } = checkOptions('options', how)
    if (voltage !== undefined) return voltageOf('options.voltage', finite('options.voltage', voltage))
    return priority === undefined ? this.#defaultVoltage : voltageOf('options.priority', priority)
  }
}

function decision(code: number, resistance: number, voltage: number): RouteDecision {
  const mode = MODES[code >> 2] as Mode
  switch (code & 3) {
    case 0:
      return { allow: true, resistance, mode, reason: 'OK' }
    case 1:
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
