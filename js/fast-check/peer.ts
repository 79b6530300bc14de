import type * as FastCheck from 'fast-check'

import { DependencyMissingError } from '../errors/errors.ts'

/** The package of fast-check. */
export type Peer = typeof FastCheck

/**
 * Loads fast-check. Not before it is needed: Node 20 ends a program that imports a module which throws, also where the
 * program catches that.
 *
 * @throws DependencyMissingError when it is not installed.
 */
export function loadFastCheck(): Peer {
  try {
    return require('fast-check') as Peer
  } catch (error) {
    if ((Object(error) as { code?: unknown }).code !== 'MODULE_NOT_FOUND') throw error
    throw new DependencyMissingError('simulation of keelson/fast-check', ['fast-check'], error)
  }
}
