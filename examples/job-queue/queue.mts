// The queue: a persistent process that decides what runs, and tasks that run the handlers, below one supervisor.
import { types } from 'node:util'

import {
  GenServer,
  type GenServerRef,
  getDefaultSystem,
  openJournal,
  type PersistentBehavior,
  Registry,
  type Replies,
  Supervisor,
  type System,
  Task,
  type TaskSupervisorRef,
  timeout,
  type TimerRef,
} from 'keelson'

import { add, apply, emptyQueue, fail, finish, type Job, nextDue, recover, startDue } from './jobs.mjs'
import type { JobEvent, NewJob, QueueState } from './jobs.mjs'

/** The job that a handler gets. */
export interface Attempt {
  readonly id: string
  readonly data: unknown
  /** The number of this attempt, from 1. */
  readonly attempt: number
  /** Aborts when the attempt takes too long, and when the queue ends without waiting for it. */
  readonly signal: AbortSignal
}

/** Does the work of a kind of jobs. When it throws, the queue tries again later. */
export type Handler = (attempt: Attempt) => unknown

/** The pauses between attempts: `initialMs * factor ** n`, at most `maxMs`, less a random share of up to `jitter`. */
export interface Backoff {
  readonly initialMs: number
  readonly maxMs: number
  readonly factor: number
  readonly jitter: number
}

export interface QueueOptions {
  /** The directory of the journal. The queue makes it if there is none. */
  readonly directory: string
  readonly handlers: { readonly [kind: string]: Handler }
  readonly system?: System
  /** The name of the queue's process. Default `'jobs'`. */
  readonly name?: string
  /** The most handlers that run at a time. Default 4. */
  readonly concurrency?: number
  /** The longest time of an attempt, in ms. Default 30 000. */
  readonly timeoutMs?: number
  /** Default: from a second to a minute. */
  readonly backoff?: Backoff
}

/** A job to add. It is due at once, after `delayMs`, or at the wall time `runAt`. */
export interface JobRequest {
  readonly id: string
  readonly kind: string
  readonly data?: unknown
  readonly delayMs?: number
  readonly runAt?: number
  /** Adds the job again after each end, so many ms after it was due, as `id@time`. */
  readonly everyMs?: number
  /** The number of attempts after which the job becomes a dead letter. Default 5. */
  readonly maxAttempts?: number
}

export interface Report {
  readonly waiting: number
  readonly running: number
  readonly finished: number
  /** The dead letters, with the reason of the last failure. */
  readonly dead: readonly { readonly id: string; readonly error: string | undefined }[]
  /** Jobs that ran when a program ended. They ran again, so their work may have been done twice. */
  readonly mayHaveRunTwice: readonly string[]
}

export interface JobQueue {
  /** Adds jobs, all or none. Resolves with how many were new, once they are on disk. */
  add(...jobs: JobRequest[]): Promise<number>
  report(): Promise<Report>
  /** Makes a dead letter wait again, with new attempts. Resolves with whether there was one. */
  revive(id: string): Promise<boolean>
  /** Resolves when no job waits and none runs. */
  whenIdle(): Promise<void>
  /** Starts no more jobs, waits for those that run, and closes the journal. */
  close(): Promise<void>
  /** Resolves when the queue has closed. Rejects when it gave up, for example because the disk is full. */
  readonly terminated: Promise<unknown>
}

type Call =
  | { readonly type: 'add'; readonly jobs: readonly NewJob[] }
  | { readonly type: 'finish'; readonly id: string; readonly attempt: number }
  | { readonly type: 'fail'; readonly id: string; readonly attempt: number; readonly error: string }
  | { readonly type: 'revive'; readonly id: string }
  | { readonly type: 'pause' }
  | { readonly type: 'report' }
type Cast = 'recover' | 'wake'
type Answers = Replies<{
  add: number
  finish: undefined
  fail: undefined
  revive: boolean
  pause: undefined
  report: Report
}>
type Behavior = PersistentBehavior<QueueState, JobEvent, Call, Cast, Answers>
type Ref = GenServerRef<QueueState, Call, Cast, Answers>

const DEFAULT_BACKOFF: Backoff = { initialMs: 1000, factor: 2, maxMs: 60_000, jitter: 0.2 }
const SNAPSHOT_EVERY = 500
/** A caller waits as long as the disk takes. */
const PATIENT = { timeout: Infinity }

const messageOf = (error: unknown): string => (types.isNativeError(error) ? error.message : String(error))

const reportOf = ({ waiting, running, finishedCount, dead, interrupted }: QueueState): Report => ({
  waiting: waiting.size,
  running: running.size,
  finished: finishedCount,
  dead: Array.from(dead.values(), ({ id, error }) => ({ id, error })),
  mayHaveRunTwice: [...interrupted],
})

