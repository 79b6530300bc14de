import { integer } from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { Effect } from '../effect.ts'
import { type FiberCore, Frame } from '../fiber/fiber-core.ts'
import { ENTER, type FiberExitKind, isOp, OK, Op, SUSPEND } from '../fiber/op.ts'
import { siteNow } from '../fiber/tracing.ts'
import { asChild } from '../operators/resources.ts'
import { obtain, type FiberWaiter, FiberWaitList } from './wait-list.ts'

/** The most permits of a semaphore. */
const MOST_PERMITS = Number.MAX_SAFE_INTEGER

/**
 * A number of permits that effects hold while they run. Permits are granted in order of request: a request for many is
 * not overtaken by later ones for few. Created by {@link Semaphore.make}. Belongs to no system: effects of any may use
 * it.
 */
export class Semaphore {
  /** The number of permits. */
  readonly permits: number
  #available: number
  readonly #waiters: FiberWaitList<number, number> = new FiberWaitList()

  private constructor(permits: number) {
    this.permits = permits
    this.#available = permits
  }

  /**
   * Creates a semaphore.
   *
   * @param permits - An integer from 1.
   * @throws InvalidArgumentError for any other value.
   * @example
   * ```ts
   * const connections = Semaphore.make(10)
   * const rows = await connections.withPermits(1)(query).run()
   * ```
   */
  static make(permits: number): Semaphore {
    return new Semaphore(integer('permits', 1, MOST_PERMITS, permits))
  }

  /** The number of permits that are free. */
  get available(): number {
    return this.#available
  }

  /**
   * Returns a function that wraps an effect: it waits for `count` permits, runs as a child fibre, and releases them when
   * it has ended, with its forks, its functions and its finalisers, however it ends. An interrupt ends the wait, and
   * costs no permit.
   *
   * @param count - An integer from 1 to {@link permits}.
   * @throws InvalidArgumentError for any other value, or for an argument that is no effect.
   */
  withPermits(count: number): <E, A>(effect: Effect<E, A>) => Effect<E, A> {
    integer('count', 1, this.permits, count)
    return <E, A>(effect: Effect<E, A>): Effect<E, A> => {
      if (!isOp(effect)) throw new InvalidArgumentError('effect', 'an effect', effect)
      const acquire = obtain<number, number>(
        count,
        (waiter) => this.#acquire(waiter),
        (granted) => this.#release(granted),
      )
      const enter = (fiber: FiberCore): Op => {
        fiber.push(new HoldFrame(effect, () => this.#release(count)))
        return new Op(ENTER, undefined, acquire, undefined)
      }
      const op = new Op(ENTER, undefined, enter, undefined)
      return new Effect(SUSPEND, undefined, asChild(op, 'what holds permits', siteNow()), effect.emit)
    }
  }

  #acquire(waiter: FiberWaiter<number, number>): void {
    const { request } = waiter
    if (this.#waiters.first === undefined && request <= this.#available) {
      this.#available -= request
      waiter.hand(request)
    } else this.#waiters.add(waiter, 'permits of a semaphore', () => this.#grant())
  }

  #release(count: number): void {
    this.#available += count
    this.#grant()
  }

  /** Grants permits to those that have waited longest, as far as there are enough. */
  #grant(): void {
    for (let { first } = this.#waiters; first !== undefined; { first } = this.#waiters) {
      if (first.request > this.#available) return
      this.#waiters.shift()
      this.#available -= first.request
      first.hand(first.request)
    }
  }
}

/** Registers the release of the permits, and continues with the effect. */
class HoldFrame extends Frame {
  readonly #source: Op
  readonly #release: () => void
  constructor(source: Op, release: () => void) {
    super()
    this.#source = source
    this.#release = release
  }
  exit(fiber: FiberCore, kind: FiberExitKind): Op | undefined {
    if (kind !== OK) return undefined
    fiber.scope().push(this.#release, fiber.site)
    return this.#source
  }
}
