/**
 * Tables of what a system has: a row for each process, atom, journal, cache and so on. Reading runs no user code, asks
 * no process, and sees one instant, because nothing else runs meanwhile.
 */
import type { System } from '../system/system.ts'
import { COLUMN_LISTS, KINDS, type TableColumn, type TableKind } from './kinds.ts'
import type { TableCell } from './offers.ts'
import { type TableView, viewOf } from './views.ts'

/** A row: its key, which no other row of its kind and system has, now or later, and its cells by column. */
export type TableRow = readonly [key: string, cells: readonly TableCell[]]

/** The rows of one kind at one instant. */
export interface ObservedTable {
  /** The kind. */
  readonly kind: TableKind
  /** The columns, in the order of the cells. */
  readonly columns: readonly TableColumn[]
  /** The rows, in order of creation. */
  readonly rows: readonly TableRow[]
}

/** Returns the cells of a row. */
export const cellsOf = (view: TableView, kind: TableKind, row: number): TableCell[] =>
  COLUMN_LISTS[kind].map((_, column) => view.cell(row, column))

/** Returns the table of a kind. */
export function tableOf(system: System, kind: TableKind): ObservedTable {
  const view = viewOf(system, kind)
  const rows: TableRow[] = []
  for (let row = 0; row < view.size; row++) rows.push([view.key(row), cellsOf(view, kind, row)])
  return { kind, columns: COLUMN_LISTS[kind], rows }
}

/** Returns the tables of all kinds, at one instant. */
export const tablesOf = (system: System): ObservedTable[] => KINDS.map((kind) => tableOf(system, kind))

/** Returns the object that a key stands for, while it is listed. */
export function itemOf(system: System, kind: TableKind, key: string): unknown {
  const view = viewOf(system, kind)
  for (let row = 0; row < view.size; row++) if (view.key(row) === key) return view.item(row)
  return undefined
}
