/** Derives the view that an observer must have of a forest, by the rules of supervisors alone. */
import type { Strategy, SupervisorPlan } from './program.ts'

export interface ServerNode {
  readonly type: 'genserver'
  readonly name: string
  readonly isTemporary: boolean
  parent: SupervisorNode | undefined
  messages: number
  waiting: number
}

export interface SupervisorNode {
  readonly type: 'supervisor'
  readonly name: string
  readonly isTemporary: boolean
  readonly strategy: Strategy
  readonly isStrict: boolean
  /** The names of the children of its options, each with whether it is temporary. */
  readonly initial: readonly { readonly name: string; readonly isTemporary: boolean }[]
  parent: SupervisorNode | undefined
  children: ForestNode[]
  restarts: number
}

export type ForestNode = ServerNode | SupervisorNode

/** The forest, and the events of its last step. */
export class Forest {
  readonly roots: ForestNode[] = []
  events: string[] = []
  #count = 0

  get nodes(): ForestNode[] {
    const all: ForestNode[] = []
    const add = (node: ForestNode): void => {
      all.push(node)
      if (node.type === 'supervisor') for (const child of node.children) add(child)
    }
    for (const root of this.roots) add(root)
    return all
  }

  get servers(): ServerNode[] {
    return this.nodes.filter((node) => node.type === 'genserver')
  }

  get supervisors(): SupervisorNode[] {
    return this.nodes.filter((node) => node.type === 'supervisor')
  }

  newServer(isTemporary: boolean): ServerNode {
    return { type: 'genserver', name: this.#name('p'), isTemporary, parent: undefined, messages: 0, waiting: 0 }
  }

  newSupervisor({ children, isStrict, strategy }: SupervisorPlan, isTemporary: boolean): SupervisorNode {
    const name = this.#name('s')
    const initial = children.map((temporary, index) => ({ name: `${name}.${index}`, isTemporary: temporary }))
    return {
      type: 'supervisor',
      name,
      isTemporary,
      strategy,
      isStrict,
      initial,
      parent: undefined,
      children: [],
      restarts: 0,
    }
  }

  /** Starts a node, at the end of its parent's children or as a root. */
  add(node: ForestNode, parent?: SupervisorNode): void {
    node.parent = parent
    ;(parent?.children ?? this.roots).push(node)
    this.#start(node)
  }

  cast(server: ServerNode, count: number): void {
    server.waiting += count
  }

  /** The messages that wait are handled. */
  settle(): void {
    for (const server of this.servers) {
      server.messages += server.waiting
      server.waiting = 0
    }
  }

  crash(server: ServerNode): void {
    this.events.push(`crashed ${server.name}`)
    this.#ended(server)
  }

  stop(node: ForestNode): void {
    this.#remove(node)
    this.#stop(node)
  }

  #name(prefix: string): string {
    return `${prefix}${++this.#count}`
  }

  #start(node: ForestNode): void {
    if (node.type === 'genserver') {
      node.messages = node.waiting = 0
      this.events.push(`server_started ${node.name}`)
      return
    }
    node.restarts = 0
    node.children = node.initial.map(({ isTemporary, name }) => {
      return { type: 'genserver', name, isTemporary, parent: node, messages: 0, waiting: 0 }
    })
    for (const child of node.children) this.#start(child)
    this.events.push(`supervisor_started ${node.name}`)
  }

  #stop(node: ForestNode): void {
    if (node.type === 'supervisor') for (const child of node.children.toReversed()) this.#stop(child)
    this.events.push(`${node.type === 'supervisor' ? 'supervisor' : 'server'}_stopped ${node.name}`)
  }

  #remove(node: ForestNode): void {
    const siblings = node.parent?.children ?? this.roots
    siblings.splice(siblings.indexOf(node), 1)
  }

  /** A node has ended with an error. Its supervisor restarts it with its group, or gives up. */
  #ended(node: ForestNode): void {
    this.#stop(node)
    const { parent } = node
    if (parent === undefined || node.isTemporary) {
      this.#remove(node)
      return
    }
    if (parent.isStrict) {
      this.events.push(`crashed ${parent.name}`)
      parent.children.splice(parent.children.indexOf(node), 1)
      this.#ended(parent)
      return
    }
    const { children, strategy } = parent
    const at = children.indexOf(node)
    const first = strategy === 'one_for_all' ? 0 : at
    const last = strategy === 'one_for_one' ? at : children.length - 1
    const group = children.slice(first, last + 1)
    for (const each of group.toReversed()) if (each !== node) this.#stop(each)
    parent.children = children.filter((each) => !group.includes(each) || !each.isTemporary)
    for (const each of group) {
      if (each.isTemporary) continue
      this.#start(each)
      parent.restarts++
      this.events.push(`restarted ${each.name}`)
    }
  }
}
