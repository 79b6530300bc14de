/** Finds the processes of one service, for its table. */

import { knownRuntimeOf } from '../../actor/system-runtime.ts'
import type { System } from '../../system/system.ts'
import type { TableItems } from '../../tables/offers.ts'
import { GenServerProcess } from './process.ts'

/** A process whose behaviour is of one class. */
type ServiceProcess<Behavior> = GenServerProcess & { readonly behavior: Behavior }

/** Returns the living processes of a system whose behaviour is of one class, in the order of their starts. */
export function servicesOf<Behavior extends object>(
  system: System,
  behavior: abstract new (...args: never[]) => Behavior,
): TableItems<ServiceProcess<Behavior>> | undefined {
  const runtime = knownRuntimeOf(system)
  if (runtime === undefined) return undefined
  const items = [...runtime.processes.services].filter(
    (process): process is ServiceProcess<Behavior> =>
      process instanceof GenServerProcess && process.behavior instanceof behavior,
  )
  return { items, key: ({ id }) => id }
}
