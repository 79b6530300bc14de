/** What test systems ask about the effects of a system. It is apart from the runtime, whose code they do without. */
import type { System } from '../../system/system.ts'
import type { Body } from './body.ts'
import type { FiberNode } from './fiber-tree.ts'
import { traceEffects } from './tracing.ts'

/** The effects of a system: an `EffectRuntime`. */
export interface SystemEffects {
  /** Whether new fibres record the call site of their creation. */
  tracing: boolean
  /** Returns the fibres that have no parent. */
  roots(): Iterable<FiberNode>
  /** Returns the functions that run on although they were given up, and whose fibre has ended. */
  abandoned(): Iterable<Body>
}

const traced = new WeakSet<System>()
const effects = new WeakMap<System, SystemEffects>()

/** Notes the effects of a system, and whether they are traced. */
export function noteEffects(system: System, ofSystem: SystemEffects): void {
  effects.set(system, ofSystem)
  ofSystem.tracing = traced.has(system)
}

/** Returns the effects of a system, if any have run there. */
export const effectsOf = (system: System): SystemEffects | undefined => effects.get(system)

/** Makes the fibres of a system record the call site of their creation, until the system closes. */
export function traceSystem(system: System): void {
  traced.add(system)
  const known = effects.get(system)
  if (known !== undefined) known.tracing = true
  system.own({ close: traceEffects() })
}
