/** The systems of this environment that are observed. */
import { knownRuntimeOf } from '../actor/system-runtime.ts'
import type { ProcessRuntime } from '../actor/runtime.ts'
import type { System } from '../system/system.ts'

/** A system that is observed, and the beginning of its keys. */
export interface SystemPlace {
  readonly system: System
  readonly prefix: string
}

interface CountedPlace extends SystemPlace {
  /** The number of servers that show it. */
  count: number
}

const places = new Map<System, CountedPlace>()
let lastNumber = 0

/** Returns the systems that are observed. */
export const observedSystems = (): SystemPlace[] => [...places.values()]

/** Adds a system. Returns true if nobody observed it before. */
export function addSystem(system: System, environment: number): boolean {
  const known = places.get(system)
  if (known !== undefined) {
    known.count++
    return false
  }
  places.set(system, { system, prefix: `${environment}.${lastNumber++}`, count: 1 })
  return true
}

/** Undoes one call of {@link addSystem}. Returns true if no system is observed any more. */
export function removeSystem(system: System): boolean {
  const known = places.get(system)
  if (known !== undefined && --known.count === 0) places.delete(system)
  return places.size === 0
}

/** Returns the observed system whose processes a runtime drives. */
export function systemOfRuntime(runtime: unknown): SystemPlace | undefined {
  for (const place of places.values()) {
    if ((knownRuntimeOf(place.system) as ProcessRuntime | undefined) === runtime) return place
  }
  return undefined
}

/** Returns the observed system of a key, and the key without its prefix. */
export function splitKey(key: string): readonly [place: SystemPlace, rest: string] | undefined {
  const colon = key.indexOf(':')
  const prefix = key.slice(0, Math.max(colon, 0))
  for (const place of places.values()) if (place.prefix === prefix) return [place, key.slice(colon + 1)]
  return undefined
}
