/** Links and monitors: `GenServer.link`, `unlink`, `monitor`, `demonitor`. The core keeps them, by number. */
import { ServerNotRunningError } from '../../actor/errors.ts'
import { DEAD } from '../../actor/process.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import type { SupervisorRef } from '../supervisor/types.ts'
import type { GenServerProcess } from './process.ts'
import { callTargetOf, isForeign, serializeRef } from './ref.ts'
import type { GenServerRef, LinkRef, MonitorRef } from './types.ts'

/** Supervisors are processes too. */
type AnyProcessRef = GenServerRef | SupervisorRef

/** Returns the processes of two arguments. Refuses processes of different systems. */
function processesOf(
  first: [string, AnyProcessRef],
  second: [string, AnyProcessRef],
): [GenServerProcess, GenServerProcess] {
  const servers: [GenServerProcess, GenServerProcess] = [callTargetOf(...first), callTargetOf(...second)]
  if (servers[0].runtime !== servers[1].runtime) {
    throw new InvalidArgumentError(second[0], `of the same system as ${first[0]}`, second[1])
  }
  return servers
}

/** A monitor or a link behind a ref. */
interface Relation {
  readonly server: GenServerProcess
  /** Its number in the runtime. */
  readonly number: number
  /** For a monitor of a process that is gone: whether its one `DOWN` is still to come. */
  readonly noproc?: { isPending: boolean }
}
const relations = new WeakMap<object, Relation>()

/** Returns the relation of a ref, and `undefined` for one that was not made here: there is nothing to end. */
function relationOf(ref: MonitorRef | LinkRef, expected: string): Relation | undefined {
  if (typeof ref === 'object' && ref !== null) {
    const relation = relations.get(ref)
    if (relation !== undefined) return relation
    if (looksLikeRelation(ref)) return undefined
  }
  throw new InvalidArgumentError('ref', expected, ref)
}

/** Returns whether a value has the id of a monitor or a link. Never throws. */
function looksLikeRelation(ref: object): boolean {
  try {
    const { monitorId, linkId } = ref as { monitorId?: unknown; linkId?: unknown }
    return typeof monitorId === 'string' || typeof linkId === 'string'
  } catch {
    return false
  }
}

/** Monitors a process that has ended, or is unknown here: `DOWN` with `noproc` comes in the next microtask. */
function monitorMissing(watcher: GenServerProcess, subject: AnyProcessRef): MonitorRef {
  // The monitor is made for its number alone.
  const number = watcher.runtime.monitor(watcher, watcher)
  watcher.runtime.demonitor(number)
  const ref = { monitorId: `monitor_${number}`, monitoredRef: serializeRef(subject) }
  const noproc = { isPending: true }
  relations.set(ref, { server: watcher, number, noproc })
  void Promise.resolve().then(() => {
    if (noproc.isPending) watcher.deliverDown(ref.monitorId, ref.monitoredRef, { type: 'noproc' })
  })
  return ref
}

export async function monitor(watcherRef: GenServerRef, subject: AnyProcessRef): Promise<MonitorRef> {
  const watcher = callTargetOf('monitoringRef', watcherRef)
  if (watcher.status === DEAD) throw new ServerNotRunningError(watcher.id, watcher)
  if (isForeign(subject)) return monitorMissing(watcher, subject)
  const [, monitored] = processesOf(['monitoringRef', watcherRef], ['monitoredRef', subject])
  if (monitored.status === DEAD) return monitorMissing(watcher, subject)
  const number = watcher.runtime.monitor(watcher, monitored)
  const ref = { monitorId: `monitor_${number}`, monitoredRef: serializeRef(subject) }
  relations.set(ref, { server: watcher, number })
  return ref
}

export async function demonitor(ref: MonitorRef): Promise<void> {
  const relation = relationOf(ref, 'what GenServer.monitor gave')
  if (relation === undefined) return
  if (relation.noproc !== undefined) relation.noproc.isPending = false
  else relation.server.runtime.demonitor(relation.number)
}

export async function link(ref1: AnyProcessRef, ref2: AnyProcessRef): Promise<LinkRef> {
  const [first, second] = processesOf(['ref1', ref1], ['ref2', ref2])
  for (const server of [first, second]) {
    if (server.status === DEAD) throw new ServerNotRunningError(server.id, server)
  }
  const number = first.runtime.link(first, second)
  const ref = { linkId: `link_${number}`, ref1: serializeRef(ref1), ref2: serializeRef(ref2) }
  relations.set(ref, { server: first, number })
  return ref
}

export async function unlink(ref: LinkRef): Promise<void> {
  const relation = relationOf(ref, 'what GenServer.link gave')
  relation?.server.runtime.unlink(relation.number)
}
