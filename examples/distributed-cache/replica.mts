// The copy of the data that a node keeps. Last write by version wins.
import { Cache, type CacheRef, GenServer, type GenServerRef, Registry, type Replies, type System } from 'keelson'

import {
  compare,
  type CopyAnswer,
  type Entry,
  type Incarnations,
  mergeIncarnations,
  type Message,
  type ReadAnswer,
  type Stamp,
} from './protocol.mjs'

/** The longest time to live of a value. */
export const MAX_TTL_MS = 3_600_000

interface State {
  /** False while the node has not copied what it missed. */
  readonly isReady: boolean
  readonly incarnations: Incarnations
}

type Call =
  | Extract<Message, { type: 'read' | 'store' | 'copy' }>
  | { readonly type: 'catch-up'; readonly copies: readonly CopyAnswer[] }
  | { readonly type: 'look' }
type Answers = Replies<{
  read: ReadAnswer
  store: Stamp
  copy: CopyAnswer
  'catch-up': Stamp
  look: Stamp & { isReady: boolean; size: number }
}>
export type ReplicaRef = GenServerRef<State, Call, never, Answers>

interface ReplicaOptions {
  readonly name: string
  readonly incarnation: number
  /** The first node of a new cluster has nothing to copy. */
  readonly isNew: boolean
  readonly system: System
}

/** Starts the process that decides about the entries of the store. It refuses reads and writes until it has caught up. */
export function startReplica({ name, incarnation, isNew, system }: ReplicaOptions): Promise<ReplicaRef> {
  const { handle: entries } = Registry.lookup('store', system) as CacheRef<Entry, string>
  const stamp = ({ incarnations }: State): Stamp => ({ name, incarnation, incarnations })

  function put(key: string, entry: Entry): void {
    const known = entries.peek(key)
    if (known !== undefined && compare(known.version, entry.version) >= 0) return
    // An entry stays for as long as an older one could live elsewhere. So nothing that was overwritten comes back.
    const ttlMs = entry.expiresAt + MAX_TTL_MS - system.clock.now().wallMs
    if (ttlMs > 0) entries.set(key, entry, { ttlMs })
  }

  const refuseUntilReady = ({ isReady }: State): void => {
    if (!isReady) throw new Error(`${name} is not ready: it copies what it missed`)
  }

  return GenServer.start<State, Call, never, Answers>(
    {
      init: () => ({ isReady: isNew, incarnations: { [name]: incarnation } }),
      handleCall(message, state) {
        switch (message.type) {
          case 'read': {
            refuseUntilReady(state)
            const entry = entries.get(message.key)
            return [{ ...stamp(state), ...(entry !== undefined && { entry }) }, state]
          }
          case 'store':
            refuseUntilReady(state)
            put(message.key, message.entry)
            return [stamp(state), state]
          case 'copy': {
            refuseUntilReady(state)
            // From now on this node says that the other one has started again; see `consistent`.
            const incarnations = mergeIncarnations(state.incarnations, { [message.name]: message.incarnation })
            const next = { ...state, incarnations }
            return [{ ...stamp(next), entries: [...entries.entries<string>()] }, next]
          }
          case 'catch-up': {
            for (const copy of message.copies) for (const [key, entry] of copy.entries) put(key, entry)
            const all = message.copies.map((copy) => copy.incarnations)
            const next = { isReady: true, incarnations: all.reduce(mergeIncarnations, state.incarnations) }
            return [stamp(next), next]
          }
          case 'look':
            return [{ ...stamp(state), isReady: state.isReady, size: entries.size }, state]
        }
      },
    },
    { system, name: 'replica' },
  )
}

export const startStore = (system: System): Promise<CacheRef<Entry, string>> =>
  Cache.start<Entry, string>({ system, name: 'store' })
