import { InvalidArgumentError } from '../errors/errors.ts'
import { text } from '../internal/validate.ts'
import { hot, scratch } from '../native.ts'
import { INTERNED_EVICTED_SLOT, ROUTE_SLOTS } from '../protocol/admission.ts'

/** Bounds the memory of routes, whose number is bounded. */
const MAX_ROUTE_NAME = 512

/** Returns a checked name of a route. */
export function routeName(field: string, route: unknown): string {
  const name = text(field, route)
  if (name.length <= MAX_ROUTE_NAME) return name
  throw new InvalidArgumentError(field, `at most ${MAX_ROUTE_NAME} characters`, route)
}

/**
 * The core's ids of routes by name, and the last answer of each gate. Forgets a name when the core forgets its route.
 */
export class Routes {
  readonly #engine: number
  readonly #ids = new Map<string, number>()
  readonly #names: string[] = []
  /** Names that were reset and not used since. */
  readonly #reset = new Set<string>()
  /** By slot: the last answer of the route's gate, for `Atrion.why`. */
  readonly #codes: number[] = []
  readonly #voltages: number[] = []
  readonly #times: number[] = []

  constructor(engine: number) {
    this.#engine = engine
  }

  /** Returns the id of a route, and creates the route if it is new. */
  id(route: string, now: number): number {
    const id = this.#ids.get(route)
    return id === undefined ? this.#intern(route, now) : id
  }

  /** Returns the id of a route that exists. */
  find(route: string): number | undefined {
    return this.#ids.get(route)
  }

  /** Forgets a route that was reset, until it is used again. */
  forget(route: string): void {
    const id = this.#ids.get(route)
    if (id === undefined) return
    this.#ids.delete(route)
    this.#reset.add(route)
    this.#voltages[id % ROUTE_SLOTS] = 0
  }

  /** Returns whether a route was reset and not used since. */
  isReset(route: string): boolean {
    return this.#reset.has(route)
  }

  /** Takes note of what a gate answered: minus the code of a reason, `NOT_SHED` or `QUEUED`. */
  note(id: number, code: number, voltage: number, now: number): void {
    const slot = id % ROUTE_SLOTS
    this.#codes[slot] = code
    this.#voltages[slot] = voltage
    this.#times[slot] = now
  }

  /** Returns the last answer of a route's gate; `undefined` before one. */
  noted(id: number): { code: number; voltage: number; at: number } | undefined {
    const slot = id % ROUTE_SLOTS
    const voltage = this.#voltages[slot] ?? 0
    if (voltage === 0) return undefined
    return { code: this.#codes[slot] as number, voltage, at: this.#times[slot] as number }
  }

  #intern(route: string, now: number): number {
    routeName('route', route)
    const id = hot.engineIntern(route, this.#engine, now)
    const evicted = scratch[INTERNED_EVICTED_SLOT] as number
    if (evicted >= 0) {
      this.#ids.delete(this.#names[evicted] as string)
      this.#reset.delete(this.#names[evicted] as string)
    }
    this.#reset.delete(route)
    const slot = id % ROUTE_SLOTS
    this.#names[slot] = route
    if (this.#voltages[slot] !== undefined) this.#voltages[slot] = 0
    this.#ids.set(route, id)
    return id
  }
}
