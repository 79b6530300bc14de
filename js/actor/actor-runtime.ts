import type { Clock } from '../clock/types.ts'
import { assertInternal, INTERNAL } from '../internal/private-constructor.ts'
import { getDefaultSystem } from '../system/default.ts'
import { assertSystem, type System } from '../system/system.ts'
import type { ProcessRuntime } from './runtime.ts'
import { runtimeOf } from './system-runtime.ts'

const runtimes = new WeakMap<ProcessRuntime, ActorRuntime>()

/**
 * Runs the processes of a system, those of `keelson/otp` and of `keelson/process`, in turns that the core decides.
 *
 * A system has one runtime. It is created at first use and closed with the system. {@link ActorRuntime.of} returns it;
 * there is no public constructor.
 *
 * @example
 * ```ts
 * console.log(ActorRuntime.of(system).processCount, 'processes run')
 * ```
 */
export class ActorRuntime {
  readonly #runtime: ProcessRuntime

  /** @throws PrivateConstructorError outside the package. */
  private constructor(internal: typeof INTERNAL, runtime: ProcessRuntime) {
    assertInternal(internal, 'ActorRuntime', 'ActorRuntime.of()')
    this.#runtime = runtime
  }

  /**
   * Returns the runtime of a system, the same object each time.
   *
   * @param system Default: the default system of this environment.
   * @throws ClosedError when the system is closed; InvalidArgumentError for anything that is no system.
   */
  static of(system: System = getDefaultSystem()): ActorRuntime {
    assertSystem('system', system)
    system.assertOpen()
    const runtime = runtimeOf(system)
    let known = runtimes.get(runtime)
    if (known === undefined) runtimes.set(runtime, (known = new ActorRuntime(INTERNAL, runtime)))
    return known
  }

  /** The clock by which deadlines of calls run: that of the system. */
  get clock(): Clock {
    return this.#runtime.clock
  }

  /** The number of processes that have not ended. */
  get processCount(): number {
    return this.#runtime.processes.count
  }
}
