import { AsyncResource } from 'node:async_hooks'
import { instant } from '../../clock/instant.ts'
import { forget, listen } from '../../internal/inbox.ts'
import type { Listeners } from '../../internal/listeners.ts'
import { hot, scratch } from '../../native.ts'
import { SHOWN_HAS_CAUSE, SHOWN_MONO, SHOWN_WALL } from '../../protocol/atom.ts'
import type { Replica, CachedValue } from './replica.ts'
import type { SharedChange } from './types.ts'

/** Changes told in one go; the event loop turns before the rest. */
const TOLD_A_WAKE = 1024

/** A subscription of this thread to an atom: takes commits in version order and tells the watchers. */
class Feed {
  readonly #replica: Replica
  readonly #token: number
  /** Replaced, not edited: a watcher may remove others during a notification. */
  #groups: readonly Listeners<SharedChange<unknown>>[] = []
  /** The change that watchers were called with last. */
  #last: CachedValue

  constructor(replica: Replica, coalesce: boolean) {
    this.#replica = replica
    this.#token = listen(() => this.#tell())
    replica.feeds++
    hot.sharedWatch(replica.handle, this.#token, coalesce ? 1 : 0)
    this.#last = replica.shown()
  }

  /** Returns whether no watcher is left. */
  get idle(): boolean {
    return this.#groups.length === 0
  }

  join(group: Listeners<SharedChange<unknown>>): void {
    this.#groups = [...this.#groups, group]
  }

  leave(group: Listeners<SharedChange<unknown>>): void {
    this.#groups = this.#groups.filter((candidate) => candidate !== group)
  }

  end(): void {
    forget(this.#token)
    this.#replica.feeds--
    hot.sharedUnwatch(this.#replica.handle, this.#token)
  }

  #tell(): void {
    for (let left = TOLD_A_WAKE; left > 0; left--) {
      const version = hot.sharedNext(this.#replica.handle, this.#token)
      if (version < 0) return
      const change = this.#change()
      for (const group of this.#groups) group.tell(change)
    }
    hot.inboxPost(this.#token)
  }

  #change(): SharedChange<unknown> {
    const at = instant(scratch[SHOWN_WALL] as number, scratch[SHOWN_MONO] as number)
    const cause = scratch[SHOWN_HAS_CAUSE] === 1 ? this.#replica.cause() : undefined
    const from = this.#last
    const to = this.#replica.shown()
    this.#last = to
    const change = { from: from.value, to: to.value, versionFrom: from.version, versionTo: to.version, at }
    return cause === undefined ? change : { ...change, cause }
  }
}

const every = new WeakMap<Replica, Feed>()
const newest = new WeakMap<Replica, Feed>()

/** Makes the watchers of a handle hear of changes; returns what ends it. */
export function follow(replica: Replica, group: Listeners<SharedChange<unknown>>, coalesce: boolean): () => void {
  const feeds = coalesce ? newest : every
  let feed = feeds.get(replica)
  if (feed === undefined) feeds.set(replica, (feed = new Feed(replica, coalesce)))
  const joined = feed
  joined.join(group)
  return () => {
    joined.leave(group)
    if (!joined.idle || feeds.get(replica) !== joined) return
    feeds.delete(replica)
    joined.end()
  }
}

/**
 * Returns a watcher that starts with the next change after now, though its feed may be behind, and that is called in
 * the context of now.
 */
export function fromNow<T>(
  replica: Replica,
  watcher: (change: SharedChange<T>) => unknown,
): (change: SharedChange<unknown>) => unknown {
  const bound = AsyncResource.bind(watcher, 'keelson.watch') as (change: SharedChange<unknown>) => unknown
  let last: { readonly value: unknown; readonly version: number } = replica.read()
  return (change) => {
    if (change.versionTo <= last.version) return undefined
    const from = last
    last = { value: change.to, version: change.versionTo }
    return bound(
      from.version === change.versionFrom ? change : { ...change, from: from.value, versionFrom: from.version },
    )
  }
}
