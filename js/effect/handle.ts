/** The fibre behind what users hold of it. */
export const CORE: unique symbol = Symbol('keelson.fiber')

export const coreOf = (handle: unknown): unknown =>
  typeof handle === 'object' && handle !== null ? (handle as { [CORE]?: unknown })[CORE] : undefined
