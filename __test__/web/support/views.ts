/** A plain model of what a server shows of a table, and of what it says when that changed. */
import type { Cell, Column, TableChange, WatchedTable } from '../../../web/protocol.d.ts'

export type Table = ReadonlyMap<string, readonly Cell[]>

/** The part of one table that a session was shown. */
export interface Seen {
  readonly total: number
  readonly matching: number
  readonly order: readonly string[]
  readonly cells: Table
}

const compare = (one: Cell, other: Cell): number =>
  typeof one === 'number' && typeof other === 'number' ? one - other : String(one).localeCompare(String(other))

/** Filters, sorts and pages a whole table. */
export function viewOf(rows: Table, columns: readonly Column[], watched: Omit<WatchedTable, 'table' | 'kind'>): Seen {
  const { by, desc = false, offset, limit, filter = '' } = watched
  const wanted = filter.toLowerCase()
  const texts = columns.flatMap(({ type }, index) => (type === 'text' ? [index] : []))
  const matches = (cells: readonly Cell[]): boolean =>
    wanted === '' || texts.some((index) => String(cells[index]).toLowerCase().includes(wanted))
  const found = [...rows].filter(([, cells]) => matches(cells))
  const column = columns.findIndex(({ name }) => name === by)
  if (column !== -1) {
    found.sort(([, one], [, other]) => (desc ? -1 : 1) * compare(one[column] ?? null, other[column] ?? null))
  }
  const shown = found.slice(offset, offset + limit)
  return { total: rows.size, matching: found.length, order: shown.map(([key]) => key), cells: new Map(shown) }
}

/** Returns what differs from what a session has seen, and what it has seen then. */
export function updateOf(
  seen: Seen,
  rows: Table,
  columns: readonly Column[],
  watched: WatchedTable,
): readonly [change: TableChange | undefined, next: Seen] {
  const next = viewOf(rows, columns, watched)
  const isSameOrder = String(seen.order) === String(next.order)
  const changed = [...next.cells].filter(([key, cells]) => String(seen.cells.get(key)) !== String(cells))
  const { total, matching } = next
  const isSame = isSameOrder && changed.length === 0 && total === seen.total && matching === seen.matching
  if (isSame) return [undefined, next]
  const order = isSameOrder ? {} : { order: next.order }
  return [{ table: watched.table, total, matching, ...order, changed }, next]
}
