/** The metrics: which column of which table each one sums up, and by which attributes. */
import type { TableColumns, TableKind } from '../tables/kinds.ts'

/** `counter` only grows, `sum` rises and falls and may be added up over services, `gauge` may not. */
export type MetricType = 'counter' | 'sum' | 'gauge'

/** A metric that is read from a table. */
export interface TableMetric<K extends TableKind = TableKind> {
  readonly name: string
  readonly type: MetricType
  readonly unit: string
  readonly description: string
  /** The column whose cells are added up; without one, rows are counted. */
  readonly column?: keyof TableColumns[K] & string
  /** The factor of a cell: from milliseconds to seconds. */
  readonly scale?: number
  /** An attribute that tells this metric from others of the same name. */
  readonly attribute?: readonly [name: string, value: string]
}

/** The metrics of one table, and the attributes by which its rows are grouped. */
interface MetricsOfTable<K extends TableKind> {
  /** Attributes with the columns that they are read from. */
  readonly by: readonly (readonly [attribute: string, column: keyof TableColumns[K] & string])[]
  readonly metrics: readonly TableMetric<K>[]
}

/** The attribute for the class of a process, which spans have in their names. It is no column. */
export const CLASS = 'keelson.process.class'

const outcome = (name: 'admitted' | 'shed'): TableMetric<'route'> => ({
  name: 'keelson.admission.requests',
  type: 'counter',
  unit: '{request}',
  description: 'Requests for admission that were answered.',
  column: name,
  attribute: ['keelson.admission.outcome', name],
})

const shedBy = (
  reason: string,
  column: 'shedLimit' | 'shedQueueFull' | 'shedQueueDeadline' | 'shedDisplaced' | 'shedResistance',
): TableMetric<'route'> => ({
  name: 'keelson.admission.sheds',
  type: 'counter',
  unit: '{request}',
  description: 'Requests that were refused, by reason.',
  column,
  attribute: ['keelson.admission.reason', reason],
})

