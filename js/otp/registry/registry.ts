import { NotRegisteredError } from '../errors.ts'
import { namesOf } from '../gen-server/names.ts'
import { processOf } from '../gen-server/ref.ts'
import { type SystemArgument, systemFromArgument } from '../gen-server/start.ts'
import type { GenServerRef, SerializedRef } from '../gen-server/types.ts'
import { RegistryInstance } from './instance.ts'
import { getOrStart } from './get-or-start.ts'
import type { RegistryOptions } from './types.ts'

function register(name: string, ref: SerializedRef, ...system: SystemArgument): void {
  namesOf(systemFromArgument(system)).register(name, processOf('ref', ref))
}

function whereis<State = unknown, CallMsg = unknown, CastMsg = unknown, CallReply = unknown>(
  name: string,
  ...system: SystemArgument
): GenServerRef<State, CallMsg, CastMsg, CallReply> | undefined {
  return namesOf(systemFromArgument(system)).whereis(name)?.ref
}

function lookup<State = unknown, CallMsg = unknown, CastMsg = unknown, CallReply = unknown>(
  name: string,
  ...system: SystemArgument
): GenServerRef<State, CallMsg, CastMsg, CallReply> {
  const ref = whereis<State, CallMsg, CastMsg, CallReply>(name, ...system)
  if (ref === undefined) throw new NotRegisteredError(name)
  return ref
}

function unregister(name: string, ...system: SystemArgument): boolean {
  return namesOf(systemFromArgument(system)).unregister(name)
}

function isRegistered(name: string, ...system: SystemArgument): boolean {
  return namesOf(systemFromArgument(system)).whereis(name) !== undefined
}

function getNames(...system: SystemArgument): string[] {
  return namesOf(systemFromArgument(system)).list()
}

function count(...system: SystemArgument): number {
  return namesOf(systemFromArgument(system)).size
}

function create<Meta = unknown, Ref extends SerializedRef = GenServerRef>(
  options?: RegistryOptions,
): RegistryInstance<Meta, Ref> {
  return new RegistryInstance(options)
}

/**
 * Registers processes by name. A name belongs to one living process; a process may have several names, and loses all of
 * them as it ends, before its end is announced. A name is a non-empty string. The names are those of the default
 * system, or of the `system` that is passed last; a closed system has none.
 *
 * @example
 * ```ts
 * Registry.register('counter', await GenServer.start(counter))
 * const ref = Registry.lookup<number, 'get', 'add', number>('counter')
 * console.log(await GenServer.call(ref, 'get'))
 * ```
 */
export const Registry = {
  /**
   * Registers a process under a name.
   *
   * @throws AlreadyRegisteredError when a living process has the name, also when it is the same one.
   * @throws ServerNotRunningError when the process ends or has ended.
   * @throws ClosedError when the system is closed.
   * @throws InvalidArgumentError for an empty name, and for anything but a ref of the system.
   */
  register: register as typeof register,
  /**
   * Returns the process of a name. A name does not tell what its process understands: the type arguments are a promise
   * of yours.
   *
   * @throws NotRegisteredError when no process has it.
   */
  lookup: lookup as typeof lookup,
  /** Returns the process of a name, or `undefined`. */
  whereis: whereis as typeof whereis,
  /**
   * Resolves with the ref of the process that has the name, or starts one: callers that ask at the same time get one
   * process. `start` gets the name, and may register the process under it itself; else this does. A process that ends is
   * waited for, and then one is started anew. When `start` fails, all who wait reject, and the next call tries again.
   *
   * @throws Whatever `start` throws, or rejects with.
   * @throws ServerNotRunningError when the process ended before `start` had resolved.
   * @throws ClosedError when the system is closed.
   * @example
   * ```ts
   * const room = await Registry.getOrStart(`room/${id}`, (name) =>
   *   GenServer.start(roomBehavior, { name, idleTimeoutMs: 60_000 }),
   * )
   * ```
   */
  getOrStart: getOrStart as typeof getOrStart,
  /** Frees a name; the process lives on. Returns whether a process had it. */
  unregister: unregister as typeof unregister,
  /** Returns whether a process has the name. */
  isRegistered: isRegistered as typeof isRegistered,
  /** Returns all names, in the order in which they were registered. */
  getNames: getNames as typeof getNames,
  /** Returns the number of names. */
  count: count as typeof count,
  /**
   * Makes a registry with keys of its own: unique or duplicate ones, with metadata. It is open, and closes with its
   * system.
   *
   * @throws InvalidArgumentError naming the option that is refused.
   * @throws ClosedError when the system is closed.
   */
  create: create as typeof create,
} as const
