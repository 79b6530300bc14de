import { text } from '../arguments.ts'
import { InvalidArgumentError } from '../errors.ts'
import { hot, scratch } from '../native.ts'

/** A route id's slot: its low 24 bits. */
const SLOTS = 2 ** 24
/** Longer names would make the bound on routes no bound on memory. */
const MAX_ROUTE_NAME = 512

/** Route names to the core's ids. It forgets a name when the core forgets the route. */
export class Routes {
  readonly #engine: number
  readonly #ids = new Map<string, number>()
  readonly #names: string[] = []

  constructor(engine: number) {
    this.#engine = engine
  }

  /** The id of a route, made if it is new. */
  id(route: string, now: number): number {
    const id = this.#ids.get(route)
    return id === undefined ? this.#intern(route, now) : id
  }

  /** The id of a route that exists. */
  find(route: string): number | undefined {
    return this.#ids.get(route)
  }

  #intern(route: string, now: number): number {
    if (text('route', route).length > MAX_ROUTE_NAME) {
      throw new InvalidArgumentError('route', `at most ${MAX_ROUTE_NAME} characters`, route)
    }
    const id = hot.engineIntern(route, this.#engine, now)
    const evicted = scratch[0] as number
    if (evicted >= 0) this.#ids.delete(this.#names[evicted] as string)
    this.#names[id % SLOTS] = route
    this.#ids.set(route, id)
    return id
  }
}
