/** Runs a program, and compares what the observer sees after each step with the forest. */
import {
  GenServer,
  Observer,
  type ObserverEvent,
  type ProcessTreeNode,
  Supervisor,
  type SupervisorRef,
} from 'keelson/otp'

import { counter } from '../../../support/counter.ts'
import { type Reach, same } from '../../../support/programs.ts'
import { createStage } from '../../../support/system.ts'
import { Forest, type ForestNode, type SupervisorNode } from './forest.ts'
import type { Operation, Program } from './program.ts'

type Any = any // oxlint-disable-line typescript/no-explicit-any -- refs of processes that are started at run time

/** Turns of the event loop in which all restarts of a step have ended. */
const TURNS = 6

export class Run {
  readonly #stage = createStage({ seed: 3 })
  readonly #forest = new Forest()
  readonly #reach: Reach
  /** The names of processes, by their ids. */
  readonly #names = new Map<string, string>()
  #events: string[] = []

  constructor(reach: Reach) {
    this.#reach = reach
  }

  async run({ ops }: Program): Promise<void> {
    const { system } = this.#stage
    this.#reach.program(ops.map(({ kind }) => kind))
    Observer.subscribe((event) => this.#events.push(this.#text(event)), system)
    for (const operation of ops) {
      this.#events = []
      this.#forest.events = []
      await this.#step(operation)
      for (let turn = 0; turn < TURNS; turn++) await this.#stage.turn()
      this.#forest.settle()
      this.#compare()
    }
    await system.close()
    same(Observer.getSnapshot(system).tree, [])
  }

  #text(event: ObserverEvent): string {
    if (event.type === 'server_started' || event.type === 'supervisor_started') {
      this.#names.set(event.stats.id, event.stats.name ?? event.stats.id)
      return `${event.type} ${event.stats.name}`
    }
    return event.type === 'stats_update' ? event.type : `${event.type} ${this.#names.get(event.id)}`
  }

  async #step(operation: Operation): Promise<void> {
    const forest = this.#forest
    const { system } = this.#stage
    const pick = <T>(items: readonly T[]): T | undefined =>
      'at' in operation && items.length > 0 ? items[operation.at % items.length] : undefined
    switch (operation.kind) {
      case 'server': {
        const node = forest.newServer(false)
        forest.add(node)
        await this.#server(node.name)
        break
      }
      case 'supervisor': {
        const node = forest.newSupervisor(operation.plan, false)
        forest.add(node)
        const ref = await this.#supervisor(node)
        // A root that gives up has nobody else who hears of it.
        ref.terminated.catch(() => {})
        break
      }
      case 'child':
      case 'nested': {
        const parent = pick(forest.supervisors)
        if (parent === undefined) break
        const node =
          operation.kind === 'child'
            ? forest.newServer(operation.isTemporary)
            : forest.newSupervisor(operation.plan, operation.isTemporary)
        forest.add(node, parent)
        await Supervisor.startChild(this.#ref(parent), this.#spec(node) as Any)
        break
      }
      case 'cast': {
        const node = pick(forest.servers)
        if (node === undefined) break
        forest.cast(node, operation.count)
        for (let count = 0; count < operation.count; count++) GenServer.cast(this.#ref(node), 'add')
        same(Observer.getServerStats(system).find(({ name }) => name === node.name)?.queueSize, operation.count)
        break
      }
      case 'crash': {
        const node = pick(forest.servers)
        if (node === undefined) break
        if (node.parent?.isStrict === true && !node.isTemporary) this.#reach.fault('gives up')
        forest.crash(node)
        GenServer.cast(this.#ref(node), 'crash')
        break
      }
      case 'stop': {
        const node = pick(forest.nodes)
        if (node === undefined) break
        forest.stop(node)
        same(await Observer.stopProcess(this.#ref(node).id, 'normal', system), { success: true })
      }
    }
  }

  /** Returns the ref of a node. Its id is the one that the observer has for its name. */
  #ref({ name }: ForestNode): Any {
    const ref = this.#refs.get(name)
    same(Observer.getTable('process', this.#stage.system).rows.find((row) => row.name === name)?.id, ref.id)
    return ref
  }

  /** The refs of the last start under each name. */
  readonly #refs = new Map<string, Any>()

  async #server(name: string): Promise<Any> {
    const ref = await GenServer.start(counter, { system: this.#stage.system, name })
    this.#refs.set(name, ref)
    return ref
  }

  async #supervisor(node: SupervisorNode): Promise<SupervisorRef> {
    const { initial, isStrict, name, strategy } = node
    const ref = await Supervisor.start({
      system: this.#stage.system,
      name,
      strategy,
      restartIntensity: { maxRestarts: isStrict ? 0 : 1000, withinMs: 1 },
      children: initial.map((child) => ({
        id: child.name,
        restart: child.isTemporary ? ('temporary' as const) : ('permanent' as const),
        start: () => this.#server(child.name),
      })),
    })
    this.#refs.set(name, ref)
    return ref
  }

  #spec(node: ForestNode): object {
    return {
      id: node.name,
      restart: node.isTemporary ? 'temporary' : 'permanent',
      start: () => (node.type === 'supervisor' ? this.#supervisor(node) : this.#server(node.name)),
    }
  }

  #compare(): void {
    const { system } = this.#stage
    const forest = this.#forest
    const { processCount, servers, supervisors, totalMessages, totalRestarts, tree } = Observer.getSnapshot(system)
    const byName = <T extends { readonly name: string }>(items: readonly T[]): T[] =>
      items.toSorted((one, other) => (one.name < other.name ? -1 : 1))
    same(tree.map(shapeOfTree), [...rootsOf(forest, 'supervisor'), ...rootsOf(forest, 'genserver')].map(shapeOf))
    same(
      byName(
        servers.map(({ messageCount, name = '', queueSize, status }) => ({ name, messageCount, queueSize, status })),
      ),
      byName(
        forest.servers.map(({ messages, name }) => {
          return { name, messageCount: messages, queueSize: 0, status: 'running' }
        }),
      ),
    )
    same(
      byName(
        supervisors.map(({ childCount, name = '', strategy, totalRestarts: own }) => ({
          name,
          childCount,
          strategy,
          own,
        })),
      ),
      byName(
        forest.supervisors.map(({ children, name, restarts, strategy }) => {
          return { name, childCount: children.length, strategy, own: restarts }
        }),
      ),
    )
    const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
    same(
      [processCount, totalMessages, totalRestarts, Observer.getProcessCount(system)],
      [
        forest.nodes.length,
        sum(forest.servers.map(({ messages }) => messages)),
        sum(forest.supervisors.map(({ restarts }) => restarts)),
        forest.nodes.length,
      ],
    )
    same(this.#events.toSorted(), forest.events.toSorted())
    for (const stats of [servers, supervisors]) {
      const numbers = stats.map(({ id }) => Number(id.split('_')[1]))
      same(
        numbers,
        numbers.toSorted((one, other) => one - other),
      )
    }
  }
}

const rootsOf = ({ roots }: Forest, type: ForestNode['type']): ForestNode[] =>
  roots.filter((node) => node.type === type)

const shapeOf = (node: ForestNode): unknown =>
  node.type === 'supervisor' ? [node.name, node.children.map(shapeOf)] : node.name

const shapeOfTree = (node: ProcessTreeNode): unknown =>
  node.type === 'supervisor' ? [node.name, node.children.map(shapeOfTree)] : node.name
