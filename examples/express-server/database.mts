// A database behind a pool of connections and a circuit breaker. The database is simulated; what guards it is not.
import {
  type CircuitBreaker,
  circuitBreaker,
  effect,
  type Effect,
  type Policy,
  Semaphore,
  sleep,
  timeout,
  wrap,
} from 'keelson/effect'
import type { System } from 'keelson/system'

export interface Row {
  readonly id: number
  readonly name: string
}

export interface DatabaseOptions {
  readonly connections?: number
  /** How long the breaker stays open after three failures in a row. */
  readonly openForMs?: number
  /** How long a query may take. */
  readonly timeoutMs?: number
}

export class Database {
  readonly breaker: CircuitBreaker
  readonly connections: Semaphore
  /** How it behaves now: for tests and for the load generator. */
  mode: 'works' | 'fails' | 'hangs' = 'works'
  /** Queries that reached it. */
  queries = 0
  readonly #system: System
  readonly #policy: Policy

  constructor(system: System, { connections = 8, openForMs = 30_000, timeoutMs = 3000 }: DatabaseOptions = {}) {
    this.#system = system
    this.connections = Semaphore.make(connections)
    this.breaker = circuitBreaker({ system, name: 'database', consecutive: 3, openForMs, halfOpen: { successes: 3 } })
    this.#policy = wrap(this.breaker, timeout(timeoutMs, { system }))
  }

  /** Resolves with a row. Its connection comes back to the pool however the query ends. */
  find(id: number, signal?: AbortSignal): Promise<Row> {
    const guarded = this.connections.withPermits(1)(this.#query(id))
    return guarded.withPolicy(this.#policy).run({ system: this.#system, ...(signal && { signal }) })
  }

  #query(id: number): Effect<unknown, Row> {
    return effect(() => (this.queries += 1))
      .flatMap(() => sleep(this.mode === 'hangs' ? 3_600_000 : 20 + 40 * this.#system.random.next()))
      .flatMap(() =>
        effect<Row>(() => {
          if (this.mode === 'fails') throw new Error('the database lost its disk')
          return { id, name: `row ${id}` }
        }),
      )
  }
}
