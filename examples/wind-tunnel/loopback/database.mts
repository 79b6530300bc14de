import { connections } from '../../first-light/database.mjs'

export { Database } from '../../first-light/database.mjs'

/** Slow enough that a busy machine can offer twice its capacity and still keep time. */
export const meanMs = 60
export const capacity = (connections * 1000) / meanMs
