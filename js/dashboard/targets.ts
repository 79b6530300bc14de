/** Where services listen: by pid, by the path of a socket, or by an address. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

import { usualSocket } from '../observe/socket-path.ts'
import { DashboardTargetError } from './errors.ts'

/** The folder of the usual sockets. */
const socketFolder = (): string => dirname(usualSocket(process.pid))

const SOCKET = /^(\d+)\.sock$/

/** Returns whether a process runs. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Returns the pids of services that listen on their usual sockets. */
export function observedPids(folder: string = socketFolder()): readonly number[] {
  const names = existsSync(folder) ? readdirSync(folder) : []
  const pids = names.map((name) => Number(SOCKET.exec(name)?.[1] ?? Number.NaN))
  return pids.filter((pid) => Number.isSafeInteger(pid) && runs(pid)).toSorted((one, other) => one - other)
}

const HOW = 'Call `observe()` of keelson/observe in it, or start it with KEELSON_OBSERVE=unix:PATH and pass that path'

function socketOf(pid: number): string {
  const path = usualSocket(pid)
  if (!runs(pid))
    throw new DashboardTargetError(String(pid), `There is no process ${pid}: pass the pid of a service that runs`)
  if (!existsSync(path)) {
    throw new DashboardTargetError(String(pid), `Process ${pid} is not observed: there is no ${path}. ${HOW}`)
  }
  return path
}

function onlyOne(): string {
  const pids = observedPids()
  if (pids.length === 1) return socketOf(pids[0] as number)
  const reason =
    pids.length === 0
      ? `No service is observed: there is no socket in ${socketFolder()}. ${HOW}`
      : `Several services are observed: pass one of the pids ${pids.join(', ')}`
  throw new DashboardTargetError('', reason)
}

/**
 * Returns the path or the address for what a user named: a pid, a path, an address, or nothing for the only service.
 *
 * @throws DashboardTargetError when there is no such service.
 */
export function findTarget(named: string | undefined): string {
  if (named === undefined) return onlyOne()
  if (/^\d+$/.test(named)) return socketOf(Number(named))
  if (named.includes('://')) return named
  const found = statSync(named, { throwIfNoEntry: false })
  if (found === undefined)
    throw new DashboardTargetError(named, `There is no ${named}: pass a pid, a socket or an address`)
  if (!found.isSocket())
    throw new DashboardTargetError(named, `${named} is no socket: pass the one that observe() returned`)
  return named
}
