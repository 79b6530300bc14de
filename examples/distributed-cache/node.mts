// A node: a replica, its store, and gossip, below one supervisor and behind one address.
import { createJournal, GenServer, Registry, Supervisor, type SupervisorRef, type System, timeout } from 'keelson'

import { type MembersRef, startMembers } from './members.mjs'
import { type CopyAnswer, type Member, type Message, quorum, quorumOf } from './protocol.mjs'
import { type ReplicaRef, startReplica, startStore } from './replica.mjs'
import { startTicker } from './ticker.mjs'
import type { Envelope, Transport } from './transport.mjs'

/** The pause between two exchanges of a node's gossip. */
const GOSSIP_MS = 500
/** A node of which nobody has heard for so long counts as gone. */
const SUSPECT_AFTER_MS = 2000
/** The pause between two attempts of a node to copy what it has forgotten. */
const CATCH_UP_MS = 200
const REQUEST_TIMEOUT_MS = 1000
/** The operations that a node remembers, for audits. */
const KEPT_OPERATIONS = 1000

export interface NodeOptions {
  readonly name: string
  /** The number of nodes of the cluster, this one included. */
  readonly nodes: number
  /** Must be higher at each start of a node of this name. A crash inside the node counts on from here. */
  readonly incarnation: number
  /** True for a node of a new cluster: there is nothing that it could have forgotten. */
  readonly isNew: boolean
  /** Addresses of other nodes, as far as they are known. */
  readonly seeds: readonly string[]
  readonly transport: Transport
  readonly system: System
}

export interface CacheNode {
  readonly address: string
  readonly supervisor: SupervisorRef
  stop(): Promise<void>
}

/** What a node did for an operation of a client. */
export interface Operation {
  readonly type: Message['type']
  readonly key?: string
  readonly requestId: string
}

export async function startNode(options: NodeOptions): Promise<CacheNode> {
  const { name, nodes, isNew, seeds, transport, system } = options
  const operations = createJournal<Operation>({ system, maxEntries: KEPT_OPERATIONS, overflow: 'bounded:drop_oldest' })
  // Looked up for each message: a process that has crashed has a successor with its name.
  const replica = (): ReplicaRef => Registry.lookup('replica', system) as ReplicaRef
  const members = (): MembersRef => Registry.lookup('members', system) as MembersRef
  const limit = timeout(REQUEST_TIMEOUT_MS, { system })
  let starts = 0

  const ask = (to: string, message: Message): Promise<unknown> =>
    limit.execute(({ signal }) => transport.send(to, { message, requestId: name }, signal))

  async function receive({ message, requestId }: Envelope): Promise<unknown> {
    switch (message.type) {
      case 'read':
      case 'store':
        operations.append({ type: message.type, key: message.key, requestId })
        return GenServer.call(replica(), message)
      case 'copy':
        operations.append({ type: message.type, requestId })
        return GenServer.call(replica(), message)
      case 'gossip':
        return { members: await GenServer.call(members(), { type: 'merge', members: message.members }) }
      case 'ping': {
        const look = await GenServer.call(replica(), { type: 'look' })
        return { ...look, members: await GenServer.call(members(), { type: 'alive' }) }
      }
      case 'audit':
        return operations.filter(({ requestId: id }) => id === message.requestId)
    }
  }

  async function gossip(): Promise<void> {
    const known = await GenServer.call(members(), { type: 'beat' })
    const addresses = new Set([...known.map((member) => member.address), ...seeds])
    addresses.delete(endpoint.address)
    if (addresses.size === 0) return
    const answer = await ask(system.random.pick([...addresses]), { type: 'gossip', members: known }).catch(() => {})
    const news = (answer as { members: Member[] } | undefined)?.members
    if (news !== undefined) await GenServer.call(members(), { type: 'merge', members: news })
  }

  /** Copies what the node has forgotten, from so many others that one of them knows each finished write. */
  async function catchUp(): Promise<void> {
    const { isReady, incarnation } = await GenServer.call(replica(), { type: 'look' })
    if (isReady) return
    const known = await GenServer.call(members(), { type: 'merge', members: [] })
    const others = known.filter((member) => member.name !== name)
    const need = nodes - quorumOf(nodes) + 1
    const copy = async ({ address }: Member): Promise<CopyAnswer> =>
      (await ask(address, { type: 'copy', name, incarnation })) as CopyAnswer
    const copies = await quorum(need, others.map(copy)).catch(() => undefined)
    if (copies !== undefined) await GenServer.call(replica(), { type: 'catch-up', copies })
  }

  const endpoint = await transport.listen(receive)
  const incarnation = (): number => options.incarnation + starts - 1
  const supervisor = await Supervisor.start({
    system,
    // Together they are one state, so they start anew together: empty, and in a higher incarnation.
    strategy: 'one_for_all',
    restartIntensity: { maxRestarts: 10, withinMs: 10_000 },
    children: [
      { id: 'store', start: () => startStore(system) },
      {
        id: 'replica',
        start: () => {
          starts += 1
          return startReplica({ name, incarnation: incarnation(), isNew: isNew && starts === 1, system })
        },
      },
      {
        id: 'members',
        start: () => {
          const self = { name, address: endpoint.address, incarnation: incarnation(), heartbeat: 0 }
          return startMembers(self, { system, name: 'members', suspectAfterMs: SUSPECT_AFTER_MS })
        },
      },
      { id: 'gossip', start: () => startTicker(GOSSIP_MS, gossip, system) },
      { id: 'catch-up', start: () => startTicker(CATCH_UP_MS, catchUp, system) },
    ],
  })
  return {
    address: endpoint.address,
    supervisor,
    async stop() {
      await endpoint.close()
      await Supervisor.stop(supervisor)
    },
  }
}
