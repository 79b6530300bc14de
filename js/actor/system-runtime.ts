import type { System } from '../system/system.ts'
import { Closing } from './shutdown.ts'
import { ActorRuntime } from './runtime.ts'

const runtimes = new WeakMap<System, ActorRuntime>()

/** The actor runtime of a system, made at first use and closed with it. */
export function runtimeOf(system: System): ActorRuntime {
  const known = runtimes.get(system)
  if (known !== undefined) return known
  system.assertOpen()
  const runtime = new ActorRuntime(system.clock, (error, origin) => system.report(error, origin))
  runtimes.set(system, runtime)
  system.own(runtime)
  system.beforeParts(() => new Closing(runtime, system.clock, system.closeTimeout).run())
  return runtime
}
