import { InvalidArgumentError } from '../../errors/errors.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { LocalRef } from './local-ref.ts'
import type { Registrable } from './registrable.ts'
import type { Server } from './process.ts'
import type { SerializedRef } from './types.ts'

/** The process of a ref of this environment, if it is one. */
export const serverIn = (ref: unknown): Server | undefined => LocalRef.processOf(ref) as Server | undefined

/** The id of a ref that is not of this environment: a string, read once and safely. */
function foreignId(ref: unknown): string | undefined {
  try {
    const id: unknown = (ref as { id?: unknown } | null | undefined)?.id
    return typeof ref === 'object' && typeof id === 'string' ? id : undefined
  } catch {
    return undefined
  }
}

/** Whether it may be the ref of a process, of which nobody here knows: of another environment, or made by hand. */
export const isForeign = (ref: unknown): ref is SerializedRef =>
  serverIn(ref) === undefined && foreignId(ref) !== undefined

/**
 * The process of a ref that is to be called.
 *
 * @throws ServerNotRunningError for a ref that is not of this environment.
 */
export function calledOf(field: string, ref: unknown): Server {
  const server = serverIn(ref)
  if (server !== undefined) return server
  const id = foreignId(ref)
  if (id === undefined) return serverOf(field, ref)
  throw new ServerNotRunningError(id)
}

/** The process a ref names. */
export function serverOf(field: string, ref: unknown): Server {
  const server = serverIn(ref)
  if (server === undefined) throw new InvalidArgumentError(field, 'a GenServerRef of this environment', ref)
  return server
}

/**
 * The process of a ref that does what one kind of service does; the ref of anything else is refused, by the kind's name
 * with its article.
 */
export function serviceOf<Kind extends object>(
  kind: abstract new (...args: never[]) => Kind,
  name: string,
  ref: unknown,
): Server & { readonly behavior: Kind } {
  const server = serverIn(ref)
  if (server?.behavior instanceof kind) return server as Server & { readonly behavior: Kind }
  throw new InvalidArgumentError('ref', `a ref of ${name}, of this environment`, ref)
}

/** The process of any kind that a ref names; further kinds of refs join in here. */
export function processOf(field: string, ref: unknown): Registrable {
  return serverOf(field, ref)
}

export const serialized = ({ id }: SerializedRef): SerializedRef => ({ id })