/** Opens the queue of a directory. Jobs that ran when its last program ended are reported, and run again. */
export async function openJobQueue(options: QueueOptions): Promise<JobQueue> {
  const { directory, handlers, system = getDefaultSystem(), name = 'jobs' } = options
  const { concurrency = 4, timeoutMs = 30_000, backoff = DEFAULT_BACKOFF } = options
  const now = (): number => system.clock.now().wallMs
  const self = (): Ref => Registry.lookup(name, system) as Ref
  const limit = timeout(timeoutMs, { system })
  let isPaused = false
  let timer: TimerRef | undefined
  let idleListeners: (() => void)[] = []

  function pauseMs(attempt: number): number {
    const full = Math.min(backoff.maxMs, backoff.initialMs * backoff.factor ** (attempt - 1))
    return full * (1 - backoff.jitter * system.random.next())
  }

  /** Runs one attempt, and reports its outcome to the queue. */
  async function run({ id, kind, data, attempts: attempt }: Job, ended: AbortSignal): Promise<void> {
    let outcome: Call = { type: 'finish', id, attempt }
    try {
      const handler = handlers[kind]
      if (handler === undefined) throw new Error(`there is no handler for '${kind}'`)
      await limit.execute(({ signal }) => handler({ id, data, attempt, signal }), { signal: ended })
    } catch (error) {
      outcome = { type: 'fail', id, attempt, error: messageOf(error) }
    }
    // A queue that has ended finds the job running when it starts again, and reports it.
    if (!ended.aborted) await GenServer.call(self(), outcome, PATIENT)
  }

  /** Runs after each change: wakes the process for jobs that are due, now or later. */
  function afterChange(state: QueueState): void {
    if (timer !== undefined) GenServer.cancelTimer(timer)
    const next = isPaused || state.running.size >= concurrency ? undefined : nextDue(state)
    timer = next === undefined ? undefined : GenServer.sendAfter(self(), 'wake', Math.max(0, next - now()))
    if (state.running.size > 0 || (!isPaused && state.waiting.size > 0)) return
    for (const listener of idleListeners) listener()
    idleListeners = []
  }

  async function startTasks(state: QueueState, ids: readonly string[]): Promise<void> {
    const tasks = Registry.lookup(`${name}/tasks`, system) as unknown as TaskSupervisorRef
    for (const id of ids) {
      const job = state.running.get(id) as Job
      await Task.Supervisor.async(tasks, (ended) => run(job, ended))
    }
    afterChange(state)
  }

  const behavior: Behavior = {
    handleCall(message, state) {
      switch (message.type) {
        case 'add': {
          const events = add(state, message.jobs)
          return { events, reply: events.length, after: afterChange }
        }
        case 'finish':
          return { events: finish(state, message.id, message.attempt, now()), after: afterChange }
        case 'fail': {
          const attempt = { ...message, now: now(), pauseMs: pauseMs(message.attempt) }
          return { events: fail(state, attempt), after: afterChange }
        }
        case 'revive': {
          const { id } = message
          const isDead = state.dead.has(id)
          return { events: isDead ? [{ type: 'revived', id, runAt: now() }] : [], reply: isDead, after: afterChange }
        }
        case 'pause':
          isPaused = true
          return { after: afterChange }
        case 'report':
          return { reply: reportOf(state), after: afterChange }
      }
    },
    handleCast(message, state) {
      if (message === 'recover') return { events: recover(state, now()), after: afterChange }
      const events = isPaused ? [] : startDue(state, now(), concurrency - state.running.size)
      return {
        events,
        after: (next) =>
          startTasks(
            next,
            events.map(({ id }) => id),
          ),
      }
    },
  }

  const journal = await openJournal<JobEvent>(directory, { system })
  const persist = { journal, stream: 'jobs', init: emptyQueue, apply, snapshot: { every: SNAPSHOT_EVERY } }
  const startQueue = async (): Promise<Ref> => {
    const ref: Ref = await GenServer.start(behavior, { name, system, persist, initTimeout: Infinity })
    GenServer.cast(ref, 'recover')
    return ref
  }
  const supervisor = await Supervisor.start({
    system,
    // Tasks report to the queue's process, so they end with it.
    strategy: 'one_for_all',
    children: [
      { id: 'tasks', start: () => Task.Supervisor.start({ name: `${name}/tasks`, system }) },
      { id: 'queue', start: startQueue },
    ],
  }).catch(async (error: unknown) => {
    await journal.close()
    throw error
  })

  const whenIdle = (): Promise<void> => {
    const idle = new Promise<void>((resolve) => void idleListeners.push(resolve))
    // A message after which the process looks whether it is idle.
    return GenServer.call(self(), { type: 'report' }, PATIENT).then(() => idle)
  }
  const newJob = ({ id, kind, data, delayMs = 0, runAt = now() + delayMs, everyMs, maxAttempts = 5 }: JobRequest) => {
    if (handlers[kind] === undefined) throw new Error(`there is no handler for '${kind}'`)
    return { id, kind, data, runAt, maxAttempts, ...(everyMs !== undefined && { everyMs }) }
  }
  return {
    add: async (...jobs) => GenServer.call(self(), { type: 'add', jobs: jobs.map(newJob) }, PATIENT),
    report: () => GenServer.call(self(), { type: 'report' }, PATIENT),
    revive: (id) => GenServer.call(self(), { type: 'revive', id }, PATIENT),
    whenIdle,
    async close() {
      await GenServer.call(self(), { type: 'pause' }, PATIENT)
      await whenIdle()
      await Supervisor.stop(supervisor)
      await journal.close()
    },
    terminated: supervisor.terminated,
  }
}
