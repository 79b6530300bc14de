import { AsyncLocalStorage } from 'node:async_hooks'
import { callerFrames } from '../clock/sleepers.ts'
import { Atom } from './atom.ts'
import type { AtomSnapshot, ChangeOptions } from './types.ts'

/** The version of an atom that a context knows: the one that it read or committed last. */
interface KnownVersion {
  version: number
}

/** The most atoms that a context remembers to have read. */
const MOST_KNOWN = 64

/** The versions that an asynchronous context knows, by the number of their atom. */
const contexts = new AsyncLocalStorage<ReadonlyMap<number, KnownVersion>>()
let atoms = 0
/** Places that were warned of. */
const places = new Set<string>()

/**
 * Makes an atom warn of lost updates: of a `reset` in an asynchronous context that read it before another commit.
 *
 * An asynchronous function goes on in the context in which it read, so it knows what it read before an `await`. The
 * methods that read and write without looking are replaced on the atom itself, so that other atoms pay nothing.
 */
export function reportLosses<T>(atom: Atom<T>): Atom<T> {
  const { deref, reset, snapshot } = Atom.prototype as Atom<T>
  const number = atoms++
  const known = (): KnownVersion | undefined => contexts.getStore()?.get(number)
  /** Notes that this context, and what it starts from now on, knows the current version. */
  const noteRead = (): void => {
    const versions = new Map(contexts.getStore())
    versions.delete(number)
    versions.set(number, { version: atom.version() })
    if (versions.size > MOST_KNOWN) versions.delete(versions.keys().next().value as number)
    contexts.enterWith(versions)
  }
  const read = (): T => {
    noteRead()
    return deref.call(atom)
  }
  // A watcher runs in the context that committed, which knows the new value.
  atom.watch(({ versionTo }) => {
    const own = known()
    if (own !== undefined) own.version = versionTo
  })
  return Object.assign(atom, {
    deref: read,
    get: read,
    snapshot: (): AtomSnapshot<T> => {
      noteRead()
      return snapshot.call(atom)
    },
    reset: (next: T, options?: ChangeOptions): T => {
      const own = known()
      const base = own?.version
      const current = atom.version()
      const result = reset.call(atom, next, options)
      // Also for an equal value: two callers that both add 1 to what they read write the same.
      if (own === undefined || base === undefined) return result
      if (base !== current) warn(base, current, callerFrames(new Error('reset')))
      own.version = atom.version()
      return result
    },
  })
}

function warn(base: number, current: number, place: string = 'an unknown place'): void {
  if (places.has(place)) return
  places.add(place)
  process.emitWarning(
    `An update of an atom was lost: version ${base} was read, version ${current} was committed meanwhile, and ` +
      `a reset has overwritten it (${place}). Use swap() or compareAndSet().`,
    { type: 'KeelsonWarning', code: 'KEELSON_LOST_UPDATE' },
  )
}
