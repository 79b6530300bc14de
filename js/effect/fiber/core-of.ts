/** The way from a public `Fiber` to its core, without an import of either. */
import { types } from 'node:util'

/** The property of a handle that holds its core. */
export const CORE: unique symbol = Symbol('keelson.fiber')

/** Returns the core of a handle; `undefined` for any other value. Never throws for a proxy. */
export const coreOf = (handle: unknown): unknown =>
  typeof handle === 'object' && handle !== null && !types.isProxy(handle)
    ? (handle as { [CORE]?: unknown })[CORE]
    : undefined
