/** The fibre behind what users hold of it. */
import { types } from 'node:util'

export const CORE: unique symbol = Symbol('keelson.fiber')

export const coreOf = (handle: unknown): unknown =>
  typeof handle === 'object' && handle !== null && !types.isProxy(handle)
    ? (handle as { [CORE]?: unknown })[CORE]
    : undefined
