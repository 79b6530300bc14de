// Gossip: each node keeps a table of all nodes, and swaps it with a random one now and then.
import { GenServer, type GenServerRef, type Replies, type System } from 'keelson'

import type { Member } from './protocol.mjs'

/** A node, and when this one last heard that it lives: monotonic ms. */
interface Row {
  readonly member: Member
  readonly heardAt: number
}

type Table = ReadonlyMap<string, Row>
type Call =
  | { readonly type: 'merge'; readonly members: readonly Member[] }
  | { readonly type: 'beat' }
  | { readonly type: 'alive' }
/** All of them resolve with members: the whole table, or those that live. */
export type MembersRef = GenServerRef<Table, Call, never, Replies<{ merge: Member[]; beat: Member[]; alive: Member[] }>>

const isNewer = (a: Member, b: Member): boolean =>
  a.incarnation > b.incarnation || (a.incarnation === b.incarnation && a.heartbeat > b.heartbeat)

/** Returns the table with the news of another one. */
export function merge(table: Table, members: readonly Member[], now: number): Table {
  const next = new Map(table)
  for (const member of members) {
    const known = next.get(member.name)
    if (known === undefined || isNewer(member, known.member)) next.set(member.name, { member, heardAt: now })
  }
  return next
}

const listOf = (table: Table): Member[] => Array.from(table.values(), ({ member }) => member)

/** Starts the table of a node. A node from which nothing was heard for `suspectAfterMs` does not count as alive. */
export function startMembers(
  self: Member,
  { system, name, suspectAfterMs }: { system: System; name: string; suspectAfterMs: number },
): Promise<MembersRef> {
  const now = (): number => system.clock.monoMs()
  return GenServer.start<Table, Call, never, Replies<{ merge: Member[]; beat: Member[]; alive: Member[] }>>(
    {
      init: () => merge(new Map(), [self], now()),
      handleCall(message, table) {
        if (message.type === 'alive') {
          const isAlive = ({ member, heardAt }: Row): boolean =>
            member.name === self.name || now() - heardAt <= suspectAfterMs
          return [listOf(new Map([...table].filter(([, row]) => isAlive(row)))), table]
        }
        const { heartbeat } = table.get(self.name)?.member ?? self
        const news = message.type === 'merge' ? message.members : [{ ...self, heartbeat: heartbeat + 1 }]
        const next = merge(table, news, now())
        return [listOf(next), next]
      },
    },
    { system, name },
  )
}
