/** `Registry.getOrStart`: one process a name, however many ask for it at once. */
import { ENDING, RUNNING } from '../../actor/process.ts'
import { runOutsideHandler } from '../../actor/call-context.ts'
import { callable, text } from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import type { System } from '../../system/system.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { isAlreadyRegisteredError } from '../errors.ts'
import { namesOf, type ProcessNames } from '../gen-server/names.ts'
import type { GenServerProcess } from '../gen-server/process.ts'
import { findProcess } from '../gen-server/ref.ts'
import type { Registrable } from '../gen-server/registrable.ts'
import { type SystemArgument, systemFromArgument } from '../gen-server/start.ts'
import type { GenServerRef, SerializedRef } from '../gen-server/types.ts'

type Start = (name: string) => unknown

/** The number of processes that may end as soon as they were found before a call gives up. */
const MOST_TRIES = 10

/** The starts that are under way in each system, by name. */
const pendingStarts = new WeakMap<System, Map<string, Promise<GenServerProcess>>>()

export async function getOrStart<Ref extends SerializedRef = GenServerRef>(
  name: string,
  start: (name: string) => Ref | PromiseLike<Ref>,
  ...argument: SystemArgument
): Promise<Ref> {
  text('name', name)
  callable('start', start)
  const system = systemFromArgument(argument)
  system.assertOpen()
  for (let tries = 1; ; tries++) {
    const server = await findOrStart(system, name, start)
    // It may have ended since it was found.
    if (server.status < ENDING) return server.ref as unknown as Ref
    if (tries === MOST_TRIES) throw new ServerNotRunningError(server.id, server)
  }
}

async function findOrStart(system: System, name: string, start: Start): Promise<GenServerProcess> {
  const names = namesOf(system)
  for (;;) {
    const pending = pendingStarts.get(system)?.get(name)
    if (pending !== undefined) return pending
    const holder = names.whereis(name)
    if (holder?.status === RUNNING) return holder as GenServerProcess
    const waitFor = holder ?? names.starting(name)
    if (waitFor === undefined) return startOnce(system, name, start)
    await changeOf(names, name, waitFor)
    system.assertOpen()
  }
}

/** Runs a start function. Whoever asks for the name meanwhile gets the same outcome. */
function startOnce(system: System, name: string, start: Start): Promise<GenServerProcess> {
  let starts = pendingStarts.get(system)
  if (starts === undefined) pendingStarts.set(system, (starts = new Map()))
  const own = starts
  // The process is no part of the handler that asks for it first.
  const pending = runOutsideHandler(async () => {
    try {
      return await startUnder(system, name, start)
    } finally {
      own.delete(name)
    }
  })
  starts.set(name, pending)
  return pending
}

async function startUnder(system: System, name: string, start: Start): Promise<GenServerProcess> {
  // Whoever asks for the name on the stack of the start function finds this start.
  await undefined
  const names = namesOf(system)
  let ref: unknown
  try {
    ref = await start(name)
  } catch (error) {
    const holder = await holderAfter(system, name, error)
    if (holder !== undefined) return holder
    throw error
  }
  const server = findProcess(ref)
  if (server === undefined || server.system !== system) {
    throw new InvalidArgumentError('start()', `a ref of a process of the system ${system.name}`, ref)
  }
  if (server.status >= ENDING) throw new ServerNotRunningError(server.id, server)
  const holder = names.whereis(name)
  if (holder !== server) {
    try {
      names.register(name, server)
    } catch (error) {
      // Somebody else registered a process under the name meanwhile. Nobody asked for this one by name.
      server.end('shutdown')
      const other = await holderAfter(system, name, error)
      if (other !== undefined) return other
      throw error
    }
  }
  return server
}

/** Returns the process that took the name first, if that is why a start failed. */
async function holderAfter(system: System, name: string, error: unknown): Promise<GenServerProcess | undefined> {
  if (!isAlreadyRegisteredError(error) || error.registeredName !== name) return undefined
  const names = namesOf(system)
  const starting = names.starting(name)
  if (starting !== undefined) await changeOf(names, name, starting)
  const holder = names.whereis(name)
  return holder?.status === RUNNING ? (holder as GenServerProcess) : undefined
}

/** Resolves when a process that starts has begun or failed, or a process that ends has ended. */
function changeOf(names: ProcessNames, name: string, process: Registrable): Promise<void> {
  return new Promise((resolve) => {
    const releases: (() => void)[] = []
    const done = (): void => {
      for (const release of releases.splice(0)) release()
      resolve()
    }
    releases.push(names.whenRegistered(name, done))
    releases.push(process.whenEnded(done))
  })
}
