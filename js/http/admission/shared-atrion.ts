import { Atrion } from '../../atrion/atrion.ts'
import { getDefaultSystem } from '../../system/default.ts'
import type { System } from '../../system/system.ts'

const shared = new WeakMap<System, Atrion>()

/** The Atrion that all middlewares of a system share, made at first use. One that was closed stays so. */
export function sharedAtrion(system: System = getDefaultSystem()): Atrion {
  let atrion = shared.get(system)
  if (atrion === undefined) {
    atrion = new Atrion({ system })
    shared.set(system, atrion)
  }
  return atrion
}
