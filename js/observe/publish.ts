/** Hands the native thread the tables that only JavaScript has. */
import { observedEngines } from '../atrion/observed.ts'
import { BaseClock } from '../clock/base.ts'
import { monoMsOf } from '../clock/observed-time.ts'
import type { Clock } from '../clock/types.ts'
import { native } from '../native.ts'
import { SystemClock } from '../clock/system-clock.ts'
import { COLUMN_LISTS, type TableKind } from '../tables/kinds.ts'
import { viewOf } from '../tables/views.ts'
import { observedSystems, type SystemPlace } from './systems.ts'

/** Rows of a kind that are published. The others are counted. */
const MOST_ROWS = 2000

/** The kinds that the native thread cannot read by itself. */
const PUBLISHED: readonly TableKind[] = [
  'supervisor',
  'policy',
  'journal',
  'cache',
  'limiter',
  'bus',
  'atom',
  'timer',
  'effect',
]

type WrittenRow = readonly [key: string, cells: readonly (number | string | boolean)[]]

/** A table as the native side reads it. */
export interface WrittenTable {
  total: number
  readonly rows: WrittenRow[]
}

/** Returns the table of a kind with the rows of some systems, at most `mostRows`. */
export function tableForNative(kind: TableKind, places: readonly SystemPlace[], mostRows: number): WrittenTable {
  const table: WrittenTable = { total: 0, rows: [] }
  for (const place of places) addRows(table, kind, place, mostRows)
  return table
}

function addRows(table: WrittenTable, kind: TableKind, { system, prefix }: SystemPlace, mostRows: number): void {
  const view = viewOf(system, kind)
  const columns = COLUMN_LISTS[kind]
  table.total += view.size
  const count = Math.min(view.size, mostRows - table.rows.length)
  for (let row = 0; row < count; row++) {
    const cells = columns.map(({ name, type }, column) => {
      const cell = view.cell(row, column)
      if (type === 'flag') return cell === 1
      return name === 'parent' && cell !== '' ? `${prefix}:${cell}` : cell
    })
    table.rows.push([`${prefix}:${view.key(row)}`, cells])
  }
}

/** Returns whether a clock goes on while JavaScript does not. */
const runsByItself = (clock: Clock): boolean => !(clock instanceof BaseClock) || clock instanceof SystemClock

/** Publishes the tables of the observed systems, as they are now. */
export function publishTables(): void {
  const tables: Record<string, WrittenTable> = {}
  const systems = observedSystems().filter(({ system }) => !system.closed)
  for (const kind of PUBLISHED) tables[kind] = tableForNative(kind, systems, MOST_ROWS)
  const engines = systems.flatMap(({ system, prefix }) =>
    observedEngines(system).map(({ engine, clock, number }) => ({
      handle: engine,
      prefix: `${prefix}:${number}`,
      system: system.name,
      // A user's clock may throw.
      now: monoMsOf(clock) || 0,
      runs: runsByItself(clock),
    })),
  )
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
  native.observePublish(JSON.stringify({ tables, engines, memory: { rss, heapUsed, heapTotal, external } }))
}
