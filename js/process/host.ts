import { isConsequence } from '../actor/shutdown.ts'
import { ProcessRuntime } from '../actor/runtime.ts'
import { runtimeOf } from '../actor/system-runtime.ts'
import { ClosedError, InvalidArgumentError } from '../errors/errors.ts'
import { BaseClock, isClosed } from '../clock/base.ts'
import type { Clock } from '../clock/types.ts'
import { type ErrorOwner, tellOwner, warnOwner } from '../internal/report-error.ts'
import type { Audit } from '../system/audit.ts'
import { getDefaultSystem } from '../system/default.ts'
import { assertClock, assertSystem, type System } from '../system/system.ts'
import type { ProcessId } from './ids.ts'

/**
 * The environment of processes: a runtime, its clock, its random source, and a receiver of errors that have no caller.
 */
export class ProcessHost {
  readonly runtime: ProcessRuntime
  readonly clock: Clock
  readonly report: ErrorOwner
  readonly #system: System | undefined

  constructor(runtime: ProcessRuntime, clock: Clock, report: ErrorOwner, system: System | undefined) {
    this.runtime = runtime
    this.clock = clock
    this.report = report
    this.#system = system
  }

  /** Returns a random number in [0, 1), from the system's seeded source. */
  chance(): number {
    return (this.#system ?? getDefaultSystem()).random.next()
  }

  id(): ProcessId {
    return newId(this.#system ?? getDefaultSystem())
  }

  /** The system; `undefined` for a clock that belongs to none. */
  get system(): System | undefined {
    return this.#system
  }

  /** The journals of the system, if there is one. */
  get trail(): Audit | undefined {
    return this.#system?.trail
  }

  /** True if crashes that a supervisor acts on are printed. */
  get crashReports(): boolean {
    return this.#system?.crashReports ?? true
  }

  /** True once its system closes: nothing is started any more. */
  get closed(): boolean {
    return this.#system?.closed === true
  }

  /** Returns whether an error only says that something it waited for was closed before it. */
  isConsequence(error: unknown): boolean {
    return this.#system !== undefined && isConsequence(this.#system, error)
  }

  /** @throws ClosedError when the system or the clock is closed. */
  assertOpen(): void {
    this.#system?.assertOpen()
    if (isClosed(this.clock)) throw new ClosedError('the clock')
  }
}

/** Returns a new id in the form of a UUID (version 4), drawn from the system's random source. */
export function newId(system: System): ProcessId {
  const { random } = system
  const hex = (digits: number): string =>
    random
      .int(16 ** digits)
      .toString(16)
      .padStart(digits, '0')
  const variant = (8 + random.int(4)).toString(16)
  return `${hex(8)}-${hex(4)}-4${hex(3)}-${variant}${hex(3)}-${hex(6)}${hex(6)}`
}

const ofSystems = new WeakMap<System, ProcessHost>()
const ofClocks = new WeakMap<Clock, ProcessHost>()

function ofSystem(system: System): ProcessHost {
  let host = ofSystems.get(system)
  if (host === undefined) {
    const runtime = runtimeOf(system)
    host = new ProcessHost(runtime, system.clock, (error, origin) => system.report(error, origin), system)
    ofSystems.set(system, host)
  }
  return host
}

/** Returns the host of a clock that belongs to no system: errors go to the owner of that clock's errors. */
function ofClock(clock: Clock): ProcessHost {
  let host = ofClocks.get(clock)
  if (host === undefined) {
    const report: ErrorOwner = (error, origin) =>
      tellOwner(clock instanceof BaseClock ? clock.owner : warnOwner, error, origin)
    host = new ProcessHost(new ProcessRuntime(clock, report), clock, report, undefined)
    ofClocks.set(clock, host)
  }
  return host
}

/** Returns the host of a system, of a clock, or of the default system. */
export function hostOf(options: {
  readonly clock?: Clock | undefined
  readonly system?: System | undefined
}): ProcessHost {
  const { clock, system } = options
  if (clock !== undefined) assertClock('options.clock', clock)
  if (system !== undefined) assertSystem('options.system', system)
  if (system !== undefined) {
    if (clock !== undefined && clock !== system.clock) {
      throw new InvalidArgumentError('options.clock', 'the clock of options.system, or left out', clock)
    }
    return ofSystem(system)
  }
  const standard = getDefaultSystem()
  return clock === undefined || clock === standard.clock ? ofSystem(standard) : ofClock(clock)
}
