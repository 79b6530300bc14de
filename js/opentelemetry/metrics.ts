import type { Attributes, BatchObservableResult, Meter, Observable } from '@opentelemetry/api'

import type { Process } from '../actor/process.ts'
import { loopTimes, threadName } from '../internal/loop-watch.ts'
import type { System } from '../system/system.ts'
import { COLUMN_LISTS, type TableKind } from '../tables/kinds.ts'
import { type TableView, viewOf } from '../tables/views.ts'
import type { EventCounts } from './event-counts.ts'
import { CLASS, METRICS, type TableMetric } from './metric-list.ts'

/** The number of values of an attribute that have series of their own. The others share the value `other`. */
const MOST_VALUES = 200
const OTHER = 'other'

/** An attribute, and what reads it from a row; an empty text where the row has none. */
type AttributeReader = readonly [attribute: string, read: (view: TableView, row: number) => string]

/** The rows of a table that have the same attributes. */
interface RowGroup {
  readonly attributes: Attributes
  readonly rows: number[]
}

/** What a metric is, apart from where it is read. */
type Described = Pick<TableMetric, 'name' | 'type' | 'unit' | 'description'>

const MESSAGES: Described = {
  name: 'keelson.process.messages',
  type: 'counter',
  unit: '{message}',
  description: 'Messages that were handled.',
}
const CRASHES: Described = {
  name: 'keelson.process.crashes',
  type: 'counter',
  unit: '{crash}',
  description: 'Failures of processes.',
}
const RESTARTS: Described = {
  name: 'keelson.supervisor.restarts',
  type: 'counter',
  unit: '{restart}',
  description: 'Restarts of processes.',
}
const BLOCKED: Described = {
  name: 'keelson.event_loop.blocked',
  type: 'counter',
  unit: 's',
  description: 'Time in runs of the event loop of 50 ms or longer, while a watchdog runs.',
}
const STALLS: Described = {
  name: 'keelson.event_loop.stalls',
  type: 'counter',
  unit: '{stall}',
  description: 'Stalls of the event loop, while a watchdog runs.',
}

/** Observes the metrics of one system, all of them at one instant each time they are collected. */
export class SystemMetrics {
  readonly #system: System
  readonly #meter: Meter
  readonly #counts: EventCounts
  readonly #observables = new Map<string, Observable>()
  /** The values of each attribute that have series of their own. */
  readonly #values = new Map<string, Set<string>>()
  /** The last sum of each counter, and what was lost of it as its objects went: a counter only grows. */
  readonly #sums = new Map<string, { last: number; lost: number }>()

