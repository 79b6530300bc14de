/** Tables that are read cell by cell: whoever needs one column pays for one. */
import type { System } from '../system/system.ts'
import { COLUMN_LISTS, type TableColumn, type TableKind } from './kinds.ts'
import { offers, type TableCell, type TableItems, type TableOffer } from './offers.ts'
import { offerSystemTables } from './system-tables.ts'

/** A table that is read cell by cell, before anything else runs: whoever needs one column pays for one. */
export interface TableView {
  /** The number of rows. */
  readonly size: number
  /** Returns the key of a row. */
  key(row: number): string
  /** Returns one cell. */
  cell(row: number, column: number): TableCell
  /** Returns a column of numbers. */
  numbers(column: number): Float64Array
  /** Returns the object that a row shows. */
  item(row: number): unknown
}

offerSystemTables()

/**
 * Returns the objects of one offer, as rows. A literal keeps its shape when no view is left, as `read` of the observer
 * explains.
 */
function viewOfItems<T>(
  { columns, items, key }: TableItems<T>,
  names: readonly TableColumn[],
  readers: readonly (((item: T) => TableCell) | undefined)[],
  systemName: string,
): TableView {
  return {
    size: items.length,
    key: (row) => key(items.at(row) as T),
    cell: (row, column) => {
      const reader = readers[column]
      return reader === undefined ? systemName : reader(items.at(row) as T)
    },
    numbers: (column) => {
      const whole = columns?.[names[column]?.name ?? '']
      if (whole !== undefined) return whole()
      const numbers = new Float64Array(items.length)
      const reader = readers[column] as (item: T) => number
      for (let row = 0; row < items.length; row++) numbers[row] = reader(items.at(row) as T)
      return numbers
    },
    item: (row) => items.at(row),
  }
}

/** The rows of several offers, one after the other. */
class JoinedView implements TableView {
  readonly #views: readonly TableView[]
  readonly size: number

  constructor(views: readonly TableView[]) {
    this.#views = views
    this.size = views.reduce((sum, { size }) => sum + size, 0)
  }

  key(row: number): string {
    const [view, own] = this.#find(row)
    return view.key(own)
  }

  cell(row: number, column: number): TableCell {
    const [view, own] = this.#find(row)
    return view.cell(own, column)
  }

  numbers(column: number): Float64Array {
    return Float64Array.from({ length: this.size }, (_, row) => this.cell(row, column) as number)
  }

  item(row: number): unknown {
    const [view, own] = this.#find(row)
    return view.item(own)
  }

  #find(row: number): readonly [TableView, number] {
    let own = row
    for (const view of this.#views) {
      if (own < view.size) return [view, own]
      own -= view.size
    }
    throw new RangeError(`no row ${row}`)
  }
}

function viewOfOffer({ list, readers }: TableOffer, system: System, kind: TableKind): TableView | undefined {
  const found = list(system)
  if (found === undefined || found.items.length === 0) return undefined
  const columns = COLUMN_LISTS[kind]
  const inOrder = columns.map(({ name }) => readers[name] as ((item: unknown) => TableCell) | undefined)
  return viewOfItems(found, columns, inOrder, system.name)
}

/** Returns the table of a kind, to be read cell by cell before anything else runs. A closed system has no rows. */
export function viewOf(system: System, kind: TableKind): TableView {
  if (system.closed) return new JoinedView([])
  const views = (offers.get(kind) ?? []).flatMap((offer) => viewOfOffer(offer, system, kind) ?? [])
  return views.length === 1 ? (views[0] as TableView) : new JoinedView(views)
}
