import type { Clock } from '../clock/types.ts'
import { ProcessError } from './errors.ts'
import { type ProcessHost, hostOf } from './host.ts'
import type { StopReason } from './ids.ts'
import { waitFor } from './handler-run.ts'
import { checkOptionsOf, checkReason, checkSpec } from './options.ts'
import { refOf } from './ref.ts'
import { completeSpawn } from './handler-tools.ts'
import type { Any, ProcessRef, ProcessSpec, RootSupervisor, RootSupervisorOptions } from './types.ts'
import { StatefulProcess } from './process.ts'

const OPTIONS = ['clock', 'system', 'emit', 'journal']

class RootSupervisorImpl implements RootSupervisor {
  readonly #host: ProcessHost
  readonly #options: RootSupervisorOptions
  readonly #processes: Set<StatefulProcess> = new Set()
  #stopping: Promise<void> | undefined

  constructor(host: ProcessHost, options: RootSupervisorOptions) {
    this.#host = host
    this.#options = options
  }

  spawn<TMsg = Any, TState = Any, TCtx = unknown>(spec: ProcessSpec<TMsg, TState, TCtx>, ctx: TCtx): ProcessRef<TMsg> {
    const checked = checkSpec(spec)
    this.#host.assertOpen()
    if (this.#stopping !== undefined) throw new ProcessError('The supervisor was stopped', spec.name)
    const { emit, journal } = this.#options
    return completeSpawn(
      new StatefulProcess(this.#host, checked, ctx, { emit, journal, parent: { children: this.#processes } }),
    )
  }

  async stop(reason: StopReason = 'shutdown'): Promise<void> {
    checkReason(reason)
    this.#stopping ??= this.#stop(reason)
    await waitFor({ children: [...this.#processes], currentRun: undefined }, this.#stopping)
  }

  children(): ProcessRef[] {
    return [...this.#processes].map(refOf)
  }

  async #stop(reason: StopReason): Promise<void> {
    // One after the other, because a later process may need an earlier one.
    for (const process of [...this.#processes].toReversed()) await process.end(reason)
  }
}

/**
 * Makes a supervisor. The processes it spawns restart as their specs say, and stop with it.
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
  const settings = checkOptionsOf(options, OPTIONS)
  return new RootSupervisorImpl(hostOf(settings), settings)
}

/**
 * Starts a process without a supervisor: only its ref can stop it. Its failures go to the owner of the clock's errors.
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
  return completeSpawn(
    new StatefulProcess(host, checked, ctx, { emit: undefined, journal: undefined, parent: undefined }),
  )
}