  constructor(system: System, meter: Meter, counts: EventCounts) {
    this.#system = system
    this.#meter = meter
    this.#counts = counts
    for (const metric of [MESSAGES, CRASHES, RESTARTS, BLOCKED, STALLS]) this.#observable(metric)
    for (const { metrics } of Object.values(METRICS)) for (const metric of metrics) this.#observable(metric)
    meter.addBatchObservableCallback(this.#collect, [...this.#observables.values()])
  }

  close(): void {
    this.#meter.removeBatchObservableCallback(this.#collect, [...this.#observables.values()])
  }

  readonly #collect = (result: BatchObservableResult): void => {
    for (const kind of Object.keys(METRICS) as TableKind[]) this.#collectTable(result, kind)
    const observe = (metric: Described, value: number, attributes?: Attributes): void =>
      result.observe(this.#observable(metric), value, this.#attributes(attributes))
    for (const [className, kinds] of this.#counts.messages) {
      for (const [kind, count] of kinds) {
        observe(MESSAGES, count, { [CLASS]: className, 'keelson.message.kind': kind })
      }
    }
    observe(CRASHES, this.#counts.crashes)
    observe(RESTARTS, this.#counts.restarts)
    const times = loopTimes()
    if (times === undefined) return
    const thread = { 'keelson.thread': threadName() }
    observe(BLOCKED, times.blocked / 1000, thread)
    observe(STALLS, times.stalls, thread)
  }

  #collectTable(result: BatchObservableResult, kind: TableKind): void {
    const found = METRICS[kind]
    if (found === undefined) return
    const view = viewOf(this.#system, kind)
    const columns = COLUMN_LISTS[kind].map(({ name }) => name)
    const by = kind === 'process' ? [[CLASS, classOf] as const] : readersOf(found.by, columns)
    for (const { attributes, rows } of this.#groups(view, by)) {
      for (const metric of found.metrics as readonly TableMetric[]) {
        const column = metric.column === undefined ? -1 : columns.indexOf(metric.column)
        this.#observe(result, metric, attributes, valueOf(view, metric, column, rows))
      }
    }
  }

  /** Returns the rows that have the same attributes together. */
  #groups(view: TableView, by: readonly AttributeReader[]): Iterable<RowGroup> {
    const groups = new Map<string, RowGroup>()
    for (let row = 0; row < view.size; row++) {
      let key = ''
      for (const [attribute, read] of by) key += `${this.#capped(attribute, read(view, row))}\0`
      const group = groups.get(key)
      if (group === undefined) groups.set(key, { attributes: attributesOf(by, key.split('\0')), rows: [row] })
      else group.rows.push(row)
    }
    return groups.values()
  }

  #observe(result: BatchObservableResult, metric: TableMetric, group: Attributes, value: number): void {
    // What is not known has no value.
    if (Number.isNaN(value)) return
    const own = metric.attribute === undefined ? group : { ...group, [metric.attribute[0]]: metric.attribute[1] }
    const attributes = this.#attributes(own)
    const shown = metric.type === 'counter' ? this.#grown(metric.name + JSON.stringify(attributes), value) : value
    result.observe(this.#observable(metric), shown, attributes)
  }

  /** Returns a sum that only grows, also when an object goes that had a part in it. */
  #grown(series: string, sum: number): number {
    const known = this.#sums.get(series) ?? { last: 0, lost: 0 }
    if (sum < known.last) known.lost += known.last - sum
    known.last = sum
    this.#sums.set(series, known)
    return known.lost + sum
  }

  #attributes(own: Attributes = {}): Attributes {
    return { ...own, 'keelson.system': this.#system.name }
  }

  #capped(attribute: string, value: string): string {
    if (value === '') return value
    let values = this.#values.get(attribute)
    if (values === undefined) this.#values.set(attribute, (values = new Set()))
    if (values.size < MOST_VALUES) values.add(value)
    return values.has(value) ? value : OTHER
  }

  #observable({ name, type, unit, description }: Described): Observable {
    let observable = this.#observables.get(name)
    if (observable === undefined) {
      const options = { unit, description }
      if (type === 'counter') observable = this.#meter.createObservableCounter(name, options)
      else if (type === 'sum') observable = this.#meter.createObservableUpDownCounter(name, options)
      else observable = this.#meter.createObservableGauge(name, options)
      this.#observables.set(name, observable)
    }
    return observable
  }
}

/** Returns the class of a process. */
const classOf = (view: TableView, row: number): string => (view.item(row) as Process).className

/** Returns what reads the attributes of a table. An object without a name shows its id; that is no attribute. */
const readersOf = (
  by: readonly (readonly [attribute: string, column: string])[],
  columns: readonly string[],
): AttributeReader[] =>
  by.map(([attribute, name]) => {
    const column = columns.indexOf(name)
    return [
      attribute,
      (view, row) => {
        const value = String(view.cell(row, column))
        return value === view.key(row) || /^memoize_\d+$/.test(value) ? '' : value
      },
    ]
  })

/** Returns attributes with their values. An empty one is left out. */
const attributesOf = (by: readonly AttributeReader[], values: readonly string[]): Attributes =>
  Object.fromEntries(by.flatMap(([attribute], index) => (values[index] ? [[attribute, values[index]]] : [])))

/** Returns the sum of a column over rows, or the largest cell of a gauge. */
function valueOf(view: TableView, metric: TableMetric, column: number, rows: readonly number[]): number {
  if (column < 0) return rows.length
  const { scale = 1, type } = metric
  let value = NaN
  for (const row of rows) {
    const cell = view.cell(row, column) as number
    if (Number.isNaN(cell)) continue
    if (Number.isNaN(value)) value = cell
    else value = type === 'gauge' ? Math.max(value, cell) : value + cell
  }
  return value * scale
}
