/** The numbers of processes at one instant. Nothing here runs user code, and no process is asked. */
import { freshly, mailboxOf } from '../../actor/observed.ts'
import type { Placement } from '../../actor/process.ts'
import { knownRuntimeOf } from '../../actor/system-runtime.ts'
import { wallMsOf } from '../../clock/observed-time.ts'
import type { System } from '../../system/system.ts'
import { GenServerProcess } from '../gen-server/process.ts'
import { strategyOf } from '../supervisor/observed.ts'
import { SupervisorProcess } from '../supervisor/process.ts'
import { settingsOf } from './settings.ts'
import { estimateState } from './state-size.ts'
import type { GenServerStats, MemoryStats, ObserverSnapshot, ProcessTreeNode, SupervisorStats } from './types.ts'

/** A node of the tree, whose children are still to come. */
type OpenNode = ProcessTreeNode & { children?: ProcessTreeNode[]; name?: string }

/** Returns the processes of a system that have not ended, in the order of their starts. */
export function processesOf(system: System): GenServerProcess[] {
  const runtime = system.closed ? undefined : knownRuntimeOf(system)
  const found: GenServerProcess[] = []
  if (runtime === undefined) return found
  for (const process of freshly(runtime)) if (process instanceof GenServerProcess) found.push(process)
  return found
}

/** Returns the numbers of a process. */
export function serverStats(server: GenServerProcess, now: number, estimates: boolean): GenServerStats {
  const { id, kind, messageCount, name, startedAt, statusName: status } = server
  const queueSize = server.isAlive ? mailboxOf(server) : 0
  const stateMemoryBytes = estimates ? estimateState(server.state) : 0
  const stats = { id, kind, status, queueSize, messageCount, startedAt, uptimeMs: now - startedAt, stateMemoryBytes }
  return name === undefined ? stats : { ...stats, name }
}

/** Returns the numbers of a supervisor. */
export function supervisorStats(supervisor: SupervisorProcess, now: number): SupervisorStats {
  const { executor, id, name, startedAt } = supervisor
  const stats = {
    id,
    strategy: strategyOf(supervisor),
    childCount: executor.count,
    totalRestarts: executor.restarts,
    restartsLeft: executor.restartsLeft,
    startedAt,
    uptimeMs: now - startedAt,
  }
  return name === undefined ? stats : { ...stats, name }
}

/** Everything about the processes of a system, read at one instant. */
export class Reading {
  readonly now: number
  readonly servers: GenServerStats[] = []
  readonly supervisors: SupervisorStats[] = []
  readonly #processes: readonly GenServerProcess[]
  /** The numbers of each process. */
  readonly #stats: (GenServerStats | SupervisorStats)[] = []

  constructor(system: System) {
    this.now = wallMsOf(system.clock)
    this.#processes = processesOf(system)
    const estimates = settingsOf(system).estimateState
    for (const process of this.#processes) {
      if (process instanceof SupervisorProcess) {
        const stats = supervisorStats(process, this.now)
        this.supervisors.push(stats)
        this.#stats.push(stats)
      } else {
        const stats = serverStats(process, this.now, estimates)
        this.servers.push(stats)
        this.#stats.push(stats)
      }
    }
  }

  /** Supervisors without a supervisor, with all below them; then processes without one. */
  get tree(): ProcessTreeNode[] {
    const nodes = this.#processes.map((process, index) => this.#node(process, index))
    const supervisors = new Map<string, OpenNode>()
    for (const node of nodes) if (node.type === 'supervisor') supervisors.set(node.id, node)
    const top: OpenNode[] = []
    const alone: OpenNode[] = []
    /** The processes below supervisors, by their places. */
    const placed = new Map<Placement, OpenNode[]>()
    for (const [index, node] of nodes.entries()) {
      const { placement } = this.#processes[index] as GenServerProcess
      if (placement === undefined || !supervisors.has(placement.supervisorId)) {
        if (node.type === 'supervisor') top.push(node)
        else alone.push(node)
        continue
      }
      node.name ??= placement.childId
      const inPlace = placed.get(placement)
      if (inPlace === undefined) placed.set(placement, [node])
      else inPlace.push(node)
    }
    for (const [index, node] of nodes.entries()) {
      const process = this.#processes[index]
      if (process instanceof SupervisorProcess) node.children = takeChildren(process, placed)
    }
    // A child whose removal is under way has no place any more.
    for (const [{ supervisorId }, left] of placed) supervisors.get(supervisorId)?.children?.push(...left)
    return [...top, ...alone]
  }

  #node({ id, name }: GenServerProcess, index: number): OpenNode {
    const stats = this.#stats[index] as GenServerStats & SupervisorStats
    const type = 'strategy' in stats ? 'supervisor' : 'genserver'
    return (name === undefined ? { type, id, stats } : { type, id, name, stats }) as OpenNode
  }
}

/** Takes the children of a supervisor, in the order in which they start. */
function takeChildren(supervisor: SupervisorProcess, placed: Map<Placement, OpenNode[]>): OpenNode[] {
  const children: OpenNode[] = []
  for (const child of supervisor.executor.children) {
    const inPlace = placed.get(child)
    if (inPlace === undefined) continue
    for (const node of inPlace) children.push(node)
    placed.delete(child)
  }
  return children
}

/** Returns the memory of this thread. */
export function memoryStats(system: System): MemoryStats {
  const { external, heapTotal, heapUsed, rss } = process.memoryUsage()
  return { heapUsed, heapTotal, external, rss, timestamp: wallMsOf(system.clock) }
}

const sum = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((total, item) => total + of(item), 0)

/** Returns everything about the processes of a system at one instant. */
export function snapshotOf(system: System): ObserverSnapshot {
  const reading = new Reading(system)
  const { now: timestamp, servers, supervisors } = reading
  return {
    timestamp,
    servers,
    supervisors,
    tree: reading.tree,
    processCount: servers.length + supervisors.length,
    totalMessages: sum(servers, ({ messageCount }) => messageCount),
    totalRestarts: sum(supervisors, ({ totalRestarts }) => totalRestarts),
    memoryStats: memoryStats(system),
  }
}
