/** Who asks: a stop that is asked for from inside a handler must not wait for that handler. */
import { AsyncLocalStorage } from 'node:async_hooks'

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
  readonly waitsFor: Set<Stoppable> = new Set()
  ended = false

  constructor(who: Stoppable) {
    this.who = who
  }
}

const storage = new AsyncLocalStorage<Inside>()

/** Runs a handler so that what it calls, also after an `await`, is known to come from it. */
export function runInside<R>(inside: Inside, body: () => R): R {
  return storage.run(inside, body)
}

/** The end of `target`, as whoever asks now may wait for it: at once, where to wait would be for ever. */
export function waitFor(target: Stoppable, end: Promise<void>): Promise<void> {
  const inside = storage.getStore()
  if (inside === undefined || inside.ended) return end
  if (waitsFor(target, inside.who, new Set())) return Promise.resolve()
  inside.waitsFor.add(target)
  const forget = (): void => void inside.waitsFor.delete(target)
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
