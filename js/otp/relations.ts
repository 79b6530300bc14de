import { DEAD } from '../actor/process.ts'
import { InvalidArgumentError } from '../errors.ts'
import { ServerNotRunningError } from './errors.ts'
import { serialized, serverOf } from './ref.ts'
import type { Server } from './server.ts'
import type { SupervisorRef } from './supervisor/types.ts'
import type { GenServerRef, LinkRef, MonitorRef } from './types.ts'

/** Supervisors are processes too. */
type ProcessRef = GenServerRef | SupervisorRef

/** Both have to be of one system. */
function pair(one: [string, ProcessRef], other: [string, ProcessRef]): [Server, Server] {
  const servers: [Server, Server] = [serverOf(...one), serverOf(...other)]
  if (servers[0].runtime !== servers[1].runtime) {
    throw new InvalidArgumentError(other[0], `of the same system as ${one[0]}`, other[1])
  }
  return servers
}

/** Of what each monitor and link is; their numbers are those of its runtime. */
interface Made {
  readonly server: Server
  readonly number: number
}
const made = new WeakMap<object, Made>()

function madeOf(ref: MonitorRef | LinkRef, expected: string): Made | undefined {
  if (typeof ref === 'object' && ref !== null && made.has(ref)) return made.get(ref)
  throw new InvalidArgumentError('ref', expected, ref)
}

export async function monitor(watcher: GenServerRef, subject: ProcessRef): Promise<MonitorRef> {
  const [from, to] = pair(['monitoringRef', watcher], ['monitoredRef', subject])
  if (from.status === DEAD) throw new ServerNotRunningError(from.id)
  const isGone = to.status === DEAD
  // Of one that is gone only the number is wanted.
  const number = from.runtime.monitor(from, isGone ? from : to)
  const ref = { monitorId: `monitor_${number}`, monitoredRef: serialized(subject) }
  made.set(ref, { server: from, number })
  if (isGone) {
    from.runtime.demonitor(number)
    void Promise.resolve().then(() => from.tellDown(ref.monitorId, ref.monitoredRef, { type: 'noproc' }))
  }
  return ref
}

export async function demonitor(ref: MonitorRef): Promise<void> {
  const found = madeOf(ref, 'what GenServer.monitor gave')
  found?.server.runtime.demonitor(found.number)
}

export async function link(ref1: ProcessRef, ref2: ProcessRef): Promise<LinkRef> {
  const [one, other] = pair(['ref1', ref1], ['ref2', ref2])
  for (const server of [one, other]) if (server.status === DEAD) throw new ServerNotRunningError(server.id)
  const number = one.runtime.link(one, other)
  const ref = { linkId: `link_${number}`, ref1: serialized(ref1), ref2: serialized(ref2) }
  made.set(ref, { server: one, number })
  return ref
}

export async function unlink(ref: LinkRef): Promise<void> {
  const found = madeOf(ref, 'what GenServer.link gave')
  found?.server.runtime.unlink(found.number)
}
