/**
 * The meaning of a column's cells: `count` only grows, `gauge` rises and falls, `ms` and `bytes` are amounts, `wall` is
 * a time in ms since 1970, and `flag` is 1 or 0.
 */
export type ColumnType = 'text' | 'gauge' | 'count' | 'ms' | 'bytes' | 'wall' | 'flag'

/** The columns of each kind of table, in order. New columns come at the end. */
export const COLUMNS = {
  /** Processes. */
  process: {
    id: 'text',
    name: 'text',
    kind: 'text',
    status: 'text',
    mailbox: 'gauge',
    messages: 'count',
    restarts: 'count',
    crashes: 'count',
    parent: 'text',
    startedAt: 'wall',
    memory: 'bytes',
    system: 'text',
  },
  /** Supervisors. */
  supervisor: {
    id: 'text',
    name: 'text',
    strategy: 'text',
    children: 'gauge',
    restarts: 'count',
    intensityLeft: 'gauge',
    parent: 'text',
    startedAt: 'wall',
    system: 'text',
  },
  /** Routes of admission. */
  route: {
    name: 'text',
    R: 'gauge',
    base: 'gauge',
    pressure: 'gauge',
    momentum: 'gauge',
    scar: 'gauge',
    mode: 'text',
    limit: 'gauge',
    inFlight: 'gauge',
    queued: 'gauge',
    admitted: 'count',
    trickled: 'count',
    succeeded: 'count',
    failed: 'count',
    timedOut: 'count',
    shed: 'count',
    shedLimit: 'count',
    shedQueueFull: 'count',
    shedQueueDeadline: 'count',
    shedDisplaced: 'count',
    shedResistance: 'count',
    shedCritical: 'count',
    shedHigh: 'count',
    shedNormal: 'count',
    shedLow: 'count',
    shedBackground: 'count',
    baselineMs: 'ms',
    queueDelayMs: 'ms',
    errorRate: 'gauge',
    system: 'text',
  },
  /** Policies: circuit breakers, bulkheads, retries and others. */
  policy: {
    name: 'text',
    type: 'text',
    state: 'text',
    active: 'gauge',
    queued: 'gauge',
    calls: 'count',
    failures: 'count',
    rejected: 'count',
    system: 'text',
  },
  /** Journals, in memory and on disk. */
  journal: {
    name: 'text',
    where: 'text',
    entries: 'gauge',
    first: 'gauge',
    next: 'gauge',
    bytes: 'bytes',
    pending: 'gauge',
    system: 'text',
  },
  /** Caches. */
  cache: {
    name: 'text',
    entries: 'gauge',
    hits: 'count',
    misses: 'count',
    evictions: 'count',
    loads: 'count',
    system: 'text',
  },
  /** Rate limiters. */
  limiter: { name: 'text', keys: 'gauge', admitted: 'count', refused: 'count', waiting: 'gauge', system: 'text' },
  /** Event buses. */
  bus: {
    name: 'text',
    subscriptions: 'gauge',
    published: 'count',
    delivered: 'count',
    dropped: 'count',
    system: 'text',
  },
  /** Atoms that were changed or watched. */
  atom: { name: 'text', version: 'count', commits: 'count', watchers: 'gauge', shared: 'flag', system: 'text' },
  /** The timers of the system. */
  timer: { system: 'text', pending: 'gauge', fired: 'count', nextDueMs: 'ms' },
  /** The effects of the system. */
  effect: { system: 'text', fibres: 'gauge', started: 'count', failed: 'count' },
  /** The event loop of this thread. */
  loop: { thread: 'text', running: 'ms', idle: 'ms', blocked: 'ms', longest: 'ms', stalls: 'count' },
} as const

/** The columns of each kind, with the types of their cells. */
export type TableColumns = typeof COLUMNS

/** A kind of table. */
export type TableKind = keyof TableColumns

/** A column of a table. */
export interface TableColumn {
  /** Its name. */
  readonly name: string
  /** The meaning of its cells. */
  readonly type: ColumnType
}

/** All kinds of tables. */
export const KINDS: readonly TableKind[] = Object.keys(COLUMNS) as TableKind[]

/** The columns of each kind, as lists. */
export const COLUMN_LISTS: Readonly<Record<TableKind, readonly TableColumn[]>> = Object.fromEntries(
  KINDS.map((kind) => [
    kind,
    Object.entries(COLUMNS[kind]).map(([name, type]) => Object.freeze({ name, type: type as ColumnType })),
  ]),
) as unknown as Readonly<Record<TableKind, readonly TableColumn[]>>
