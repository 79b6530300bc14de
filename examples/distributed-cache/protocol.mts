// The messages between clients and nodes, and the rules that both sides share.

/** Orders the values of a key: by counter, then by writer. Each write has a version of its own. */
export type Version = readonly [counter: number, writer: string]

/** The version of a key that was never written. */
export const NO_VERSION: Version = [0, '']

/** Returns a negative number if `a` is older than `b`, 0 if they are the same, and a positive number otherwise. */
export function compare(a: Version, b: Version): number {
  return a[0] - b[0] || (a[1] < b[1] ? -1 : Number(a[1] !== b[1]))
}

/** A value as the nodes keep it. An entry without a value says that the key was deleted. */
export interface Entry {
  readonly version: Version
  readonly value?: unknown
  /** The wall time, in ms, from which readers miss it. */
  readonly expiresAt: number
}

/** One node as the others know it. */
export interface Member {
  readonly name: string
  readonly address: string
  /** Counts the starts of the node: it rises with each, because a node forgets everything when it ends. */
  readonly incarnation: number
  /** Rises while the node lives. */
  readonly heartbeat: number
}

/** The latest incarnation of each node that somebody knows. */
export type Incarnations = { readonly [name: string]: number }

export type Message =
  | { readonly type: 'read'; readonly key: string }
  | { readonly type: 'store'; readonly key: string; readonly entry: Entry }
  /** Asks for all entries, on behalf of a node that has started again. */
  | { readonly type: 'copy'; readonly name: string; readonly incarnation: number }
  | { readonly type: 'gossip'; readonly members: readonly Member[] }
  | { readonly type: 'ping' }
  /** Asks what the node did for an operation of a client. */
  | { readonly type: 'audit'; readonly requestId: string }

/** The part of an answer by which quorums are made. */
export interface Stamp {
  readonly name: string
  readonly incarnation: number
  readonly incarnations: Incarnations
}

export interface ReadAnswer extends Stamp {
  readonly entry?: Entry
}

export interface CopyAnswer extends Stamp {
  readonly entries: readonly (readonly [key: string, entry: Entry])[]
}

export interface PingAnswer extends Stamp {
  readonly isReady: boolean
  readonly size: number
  readonly members: readonly Member[]
}

/** The number of nodes that make a quorum: any two quorums share a node. */
export const quorumOf = (nodes: number): number => Math.floor(nodes / 2) + 1

/** Too few nodes answered. The outcome of a write is unknown then. */
export class NoQuorumError extends Error {
  override readonly name = 'NoQuorumError'
  readonly _tag = 'NoQuorum'
}

/**
 * Leaves out answers that do not count: another answer knows that their node has started again since, so it may have
 * forgotten what it said. This makes quorums of nodes without disks safe.
 */
export const consistent = <A extends Stamp>(answers: readonly A[]): A[] =>
  answers.filter(({ name, incarnation }) =>
    answers.every(({ incarnations }) => (incarnations[name] ?? 0) <= incarnation),
  )

/**
 * Resolves as soon as `need` of the answers agree about the incarnations. Rejects with `NoQuorumError` when so many
 * cannot come any more.
 */
export function quorum<A extends Stamp>(need: number, answers: readonly Promise<A>[]): Promise<A[]> {
  return new Promise((resolve, reject) => {
    const received: A[] = []
    let left = answers.length
    const settle = (): void => {
      left -= 1
      const valid = consistent(received)
      if (valid.length >= need) resolve(valid)
      else if (left === 0) reject(new NoQuorumError(`${valid.length} of ${need} nodes answered`))
    }
    if (answers.length === 0) reject(new NoQuorumError('no node is known'))
    for (const answer of answers) {
      answer.then((value) => {
        received.push(value)
        settle()
      }, settle)
    }
  })
}

/** Returns the newer of what two sides know about the nodes. */
export function mergeIncarnations(a: Incarnations, b: Incarnations): Incarnations {
  const merged: Record<string, number> = { ...a }
  for (const [name, incarnation] of Object.entries(b)) merged[name] = Math.max(merged[name] ?? 0, incarnation)
  return merged
}
