import { Atrion } from '../../atrion/atrion.ts'
import { getDefaultSystem } from '../../system/default.ts'
import type { System } from '../../system/system.ts'

const shared = new WeakMap<System, Atrion>()

/** Returns the Atrion that all middlewares of a system share. The first call creates it; a closed one stays closed. */
export function sharedAtrion(system: System = getDefaultSystem()): Atrion {
  let atrion = shared.get(system)
  if (atrion === undefined) {
    atrion = new Atrion({ system })
    shared.set(system, atrion)
  }
  return atrion
}
