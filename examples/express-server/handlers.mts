// Request handlers as supervised processes: a crash fails the request that caused it, and no other.
import { GenServer, type GenServerBehavior, type GenServerRef, PartitionSupervisor, Supervisor } from 'keelson/otp'
import type { System } from 'keelson/system'

export interface Job {
  readonly type: 'users' | 'echo'
  readonly body?: unknown
}

type HandlerRef = GenServerRef<number, Job, never, unknown>

export interface HandlersOptions {
  /** How many run beside each other. */
  readonly count?: number
  /** How long the work of a job takes. */
  readonly workMs?: (job: Job) => number
  /** The jobs that crash their handler. */
  readonly isBug?: (job: Job) => boolean
}

function handler({ clock, random }: System, options: HandlersOptions): GenServerBehavior<number, Job, never, unknown> {
  const { workMs = () => 5 + 20 * random.next(), isBug = () => false } = options
  return {
    init: () => 0,
    handleCall: async (job, handled) => {
      // The signal aborts when nobody waits for the answer any more.
      await clock.sleep(workMs(job), { signal: GenServer.signal() })
      if (isBug(job)) throw new Error('a bug that shows now and then')
      const reply = job.type === 'users' ? { users: [{ id: 1, name: 'Ada' }] } : { echo: job.body }
      return [reply, handled + 1]
    },
  }
}

export interface Handlers {
  /** Resolves with the reply of a handler. Rejects when it crashes, or after five seconds. */
  handle(job: Job, signal: AbortSignal): Promise<unknown>
  /** How often handlers have been started again. */
  restarts(): number
}

export async function startHandlers(system: System, options: HandlersOptions = {}): Promise<Handlers> {
  const { count = 16 } = options
  const pool = await PartitionSupervisor.start<HandlerRef>({
    system,
    partitions: count,
    backoff: { initialMs: 100, maxMs: 5000, factor: 2 },
    restartIntensity: { maxRestarts: 10, withinMs: 60_000, scope: 'child' },
    start: (partition) =>
      GenServer.start(handler(system, options), { system, name: `handler ${partition}`, onError: 'crash' }),
  })
  let restarts = 0
  Supervisor.onLifecycleEvent(({ type }) => void (type === 'restarted' && (restarts += 1)), system)
  let turn = 0
  /** The next handler in turn that runs. */
  const next = (): HandlerRef => {
    for (let tries = 1; tries < count; tries++) {
      const ref = PartitionSupervisor.of(pool, turn++ % count)
      if (GenServer.isRunning(ref)) return ref
    }
    return PartitionSupervisor.of(pool, turn++ % count)
  }
  return {
    handle: (job, signal) => GenServer.call(next(), job, { timeout: 5000, signal }),
    restarts: () => restarts,
  }
}
