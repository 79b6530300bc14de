import type { Clock } from '../clock/types.ts'
import { ProcessError } from './errors.ts'
import { type Host, hostOf } from './host.ts'
import type { StopReason } from './ids.ts'
import { waitFor } from './handler-run.ts'
import { checkMaker, checkReason, checkSpec } from './options.ts'
import { refOf } from './ref.ts'
import { spawnUnit } from './handler-tools.ts'
import type { Any, ProcessRef, ProcessSpec, RootSupervisor, RootSupervisorOptions } from './types.ts'
import { Unit } from './process.ts'

const OPTIONS = ['clock', 'system', 'emit', 'journal']

class Root implements RootSupervisor {
  readonly #host: Host
  readonly #options: RootSupervisorOptions
  readonly #units: Set<Unit> = new Set()
  #stopping: Promise<void> | undefined

  constructor(host: Host, options: RootSupervisorOptions) {
    this.#host = host
    this.#options = options
  }

  spawn<TMsg = Any, TState = Any, TCtx = unknown>(spec: ProcessSpec<TMsg, TState, TCtx>, ctx: TCtx): ProcessRef<TMsg> {
    const checked = checkSpec(spec)
    this.#host.assertOpen()
    if (this.#stopping !== undefined) throw new ProcessError('The supervisor was stopped', spec.name)
    const { emit, journal } = this.#options
    return spawnUnit(new Unit(this.#host, checked, ctx, { emit, journal, parent: { children: this.#units } }))
  }

  async stop(reason: StopReason = 'shutdown'): Promise<void> {
    checkReason(reason)
    this.#stopping ??= this.#stop(reason)
    await waitFor({ children: [...this.#units], inside: undefined }, this.#stopping)
  }

  children(): ProcessRef[] {
    return [...this.#units].map(refOf)
  }

  async #stop(reason: StopReason): Promise<void> {
    // One after the other: what was spawned later may need what was spawned before.
    for (const unit of [...this.#units].toReversed()) await unit.end(reason)
  }
}

/**
 * Makes a supervisor: the processes it spawns restart as their specs say, and stop with it.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * const supervisor = createRootSupervisor()
 * const counter = supervisor.spawn(
 *   {
 *     name: 'counter',
 *     init: () => 0,
 *     handle: (count, message) => {
 *       message.reply?.(count + 1)
 *       return count + 1
 *     },
 *     supervision: { type: 'one-for-one', maxRestarts: { count: 5, within: 60_000 } },
 *   },
 *   {},
 * )
 * console.log(await counter.ask((reply) => ({ reply }))) // 1
 * await supervisor.stop()
 * ```
 */
export function createRootSupervisor(options?: RootSupervisorOptions): RootSupervisor {
  const given = checkMaker(options, OPTIONS)
  return new Root(hostOf(given), given)
}

/**
 * Starts a process that nobody but its ref can stop; its failures go to the owner of the clock's errors.
 *
 * @throws InvalidArgumentError naming the field that is refused; nothing is started.
 * @example
 * ```ts
 * const echo = spawn({ name: 'echo', init: () => 0, handle: (n, { reply }) => (reply(n), n + 1) }, {}, clock)
 * ```
 */
export function spawn<TMsg = Any, TState = Any, TCtx = unknown>(
  spec: ProcessSpec<TMsg, TState, TCtx>,
  ctx: TCtx,
  clock: Clock,
): ProcessRef<TMsg> {
  const checked = checkSpec(spec)
  const host = hostOf({ clock })
  host.assertOpen()
  return spawnUnit(new Unit(host, checked, ctx, { emit: undefined, journal: undefined, parent: undefined }))
}
