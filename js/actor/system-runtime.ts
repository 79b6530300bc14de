import { BaseClock } from '../clock/base.ts'
import { type Tracer, tracers } from '../internal/tracer.ts'
import type { System } from '../system/system.ts'
import { watchLoopIfAsked } from '../internal/loop-watch.ts'
import { offerTable } from '../tables/offers.ts'
import { processesOf, processReaders } from './observed.ts'
import { RuntimeShutdown } from './shutdown.ts'
import { ProcessRuntime } from './runtime.ts'

/**
 * Makes a tracer follow the processes and the timers of a system. Without one, nobody follows them any more.
 *
 * Returns the tracer that followed them before.
 */
export function follow(system: System, tracer: Tracer | undefined): Tracer | undefined {
  const before = system.tracer
  if (before !== undefined) tracers.count--
  if (tracer !== undefined) tracers.count++
  system.tracer = tracer
  const runtime = runtimes.get(system)
  if (runtime !== undefined) runtime.tracer = tracer
  const { clock } = system
  // Systems may share a clock.
  if (clock instanceof BaseClock && (tracer !== undefined || clock.tracer === before)) clock.tracer = tracer
  return before
}

const runtimes = new WeakMap<System, ProcessRuntime>()

/** Returns the actor runtime of a system, if processes have run there. */
export const knownRuntimeOf = (system: System): ProcessRuntime | undefined => runtimes.get(system)

offerTable('process', (system) => processesOf(knownRuntimeOf(system)), processReaders)

/**
 * Returns the actor runtime of a system. It is created at first use and closed with the system.
 *
 * @param Runtime The class of a new one; a simulation has its own.
 */
export function runtimeOf(system: System, Runtime: typeof ProcessRuntime = ProcessRuntime): ProcessRuntime {
  const known = runtimes.get(system)
  if (known !== undefined) return known
  system.assertOpen()
  watchLoopIfAsked()
  const runtime = new Runtime(system.clock, (error, origin) => system.report(error, origin))
  runtime.tracer = system.tracer
  runtimes.set(system, runtime)
  system.own(runtime)
  system.beforeParts(() => new RuntimeShutdown(runtime, system.clock, system.closeTimeout).run())
  return runtime
}
