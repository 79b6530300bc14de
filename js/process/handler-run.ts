/**
 * Knows which run of a handler asks for a stop: a handler that waits for a process which in turn waits for that handler
 * would wait for ever, so such a wait resolves at once.
 */
import { currentWithin, retain, release, isAsyncFunction, disableIfIdle, runWithin } from '../actor/call-context.ts'
import { promiseOf } from '../internal/thenable.ts'

/** A process, or a group of them, whose end can be awaited. */
export interface StopTarget {
  /** Its children: they end with it, and before it. */
  readonly children: Iterable<StopTarget>
  /** The run of its handler, while there is one. */
  readonly currentRun: HandlerRun | undefined
}

/** One run of a handler, and the ends it waits for. */
export class HandlerRun {
  readonly process: StopTarget
  /** Processes whose end this run waits for: it has their promises, which have not resolved. */
  waitsFor: Set<StopTarget> | undefined
  ended = false

  constructor(process: StopTarget) {
    this.process = process
  }
}

/** The run on the stack. */
let onStack: HandlerRun | undefined

/** Puts a run on the stack. Pass the result to {@link leave}. */
export function enter(run: HandlerRun): HandlerRun | undefined {
  const outer = onStack
  onStack = run
  return outer
}

/** Takes a run off the stack. */
export function leave(outer: HandlerRun | undefined): void {
  onStack = outer
}

/**
 * Functions that have returned without a promise, and never returned one. Their calls are all made on their stack, so
 * nothing needs to be tracked, and the host's promises stay fast. A function that returns its first promise later is
 * tracked from its next run on.
 */
const syncFunctions = new WeakSet<object>()

/** Returns whether calls of a function have to be tracked over an `await`. */
export const mayBeAsync = (fn: object): boolean => !syncFunctions.has(fn)

/** Notes that a function has returned: whether with a promise, and whether the run was tracked. */
export function noteReturn(fn: object, isPending: boolean, wasTracked: boolean): void {
  if (isPending) {
    syncFunctions.delete(fn)
  } else if (wasTracked && !isAsyncFunction(fn)) {
    syncFunctions.add(fn)
    disableIfIdle()
  }
}

/** The result of a function, and the promise to await, if it is one. */
export interface HandlerReturn {
  readonly value: unknown
  readonly pending: Promise<unknown> | undefined
}

/**
 * Runs a function of a process as part of a run, so that its calls are known to come from it, also after an `await`.
 */
export function runHandler(run: HandlerRun, fn: object, body: () => unknown): HandlerReturn {
  const outer = enter(run)
  try {
    if (!mayBeAsync(fn)) {
      const value = body()
      const pending = promiseOf(value)
      noteReturn(fn, pending !== undefined, false)
      return { value, pending }
    }
    return runWithin(run, () => {
      const value = body()
      const pending = promiseOf(value)
      noteReturn(fn, pending !== undefined, true)
      if (pending !== undefined) {
        retain()
        pending.then(release, release)
      }
      return { value, pending }
    })
  } finally {
    leave(outer)
  }
}

/** Returns the end of a process as the calling handler may wait for it: resolved, if that wait would never end. */
export function waitFor(target: StopTarget, end: Promise<void>): Promise<void> {
  const run = onStack ?? (currentWithin() as HandlerRun | undefined)
  if (run === undefined || run.ended) return end
  if (waitsFor(target, run.process, new Set())) return Promise.resolve()
  const waiting = (run.waitsFor ??= new Set())
  waiting.add(target)
  const forget = (): void => void waiting.delete(target)
  end.then(forget, forget)
  return end
}

/** Returns whether the end of `target` waits for a handler of `process`, directly or through others. */
function waitsFor(target: StopTarget, process: StopTarget, seen: Set<StopTarget>): boolean {
  if (target === process) return true
  if (seen.has(target)) return false
  seen.add(target)
  for (const child of target.children) if (waitsFor(child, process, seen)) return true
  for (const next of target.currentRun?.waitsFor ?? []) if (waitsFor(next, process, seen)) return true
  return false
}
