import { known, options as checkOptions, text } from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import type { System } from '../../system/system.ts'
import { NotRegisteredError } from '../errors.ts'
import { namesOf } from '../gen-server/names.ts'
import { processOf } from '../gen-server/ref.ts'
import { type SystemGiven, systemGiven } from '../gen-server/start.ts'
import type { GenServerRef, SerializedRef } from '../gen-server/types.ts'
import { RegistryInstance } from './instance.ts'
import type { RegistryOptions } from './types.ts'
import { resolveSystem } from '../../system/default.ts'

/** Counts the registries of a system, for those without a name. */
const made = new WeakMap<System, number>()

function register(name: string, ref: SerializedRef, ...system: SystemGiven): void {
  namesOf(systemGiven(system)).register(name, processOf('ref', ref))
}

function whereis<State = unknown, CallMsg = unknown, CastMsg = unknown, CallReply = unknown>(
  name: string,
  ...system: SystemGiven
): GenServerRef<State, CallMsg, CastMsg, CallReply> | undefined {
  return namesOf(systemGiven(system)).whereis(name)?.ref
}

function lookup<State = unknown, CallMsg = unknown, CastMsg = unknown, CallReply = unknown>(
  name: string,
  ...system: SystemGiven
): GenServerRef<State, CallMsg, CastMsg, CallReply> {
  const ref = whereis<State, CallMsg, CastMsg, CallReply>(name, ...system)
  if (ref === undefined) throw new NotRegisteredError(name)
  return ref
}

function unregister(name: string, ...system: SystemGiven): boolean {
  return namesOf(systemGiven(system)).unregister(name)
}

function isRegistered(name: string, ...system: SystemGiven): boolean {
  return namesOf(systemGiven(system)).whereis(name) !== undefined
}

function getNames(...system: SystemGiven): string[] {
  return namesOf(systemGiven(system)).list()
}

function count(...system: SystemGiven): number {
  return namesOf(systemGiven(system)).size
}

function create<Meta = unknown, Ref extends SerializedRef = GenServerRef>(
  options?: RegistryOptions,
): RegistryInstance<Meta, Ref> {
  const given = checkOptions('options', options)
  known('options', given, ['name', 'keys', 'system'])
  if (given.name !== undefined) text('options.name', given.name)
  if (given.keys !== undefined && given.keys !== 'unique' && given.keys !== 'duplicate') {
    throw new InvalidArgumentError('options.keys', "'unique' or 'duplicate'", given.keys)
  }
  const system = resolveSystem(given.system)
  system.assertOpen()
  const number = (made.get(system) ?? 0) + 1
  made.set(system, number)
  return new RegistryInstance(given.name ?? `registry_${number}`, given.keys ?? 'unique', system)
}

/**
 * Processes by name. A name stands for one living process; a process may have several names, and loses all of them as
 * it ends, before anybody is told of its end. A name is a non-empty string. The names are those of the default system,
 * or of the `system` that is passed last; a closed system has none.
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
   * Gives a process a name.
   *
   * @throws AlreadyRegisteredError when a living process has it, be it the same.
   * @throws ServerNotRunningError when the process ends or has ended.
   * @throws ClosedError when the system is closed.
   * @throws InvalidArgumentError for an empty name, and for what is no ref of the system.
   */
  register: register as typeof register,
  /**
   * Who has the name. What the process understands cannot be known from a name: the type arguments are a promise.
   *
   * @throws NotRegisteredError when nobody has it.
   */
  lookup: lookup as typeof lookup,
  /** Who has the name, if anybody. */
  whereis: whereis as typeof whereis,
  /** Frees a name; the process lives on. Whether anybody had it. */
  unregister: unregister as typeof unregister,
  /** Whether anybody has the name. */
  isRegistered: isRegistered as typeof isRegistered,
  /** All names, in order of registration. */
  getNames: getNames as typeof getNames,
  /** How many names there are. */
  count: count as typeof count,
  /**
   * Makes a registry of keys of its own: unique or duplicate ones, with metadata. It is open, and closes with its system.
   *
   * @throws InvalidArgumentError naming the option that is refused.
   * @throws ClosedError when the system is closed.
   */
  create: create as typeof create,
} as const
