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
  const uptimeMs = now - startedAt
  return name === undefined
    ? { id, kind, status, queueSize, messageCount, startedAt, uptimeMs, stateMemoryBytes }
    : { id, kind, status, queueSize, messageCount, startedAt, uptimeMs, stateMemoryBytes, name }
}

/** Returns the numbers of a supervisor. */
export function supervisorStats(supervisor: SupervisorProcess, now: number): SupervisorStats {
  const { executor, id, name, startedAt } = supervisor
  const { count: childCount, restarts: totalRestarts, restartsLeft } = executor
  const strategy = strategyOf(supervisor)
  const uptimeMs = now - startedAt
  return name === undefined
    ? { id, strategy, childCount, totalRestarts, restartsLeft, startedAt, uptimeMs }
    : { id, strategy, childCount, totalRestarts, restartsLeft, startedAt, uptimeMs, name }
}

/** Everything about the processes of a system, read at one instant. */
export interface Reading {
  readonly now: number
  readonly processes: readonly GenServerProcess[]
  /** The numbers of each process. */
  readonly stats: readonly (GenServerStats | SupervisorStats)[]
  readonly servers: readonly GenServerStats[]
  readonly supervisors: readonly SupervisorStats[]
  readonly totalMessages: number
  readonly totalRestarts: number
}

/**
 * Reads the processes of a system.
 *
 * Every object that a snapshot makes is one literal, complete from the start. V8 keeps the shapes of literals. It drops
 * compiled code that knows another shape with the last object of that shape, so each garbage collection would make the
 * next snapshot ten times slower.
 */
export function read(system: System): Reading {
  const now = wallMsOf(system.clock)
  const processes = processesOf(system)
  const estimates = settingsOf(system).estimateState
  const stats: (GenServerStats | SupervisorStats)[] = []
  const servers: GenServerStats[] = []
  const supervisors: SupervisorStats[] = []
  let [totalMessages, totalRestarts] = [0, 0]
  for (const process of processes) {
    if (process instanceof SupervisorProcess) {
      const own = supervisorStats(process, now)
      totalRestarts += own.totalRestarts
      supervisors.push(own)
      stats.push(own)
    } else {
      const own = serverStats(process, now, estimates)
      totalMessages += own.messageCount
      servers.push(own)
      stats.push(own)
    }
  }
  return { now, processes, stats, servers, supervisors, totalMessages, totalRestarts }
}

/** Returns supervisors without a supervisor, with all below them; then processes without one. */
export function treeOf({ processes, stats, supervisors }: Reading): ProcessTreeNode[] {
  /** The nodes below each supervisor, by its id. */
  const below = new Map<string, ProcessTreeNode[]>()
  for (const { id } of supervisors) below.set(id, [])
  const top: ProcessTreeNode[] = []
  const alone: ProcessTreeNode[] = []
  /** The nodes of processes below supervisors, by their places. */
  const placed = new Map<Placement, ProcessTreeNode[]>()
  for (let index = 0; index < processes.length; index++) {
    const { id, name, placement } = processes[index] as GenServerProcess
    const own = stats[index] as GenServerStats | SupervisorStats
    const place = placement !== undefined && below.has(placement.supervisorId) ? placement : undefined
    const shown = name ?? place?.childId
    const node = 'strategy' in own ? supervisorNode(id, shown, own, below.get(id) ?? []) : serverNode(id, shown, own)
    if (place === undefined) {
      if (node.type === 'supervisor') top.push(node)
      else alone.push(node)
      continue
    }
    const inPlace = placed.get(place)
    if (inPlace === undefined) placed.set(place, [node])
    else inPlace.push(node)
  }
  for (const process of processes) {
    if (process instanceof SupervisorProcess) takeChildren(process, placed, below.get(process.id) ?? [])
  }
  // A child whose removal is under way has no place any more.
  for (const [{ supervisorId }, left] of placed) below.get(supervisorId)?.push(...left)
  return [...top, ...alone]
}

function serverNode(id: string, name: string | undefined, stats: GenServerStats): ProcessTreeNode {
  return name === undefined ? { type: 'genserver', id, stats } : { type: 'genserver', id, stats, name }
}

function supervisorNode(
  id: string,
  name: string | undefined,
  stats: SupervisorStats,
  children: readonly ProcessTreeNode[],
): ProcessTreeNode {
  return name === undefined
    ? { type: 'supervisor', id, stats, children }
    : { type: 'supervisor', id, stats, children, name }
}

/** Takes the children of a supervisor, in the order in which they start. */
function takeChildren(
  supervisor: SupervisorProcess,
  placed: Map<Placement, ProcessTreeNode[]>,
  children: ProcessTreeNode[],
): void {
  for (const child of supervisor.executor.children) {
    const inPlace = placed.get(child)
    if (inPlace === undefined) continue
    for (const node of inPlace) children.push(node)
    placed.delete(child)
  }
}

/** Returns the memory of this thread. */
export function memoryStats(system: System): MemoryStats {
  const { external, heapTotal, heapUsed, rss } = process.memoryUsage()
  return { heapUsed, heapTotal, external, rss, timestamp: wallMsOf(system.clock) }
}

/** Returns everything about the processes of a system at one instant. */
export function snapshotOf(system: System): ObserverSnapshot {
  const reading = read(system)
  const { now: timestamp, servers, supervisors, totalMessages, totalRestarts } = reading
  return {
    timestamp,
    servers,
    supervisors,
    tree: treeOf(reading),
    processCount: servers.length + supervisors.length,
    totalMessages,
    totalRestarts,
    memoryStats: memoryStats(system),
  }
}
