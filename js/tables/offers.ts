/** Each module offers the table of its own objects here; `tables.ts` reads them. */
import type { System } from '../system/system.ts'
import type { TableColumns, TableKind } from './kinds.ts'
import type { Member, Members } from './members.ts'

/** The content of a cell. An unknown number is NaN; a flag is 1 or 0. */
export type TableCell = number | string

/** The columns of a kind but `system`, which all rows of a view share. */
type OwnColumn<K extends TableKind> = Exclude<keyof TableColumns[K] & string, 'system'>

/** Reads each column of a kind from an object. */
export type CellReaders<K extends TableKind, T> = { readonly [C in OwnColumn<K>]: (item: T) => TableCell }

/** The objects of a table by their places, as an array has them. */
export interface ItemList<T> {
  readonly length: number
  at(place: number): T | undefined
}

/** The objects behind a table, and what tells them apart. */
export interface TableItems<T> {
  readonly items: ItemList<T>
  readonly key: (item: T) => string
  /** Reads whole columns of numbers where that takes less time than object by object. By the name of the column. */
  readonly columns?: Readonly<Record<string, () => Float64Array>>
}

/** The part of a table that one module offers. */
export interface TableOffer {
  readonly list: (system: System) => TableItems<unknown> | undefined
  readonly readers: Readonly<Record<string, (item: never) => TableCell>>
}

/** The offers of each kind. */
export const offers: Map<TableKind, TableOffer[]> = new Map()

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
  const known = offers.get(kind)
  const offer = { list, readers } as unknown as TableOffer
  if (known === undefined) offers.set(kind, [offer])
  else known.push(offer)
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
