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

const numberOf = (id: string, prefix: string): number => (id.startsWith(prefix) ? Number(id.slice(prefix.length)) : NaN)

export async function monitor(watcher: GenServerRef, subject: ProcessRef): Promise<MonitorRef> {
  const [from, to] = pair(['monitoringRef', watcher], ['monitoredRef', subject])
  if (from.status === DEAD) throw new ServerNotRunningError(from.id)
  const monitoredRef = serialized(subject)
  if (to.status === DEAD) {
    const monitorId = `monitor_${from.runtime.monitor(from, from)}`
    from.runtime.demonitor(numberOf(monitorId, 'monitor_'))
    void Promise.resolve().then(() => from.tellDown(monitorId, monitoredRef, { type: 'noproc' }))
    return { monitorId, monitoredRef }
  }
  const monitorId = `monitor_${from.runtime.monitor(from, to)}`
  monitors.set(monitorId, from)
  return { monitorId, monitoredRef }
}

const monitors = new Map<string, Server>()

export async function demonitor(ref: MonitorRef): Promise<void> {
  const watcher = monitors.get(ref.monitorId)
  monitors.delete(ref.monitorId)
  watcher?.runtime.demonitor(numberOf(ref.monitorId, 'monitor_'))
}

export async function link(ref1: ProcessRef, ref2: ProcessRef): Promise<LinkRef> {
  const [one, other] = pair(['ref1', ref1], ['ref2', ref2])
  for (const server of [one, other]) if (server.status === DEAD) throw new ServerNotRunningError(server.id)
  const made = one.runtime.link(one, other)
  const linkId = `link_${made}`
  links.set(linkId, one)
  return { linkId, ref1: serialized(ref1), ref2: serialized(ref2) }
}

const links = new Map<string, Server>()

export async function unlink(ref: LinkRef): Promise<void> {
  const one = links.get(ref.linkId)
  links.delete(ref.linkId)
  one?.runtime.unlink(numberOf(ref.linkId, 'link_'))
}
