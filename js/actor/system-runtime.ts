import type { System } from '../system/system.ts'
import { watchLoopIfAsked } from '../internal/loop-watch.ts'
import { RuntimeShutdown } from './shutdown.ts'
import { ProcessRuntime } from './runtime.ts'

const runtimes = new WeakMap<System, ProcessRuntime>()

/** Returns the actor runtime of a system. It is created at first use and closed with the system. */
export function runtimeOf(system: System): ProcessRuntime {
  const known = runtimes.get(system)
  if (known !== undefined) return known
  system.assertOpen()
  watchLoopIfAsked()
  const runtime = new ProcessRuntime(system.clock, (error, origin) => system.report(error, origin))
  runtimes.set(system, runtime)
  system.own(runtime)
  system.beforeParts(() => new RuntimeShutdown(runtime, system.clock, system.closeTimeout).run())
  return runtime
}