export const METRICS: { readonly [K in TableKind]?: MetricsOfTable<K> } = {
  process: {
    by: [],
    metrics: [
      { name: 'keelson.process.count', type: 'sum', unit: '{process}', description: 'Processes that have not ended.' },
      {
        name: 'keelson.process.mailbox',
        type: 'sum',
        unit: '{message}',
        description: 'Messages that wait in mailboxes.',
        column: 'mailbox',
      },
    ],
  },
  route: {
    by: [['keelson.route', 'name']],
    metrics: [
      outcome('admitted'),
      outcome('shed'),
      shedBy('limit', 'shedLimit'),
      shedBy('queue-full', 'shedQueueFull'),
      shedBy('queue-deadline', 'shedQueueDeadline'),
      shedBy('displaced', 'shedDisplaced'),
      shedBy('resistance', 'shedResistance'),
      {
        name: 'keelson.admission.in_flight',
        type: 'sum',
        unit: '{request}',
        description: 'Admitted requests that have not ended.',
        column: 'inFlight',
      },
      {
        name: 'keelson.admission.queued',
        type: 'sum',
        unit: '{request}',
        description: 'Requests that wait for admission.',
        column: 'queued',
      },
      {
        name: 'keelson.admission.limit',
        type: 'gauge',
        unit: '{request}',
        description: 'The most requests in flight.',
        column: 'limit',
      },
      {
        name: 'keelson.admission.resistance',
        type: 'gauge',
        unit: 'Ohm',
        description: 'The resistance of a route.',
        column: 'R',
      },
      {
        name: 'keelson.admission.error_rate',
        type: 'gauge',
        unit: '1',
        description: 'The share of admitted requests that fail.',
        column: 'errorRate',
      },
      {
        name: 'keelson.admission.queue.delay',
        type: 'gauge',
        unit: 's',
        description: 'How long requests wait for admission.',
        column: 'queueDelayMs',
        scale: 1e-3,
      },
    ],
  },
  policy: {
    by: [
      ['keelson.policy.name', 'name'],
      ['keelson.policy.type', 'type'],
    ],
    metrics: [
      {
        name: 'keelson.policy.calls',
        type: 'counter',
        unit: '{call}',
        description: 'Calls through a policy.',
        column: 'calls',
      },
      {
        name: 'keelson.policy.failures',
        type: 'counter',
        unit: '{call}',
        description: 'Calls through a policy that failed.',
        column: 'failures',
      },
      {
        name: 'keelson.policy.rejections',
        type: 'counter',
        unit: '{call}',
        description: 'Calls that a policy refused.',
        column: 'rejected',
      },
      {
        name: 'keelson.policy.active',
        type: 'sum',
        unit: '{call}',
        description: 'Calls that run under a policy.',
        column: 'active',
      },
      {
        name: 'keelson.policy.queued',
        type: 'sum',
        unit: '{call}',
        description: 'Calls that wait for a policy.',
        column: 'queued',
      },
    ],
  },
  journal: {
    by: [['keelson.journal.where', 'where']],
    metrics: [
      {
        name: 'keelson.journal.entries',
        type: 'sum',
        unit: '{entry}',
        description: 'Entries that journals hold.',
        column: 'entries',
      },
      {
        name: 'keelson.journal.size',
        type: 'sum',
        unit: 'By',
        description: 'The size of journals.',
        column: 'bytes',
      },
      {
        name: 'keelson.journal.pending',
        type: 'sum',
        unit: '{entry}',
        description: 'Appends that were not acknowledged yet.',
        column: 'pending',
      },
    ],
  },
  cache: {
    by: [['keelson.cache.name', 'name']],
    metrics: [
      {
        name: 'keelson.cache.entries',
        type: 'sum',
        unit: '{entry}',
        description: 'Entries that caches hold.',
        column: 'entries',
      },
      {
        name: 'keelson.cache.hits',
        type: 'counter',
        unit: '{read}',
        description: 'Reads that found a value.',
        column: 'hits',
      },
      {
        name: 'keelson.cache.misses',
        type: 'counter',
        unit: '{read}',
        description: 'Reads that found no value.',
        column: 'misses',
      },
      {
        name: 'keelson.cache.evictions',
        type: 'counter',
        unit: '{entry}',
        description: 'Entries that caches evicted.',
        column: 'evictions',
      },
      {
        name: 'keelson.cache.loads',
        type: 'counter',
        unit: '{load}',
        description: 'Loads of values.',
        column: 'loads',
      },
    ],
  },
  limiter: {
    by: [['keelson.limiter.name', 'name']],
    metrics: [
      {
        name: 'keelson.limiter.keys',
        type: 'sum',
        unit: '{key}',
        description: 'Keys that limiters know.',
        column: 'keys',
      },
      {
        name: 'keelson.limiter.admitted',
        type: 'counter',
        unit: '{request}',
        description: 'Requests within the limit.',
        column: 'admitted',
      },
      {
        name: 'keelson.limiter.refused',
        type: 'counter',
        unit: '{request}',
        description: 'Requests beyond the limit.',
        column: 'refused',
      },
      {
        name: 'keelson.limiter.waiting',
        type: 'sum',
        unit: '{request}',
        description: 'Requests that wait for the limit.',
        column: 'waiting',
      },
    ],
  },
  bus: {
    by: [['keelson.bus.name', 'name']],
    metrics: [
      {
        name: 'keelson.bus.subscriptions',
        type: 'sum',
        unit: '{subscription}',
        description: 'Subscriptions of buses.',
        column: 'subscriptions',
      },
      {
        name: 'keelson.bus.published',
        type: 'counter',
        unit: '{message}',
        description: 'Messages that were published.',
        column: 'published',
      },
      {
        name: 'keelson.bus.delivered',
        type: 'counter',
        unit: '{message}',
        description: 'Deliveries to subscribers.',
        column: 'delivered',
      },
      {
        name: 'keelson.bus.dropped',
        type: 'counter',
        unit: '{message}',
        description: 'Messages that slow subscribers lost.',
        column: 'dropped',
      },
    ],
  },
  atom: {
    by: [],
    metrics: [
      { name: 'keelson.atom.count', type: 'sum', unit: '{atom}', description: 'Atoms.' },
      {
        name: 'keelson.atom.commits',
        type: 'counter',
        unit: '{commit}',
        description: 'Commits of atoms.',
        column: 'commits',
      },
    ],
  },
  timer: {
    by: [],
    metrics: [
      {
        name: 'keelson.timer.pending',
        type: 'sum',
        unit: '{timer}',
        description: 'Timers that wait.',
        column: 'pending',
      },
      {
        name: 'keelson.timer.fired',
        type: 'counter',
        unit: '{timer}',
        description: 'Timers that fired.',
        column: 'fired',
      },
    ],
  },
  effect: {
    by: [],
    metrics: [
      {
        name: 'keelson.effect.fibers',
        type: 'sum',
        unit: '{fiber}',
        description: 'Fibres that run.',
        column: 'fibres',
      },
      {
        name: 'keelson.effect.started',
        type: 'counter',
        unit: '{fiber}',
        description: 'Fibres that were started.',
        column: 'started',
      },
      {
        name: 'keelson.effect.failed',
        type: 'counter',
        unit: '{fiber}',
        description: 'Fibres that failed.',
        column: 'failed',
      },
    ],
  },
}
