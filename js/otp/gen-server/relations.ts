import { DEAD } from '../../actor/process.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { calledOf, isForeign, serialized } from './ref.ts'
import type { Server } from './process.ts'
import type { SupervisorRef } from '../supervisor/types.ts'
import type { GenServerRef, LinkRef, MonitorRef } from './types.ts'

/** Supervisors are processes too. */
type ProcessRef = GenServerRef | SupervisorRef

/** Both have to be of one system. */
function pair(one: [string, ProcessRef], other: [string, ProcessRef]): [Server, Server] {
  const servers: [Server, Server] = [calledOf(...one), calledOf(...other)]
  if (servers[0].runtime !== servers[1].runtime) {
    throw new InvalidArgumentError(other[0], `of the same system as ${one[0]}`, other[1])
  }
  return servers
}

/** Of what each monitor and link is; their numbers are those of its runtime. */
interface Made {
  readonly server: Server
  readonly number: number
  /** Of a monitor of nobody: whether its one message is still to come. */
  readonly alarm?: { isOn: boolean }
}
const made = new WeakMap<object, Made>()

function madeOf(ref: MonitorRef | LinkRef, expected: string): Made | undefined {
  if (typeof ref === 'object' && ref !== null) {
    const found = made.get(ref)
    if (found !== undefined) return found
    // Of another environment, or made by hand: there is nothing to end.
    if (hasId(ref)) return undefined
  }
  throw new InvalidArgumentError('ref', expected, ref)
}

/** Whether it looks like a monitor or a link. */
function hasId(ref: object): boolean {
  try {
    const { monitorId, linkId } = ref as { monitorId?: unknown; linkId?: unknown }
    return typeof monitorId === 'string' || typeof linkId === 'string'
  } catch {
    return false
  }
}

/** Of a process that is gone, or that nobody here knows, the watcher is told at once. */
function monitorNobody(from: Server, subject: ProcessRef): MonitorRef {
  // Only the number is wanted.
  const number = from.runtime.monitor(from, from)
  from.runtime.demonitor(number)
  const ref = { monitorId: `monitor_${number}`, monitoredRef: serialized(subject) }
  const alarm = { isOn: true }
  made.set(ref, { server: from, number, alarm })
  void Promise.resolve().then(() => {
    if (alarm.isOn) from.tellDown(ref.monitorId, ref.monitoredRef, { type: 'noproc' })
  })
  return ref
}

export async function monitor(watcher: GenServerRef, subject: ProcessRef): Promise<MonitorRef> {
  const watching = calledOf('monitoringRef', watcher)
  if (watching.status === DEAD) throw new ServerNotRunningError(watching.id, watching)
  if (isForeign(subject)) return monitorNobody(watching, subject)
  const [from, to] = pair(['monitoringRef', watcher], ['monitoredRef', subject])
  if (to.status === DEAD) return monitorNobody(from, subject)
  const number = from.runtime.monitor(from, to)
  const ref = { monitorId: `monitor_${number}`, monitoredRef: serialized(subject) }
  made.set(ref, { server: from, number })
  return ref
}

export async function demonitor(ref: MonitorRef): Promise<void> {
  const found = madeOf(ref, 'what GenServer.monitor gave')
  if (found === undefined) return
  if (found.alarm !== undefined) found.alarm.isOn = false
  else found.server.runtime.demonitor(found.number)
}

export async function link(ref1: ProcessRef, ref2: ProcessRef): Promise<LinkRef> {
  const [one, other] = pair(['ref1', ref1], ['ref2', ref2])
  for (const server of [one, other]) if (server.status === DEAD) throw new ServerNotRunningError(server.id, server)
  const number = one.runtime.link(one, other)
  const ref = { linkId: `link_${number}`, ref1: serialized(ref1), ref2: serialized(ref2) }
  made.set(ref, { server: one, number })
  return ref
}

export async function unlink(ref: LinkRef): Promise<void> {
  const found = madeOf(ref, 'what GenServer.link gave')
  found?.server.runtime.unlink(found.number)
}
