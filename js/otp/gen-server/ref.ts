/** Finds the process behind a ref, or refuses the ref with an error that names the argument. */
import { ENDING } from '../../actor/process.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import type { System } from '../../system/system.ts'
import { LocalRef } from './local-ref.ts'
import type { GenServerProcess } from './process.ts'
import type { SerializedRef } from './types.ts'

/** Returns the process of a ref of this environment, and `undefined` for anything else. */
export const findProcess = (ref: unknown): GenServerProcess | undefined =>
  LocalRef.find(ref) as GenServerProcess | undefined

/** Returns the id of a ref of another environment. Reads it once; never throws. */
function foreignIdOf(ref: unknown): string | undefined {
  try {
    const id: unknown = (ref as { id?: unknown } | null | undefined)?.id
    return typeof ref === 'object' && typeof id === 'string' ? id : undefined
  } catch {
    return undefined
  }
}

/** Returns whether a value looks like a ref and was not made here: it comes from another environment, or by hand. */
export const isForeign = (ref: unknown): ref is SerializedRef =>
  findProcess(ref) === undefined && foreignIdOf(ref) !== undefined

/**
 * Returns the process of a ref that is to be called.
 *
 * @throws ServerNotRunningError for a ref that is not of this environment.
 * @throws InvalidArgumentError for anything else.
 */
export function callTargetOf(field: string, ref: unknown): GenServerProcess {
  const server = findProcess(ref)
  if (server !== undefined) return server
  const id = foreignIdOf(ref)
  if (id === undefined) return processOf(field, ref)
  throw new ServerNotRunningError(id)
}

/**
 * Returns the process of a ref.
 *
 * @throws InvalidArgumentError for what is no ref of this environment.
 */
export function processOf(field: string, ref: unknown): GenServerProcess {
  const server = findProcess(ref)
  if (server === undefined) throw new InvalidArgumentError(field, 'a GenServerRef of this environment', ref)
  return server
}

/**
 * Returns the process of a ref that belongs to a system and has not ended.
 *
 * @throws InvalidArgumentError for what is no ref of this system.
 * @throws ServerNotRunningError when the process ends or has ended.
 */
export function livingProcessOf(field: string, ref: unknown, system: System): GenServerProcess {
  const server = processOf(field, ref)
  if (server.system !== system) throw new InvalidArgumentError(field, 'a ref of the same system', ref)
  if (server.status >= ENDING) throw new ServerNotRunningError(server.id, server)
  return server
}

/**
 * Returns the process of a ref whose behaviour is of one class.
 *
 * @param name What the class is in the error, with its article: `'an EventBus'`.
 * @throws InvalidArgumentError for a ref of anything else.
 */
export function serviceOf<Behavior extends object>(
  behavior: abstract new (...args: never[]) => Behavior,
  name: string,
  ref: unknown,
): GenServerProcess & { readonly behavior: Behavior } {
  const server = findProcess(ref)
  if (server?.behavior instanceof behavior) return server as GenServerProcess & { readonly behavior: Behavior }
  throw new InvalidArgumentError('ref', `a ref of ${name}, of this environment`, ref)
}

/** Returns what an event shows of a ref. */
export const serializeRef = ({ id }: SerializedRef): SerializedRef => ({ id })
