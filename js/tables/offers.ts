/** Each module offers the table of its own objects here; `tables.ts` reads them. */
import type { System } from '../system/system.ts'
import type { Member, Members } from './members.ts'
import { COLUMN_LISTS, type TableColumns, type TableKind } from './kinds.ts'

/** The content of a cell. An unknown number is NaN; a flag is 1 or 0. */
export type TableCell = number | string

/** A table that is read cell by cell, before anything else runs: whoever needs one column pays for one. */
export interface TableView {
  /** The number of rows. */
  readonly size: number
  /** Returns the key of a row. */
  key(row: number): string
  /** Returns one cell. */
  cell(row: number, column: number): TableCell
  /** Returns the object that a row shows. */
  item(row: number): unknown
}

/** The columns of a kind but `system`, which all rows of a view share. */
type OwnColumn<K extends TableKind> = Exclude<keyof TableColumns[K] & string, 'system'>

/** Reads each column of a kind from an object. */
export type CellReaders<K extends TableKind, T> = { readonly [C in OwnColumn<K>]: (item: T) => TableCell }

/** The objects behind a table, and what tells them apart. */
export interface TableItems<T> {
  readonly items: readonly T[]
  readonly key: (item: T) => string
}

/** Returns the view of a table, or `undefined` when the system has none of the kind. */
type ViewSource = (system: System) => TableView | undefined

const sources = new Map<TableKind, ViewSource[]>()

/**
 * Offers the table of a kind. A kind may have several offers: the rows of all of them make the table.
 *
 * @param list Returns the objects of a system, in order of creation.
 * @param readers Returns the cell of each column. Must not run user code, and must not throw.
 */
export function offerTable<K extends TableKind, T>(
  kind: K,
  list: (system: System) => TableItems<T> | undefined,
  readers: CellReaders<K, T>,
): void {
  const byName = readers as Readonly<Record<string, ((item: T) => TableCell) | undefined>>
  const inOrder = COLUMN_LISTS[kind].map(({ name }) => byName[name])
  const offers = sources.get(kind) ?? []
  offers.push((system) => {
    const found = list(system)
    return found === undefined || found.items.length === 0 ? undefined : new ItemView(found, inOrder, system.name)
  })
  sources.set(kind, offers)
}

/**
 * Offers the table of a kind whose objects are {@link Members}.
 *
 * @param prefix The beginning of the keys, before the number of the object; offers of one kind have different ones.
 */
export function offerMembers<K extends TableKind, T extends object, Note>(
  kind: K,
  members: Members<T, Note>,
  readers: CellReaders<K, Member<T, Note>>,
  prefix: string = kind,
): void {
  const key = ({ number }: Member<T, Note>): string => `${prefix}_${number}`
  offerTable<K, Member<T, Note>>(kind, (system) => ({ items: members.of(system), key }), readers)
}

/** The objects of one offer, as rows. */
class ItemView<T> implements TableView {
  readonly #items: readonly T[]
  readonly #key: (item: T) => string
  readonly #readers: readonly (((item: T) => TableCell) | undefined)[]
  readonly #systemName: string

  constructor(
    { items, key }: TableItems<T>,
    readers: readonly (((item: T) => TableCell) | undefined)[],
    systemName: string,
  ) {
    this.#items = items
    this.#key = key
    this.#readers = readers
    this.#systemName = systemName
  }

  get size(): number {
    return this.#items.length
  }

  key(row: number): string {
    return this.#key(this.#items[row] as T)
  }

  cell(row: number, column: number): TableCell {
    const reader = this.#readers[column]
    return reader === undefined ? this.#systemName : reader(this.#items[row] as T)
  }

  item(row: number): unknown {
    return this.#items[row]
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

/** Returns the table of a kind, to be read cell by cell before anything else runs. A closed system has no rows. */
export function viewOf(system: System, kind: TableKind): TableView {
  if (system.closed) return new JoinedView([])
  const views = (sources.get(kind) ?? []).map((source) => source(system)).filter((view) => view !== undefined)
  return views.length === 1 ? (views[0] as TableView) : new JoinedView(views)
}
