import { InvalidArgumentError } from '../errors.ts'
import type { Registrable } from './registrable.ts'
import type { Server } from './server.ts'
import type { GenServerRef, SerializedRef } from './types.ts'

/** A ref of this environment: an id, and out of reach of users, the process. */
export class LocalRef implements GenServerRef {
  readonly id: string
  readonly #server: Server

  constructor(id: string, server: Server) {
    this.id = id
    this.#server = server
  }

  static serverOf(ref: unknown): Server | undefined {
    return typeof ref === 'object' && ref !== null && #server in ref ? ref.#server : undefined
  }
}

/** The process a ref names. */
export function serverOf(field: string, ref: unknown): Server {
  const server = LocalRef.serverOf(ref)
  if (server === undefined) throw new InvalidArgumentError(field, 'a GenServerRef of this environment', ref)
  return server
}

/** The process of any kind that a ref names; further kinds of refs join in here. */
export function processOf(field: string, ref: unknown): Registrable {
  return serverOf(field, ref)
}

export const serialized = ({ id }: SerializedRef): SerializedRef => ({ id })
