/** Fibres that wait, first come, first served, for something that another fibre provides. */
import { type Enter, type FiberCore, Frame } from '../fiber/fiber-core.ts'
import { type Linked, LinkedList } from '../fiber/linked-list.ts'
import { type FiberExitKind, INTERRUPTED, OK, Op, SUSPEND } from '../fiber/op.ts'

/** A fibre that waits. The links of the list are its own fields. */
export class FiberWaiter<R, V> implements Linked<FiberWaiter<R, V>> {
  previous: FiberWaiter<R, V> | undefined = undefined
  next: FiberWaiter<R, V> | undefined = undefined
  readonly fiber: FiberCore
  readonly epoch: number
  /** The amount that it waits for, or the item that it waits with. */
  readonly request: R
  readonly #frame: ObtainFrame<V>

  constructor(fiber: FiberCore, epoch: number, request: R, frame: ObtainFrame<V>) {
    this.fiber = fiber
    this.epoch = epoch
    this.request = request
    this.#frame = frame
  }

  /** Hands the fibre what it waits for, and resumes it. Its further steps may run on this stack. */
  hand(value: V): void {
    this.#frame.obtained = { value }
    this.fiber.resume(this.epoch, OK, value)
  }
}

/** Waiters in order of arrival. Adding and removing take constant time. */
export class FiberWaitList<R, V> {
  readonly #list: LinkedList<FiberWaiter<R, V>> = new LinkedList()
  #first: FiberWaiter<R, V> | undefined

  /** The waiter that has waited longest. */
  get first(): FiberWaiter<R, V> | undefined {
    return this.#first
  }

  /**
   * Makes the fibre of a waiter wait. An interrupt ends the wait.
   *
   * @param what - Names the wait in reports.
   * @param left - Called after an interrupt has removed the waiter.
   */
  add(waiter: FiberWaiter<R, V>, what: string, left?: () => void): void {
    const { fiber, epoch } = waiter
    this.#first ??= waiter
    this.#list.add(waiter)
    fiber.waitsFor = what
    fiber.cancelWait = () => {
      this.#remove(waiter)
      left?.()
      fiber.resume(epoch, INTERRUPTED, undefined)
    }
  }

  /** Removes and returns the waiter that has waited longest. */
  shift(): FiberWaiter<R, V> | undefined {
    const waiter = this.#first
    if (waiter !== undefined) this.#remove(waiter)
    return waiter
  }

  /** Removes and returns all waiters, the one that has waited longest first. */
  shiftAll(): FiberWaiter<R, V>[] {
    const all: FiberWaiter<R, V>[] = []
    for (let waiter = this.shift(); waiter !== undefined; waiter = this.shift()) all.push(waiter)
    return all
  }

  #remove(waiter: FiberWaiter<R, V>): void {
    if (this.#first === waiter) this.#first = waiter.next
    this.#list.remove(waiter)
  }
}

/** Gives back what the fibre obtained, if an interrupt keeps the fibre from using it. */
class ObtainFrame<V> extends Frame {
  obtained: { readonly value: V } | undefined = undefined
  readonly #giveBack: (value: V) => void

  constructor(giveBack: (value: V) => void) {
    super()
    this.#giveBack = giveBack
  }

  exit(_fiber: FiberCore, kind: FiberExitKind): undefined {
    if (kind === INTERRUPTED && this.obtained !== undefined) this.#giveBack(this.obtained.value)
  }
}

/**
 * Obtains something for the fibre: at once, or after a wait. If an interrupt comes before the fibre's next step, it is
 * given back, so nothing is lost.
 *
 * @param begin - Hands it to the waiter, or adds the waiter to a list, or resumes its fibre with a failure.
 */
export const obtain =
  <R, V>(request: R, begin: (waiter: FiberWaiter<R, V>) => void, giveBack: (value: V) => void): Enter =>
  (fiber) => {
    const frame = new ObtainFrame(giveBack)
    fiber.push(frame)
    const wait = (waiting: FiberCore, epoch: number): void => begin(new FiberWaiter(waiting, epoch, request, frame))
    return new Op(SUSPEND, undefined, wait, undefined)
  }

/** Gives nothing back: for what is not used up by who obtains it. */
export const keep = (): void => undefined
