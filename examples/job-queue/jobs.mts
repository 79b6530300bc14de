// The state of the queue as its events make it. Nothing here reads a clock: times come with events.

/** A job as a producer adds it. */
export interface NewJob {
  /** Identifies the job: adding an id again changes nothing. */
  readonly id: string
  /** Names the handler. */
  readonly kind: string
  readonly data: unknown
  /** The wall time, in ms, from which the job may run. */
  readonly runAt: number
  /** The number of attempts after which the job becomes a dead letter. */
  readonly maxAttempts: number
  /** Adds the job again after each end, this many ms after it was due. */
  readonly everyMs?: number
}

export interface Job extends NewJob {
  /** How often it has started. */
  readonly attempts: number
  /** The reason of the last failure. */
  readonly error?: string
}

export type JobEvent =
  | { readonly type: 'added'; readonly job: NewJob }
  | { readonly type: 'started'; readonly id: string }
  | { readonly type: 'finished'; readonly id: string }
  | { readonly type: 'failed'; readonly id: string; readonly error: string; readonly retryAt: number }
  /** The program ended while the job ran. Its handler may have done all of its work, or nothing. */
  | { readonly type: 'interrupted'; readonly id: string }
  /** The job became a dead letter. */
  | { readonly type: 'buried'; readonly id: string; readonly error: string }
  | { readonly type: 'revived'; readonly id: string; readonly runAt: number }

export interface QueueState {
  readonly waiting: Map<string, Job>
  readonly running: Map<string, Job>
  readonly dead: Map<string, Job>
  /** The newest ids of jobs that have finished, so that a producer may add one again in vain. */
  readonly finished: Set<string>
  /** The newest ids of jobs that may have run twice. */
  readonly interrupted: Set<string>
  /** How many jobs have finished. */
  readonly finishedCount: number
}

/** How many ids each of the two sets keeps. */
const KEPT_IDS = 10_000

export const emptyQueue = (): QueueState => ({
  waiting: new Map(),
  running: new Map(),
  dead: new Map(),
  finished: new Set(),
  interrupted: new Set(),
  finishedCount: 0,
})

function remember(ids: Set<string>, id: string): void {
  ids.add(id)
  if (ids.size > KEPT_IDS) for (const oldest of ids) return void ids.delete(oldest)
}

function take(from: Map<string, Job>, id: string): Job {
  const job = from.get(id)
  if (job === undefined) throw new Error(`an event of ${id}, which is not there`)
  from.delete(id)
  return job
}

type Event<Type extends JobEvent['type']> = Extract<JobEvent, { type: Type }>

/** Returns the next state. The maps belong to the queue's process alone, so they are changed in place. */
export const apply = {
  added(state: QueueState, { job }: Event<'added'>): QueueState {
    state.waiting.set(job.id, { ...job, attempts: 0 })
    return state
  },
  started(state: QueueState, { id }: Event<'started'>): QueueState {
    const job = take(state.waiting, id)
    state.running.set(id, { ...job, attempts: job.attempts + 1 })
    return state
  },
  finished(state: QueueState, { id }: Event<'finished'>): QueueState {
    take(state.running, id)
    remember(state.finished, id)
    return { ...state, finishedCount: state.finishedCount + 1 }
  },
  failed(state: QueueState, { id, error, retryAt }: Event<'failed'>): QueueState {
    state.waiting.set(id, { ...take(state.running, id), error, runAt: retryAt })
    return state
  },
  interrupted(state: QueueState, { id }: Event<'interrupted'>): QueueState {
    state.waiting.set(id, { ...take(state.running, id), error: 'the program ended while it ran' })
    remember(state.interrupted, id)
    return state
  },
  buried(state: QueueState, { id, error }: Event<'buried'>): QueueState {
    const job = take(state.running.has(id) ? state.running : state.waiting, id)
    state.dead.set(id, { ...job, error })
    return state
  },
  revived(state: QueueState, { id, runAt }: Event<'revived'>): QueueState {
    state.waiting.set(id, { ...take(state.dead, id), attempts: 0, runAt })
    return state
  },
} as const

const knows = ({ waiting, running, dead, finished }: QueueState, id: string): boolean =>
  waiting.has(id) || running.has(id) || dead.has(id) || finished.has(id)

/** Returns the events that add jobs. Jobs that the queue knows, and repetitions in the list, add nothing. */
export function add(state: QueueState, jobs: readonly NewJob[]): Event<'added'>[] {
  const unknown = new Map<string, NewJob>()
  for (const job of jobs) if (!knows(state, job.id) && !unknown.has(job.id)) unknown.set(job.id, job)
  return Array.from(unknown.values(), (job) => ({ type: 'added', job }))
}

/** Returns the events that start up to `limit` jobs that are due. */
export function startDue({ waiting }: QueueState, now: number, limit: number): Event<'started'>[] {
  const events: Event<'started'>[] = []
  for (const { id, runAt } of waiting.values()) {
    if (events.length >= limit) break
    if (runAt <= now) events.push({ type: 'started', id })
  }
  return events
}

/** Returns the wall time at which the next job is due; `undefined` when none waits. */
export function nextDue({ waiting }: QueueState): number | undefined {
  let next: number | undefined
  for (const { runAt } of waiting.values()) if (next === undefined || runAt < next) next = runAt
  return next
}

/** Returns the event that adds a repeated job again. It skips times that have passed. */
function repetition({ id, everyMs, ...job }: Job, now: number): Event<'added'>[] {
  if (everyMs === undefined) return []
  const { kind, data, maxAttempts, runAt } = job
  const next = runAt + everyMs * Math.max(1, Math.floor((now - runAt) / everyMs) + 1)
  const [name] = id.split('@')
  return [{ type: 'added', job: { id: `${name}@${next}`, kind, data, maxAttempts, everyMs, runAt: next } }]
}

/** Returns the events of an attempt that succeeded; none if the job has started again meanwhile. */
export function finish(state: QueueState, id: string, attempt: number, now: number): JobEvent[] {
  const job = state.running.get(id)
  if (job?.attempts !== attempt) return []
  return [{ type: 'finished', id }, ...repetition(job, now)]
}

/** Returns the events of an attempt that failed: another try after `pauseMs`, or a dead letter. */
export function fail(
  state: QueueState,
  { id, attempt, error, now, pauseMs }: { id: string; attempt: number; error: string; now: number; pauseMs: number },
): JobEvent[] {
  const job = state.running.get(id)
  if (job?.attempts !== attempt) return []
  if (attempt < job.maxAttempts) return [{ type: 'failed', id, error, retryAt: now + pauseMs }]
  return [{ type: 'buried', id, error }, ...repetition(job, now)]
}

/** Returns the events for jobs that ran when the last program ended. */
export function recover(state: QueueState, now: number): JobEvent[] {
  const events: JobEvent[] = []
  for (const job of state.running.values()) {
    const { id, attempts, maxAttempts } = job
    events.push({ type: 'interrupted', id })
    if (attempts < maxAttempts) continue
    events.push({ type: 'buried', id, error: 'the program ended at its last attempt' }, ...repetition(job, now))
  }
  return events
}
