/** Who asks: a stop that is asked for from inside a handler must not wait for that handler. */
import { callerWithin, goesOn, hasEnded, isAsyncFunction, rest, runWithin } from '../actor/call-context.ts'
import { promiseOf } from '../internal/thenable.ts'

/** One that can be waited for until it has ended. */
export interface Stoppable {
  /** What ends with it, and is waited for. */
  readonly children: Iterable<Stoppable>
  /** The run of its handler, while there is one. */
  readonly inside: Inside | undefined
}

/** One run of a handler, and what it waits for. */
export class Inside {
  readonly who: Stoppable
  /** Ends whose promises this run was given and that have not come. */
  waitsFor: Set<Stoppable> | undefined
  ended = false

  constructor(who: Stoppable) {
    this.who = who
  }
}

/** The run on the stack. */
let onStack: Inside | undefined

/** Begins what is part of a run, on this stack; hand the result to {@link leave}. */
export function enter(inside: Inside): Inside | undefined {
  const outer = onStack
  onStack = inside
  return outer
}

export function leave(outer: Inside | undefined): void {
  onStack = outer
}

/**
 * Functions that have ended without a promise, and never made one. What they call is on their stack: nothing else has to be
 * known of them, and the host's promises stay fast. (One that makes its first promise later is known from the next run on.)
 */
const plain = new WeakSet<object>()

/** Whether what a function calls has to be known also after an `await`. */
export const mayGoOn = (fn: object): boolean => !plain.has(fn)

/** A run of a function has returned: whether it goes on, and whether that was expected (it was tracked). */
export function returned(fn: object, isPending: boolean, tracked: boolean): void {
  if (isPending) {
    plain.delete(fn)
  } else if (tracked && !isAsyncFunction(fn)) {
    plain.add(fn)
    rest()
  }
}

/** What a function has returned, and the promise of it when that has to be awaited. */
export interface Result {
  readonly value: unknown
  readonly pending: Promise<unknown> | undefined
}

/** Runs a function of a process so that what it calls, also after an `await`, is known to come from it. */
export function runInside(inside: Inside, fn: object, body: () => unknown): Result {
  const outer = enter(inside)
  try {
    if (!mayGoOn(fn)) {
      const value = body()
      const pending = promiseOf(value)
      returned(fn, pending !== undefined, false)
      return { value, pending }
    }
    return runWithin(inside, () => {
      const value = body()
      const pending = promiseOf(value)
      returned(fn, pending !== undefined, true)
      if (pending !== undefined) {
        goesOn()
        pending.then(hasEnded, hasEnded)
      }
      return { value, pending }
    })
  } finally {
    leave(outer)
  }
}

/** The end of `target`, as whoever asks now may wait for it: at once, where to wait would be for ever. */
export function waitFor(target: Stoppable, end: Promise<void>): Promise<void> {
  const inside = onStack ?? (callerWithin() as Inside | undefined)
  if (inside === undefined || inside.ended) return end
  if (waitsFor(target, inside.who, new Set())) return Promise.resolve()
  const waiting = (inside.waitsFor ??= new Set())
  waiting.add(target)
  const forget = (): void => void waiting.delete(target)
  end.then(forget, forget)
  return end
}

function waitsFor(target: Stoppable, who: Stoppable, seen: Set<Stoppable>): boolean {
  if (target === who) return true
  if (seen.has(target)) return false
  seen.add(target)
  for (const child of target.children) if (waitsFor(child, who, seen)) return true
  for (const next of target.inside?.waitsFor ?? []) if (waitsFor(next, who, seen)) return true
  return false
}
