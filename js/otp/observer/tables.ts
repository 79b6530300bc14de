/** Tables and pages of them, as users get them. */
import { integer, known, oneOf, options as checkOptions, flag } from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { native } from '../../native.ts'
import type { System } from '../../system/system.ts'
import { COLUMN_LISTS, KINDS, type TableKind } from '../../tables/kinds.ts'
import { type TableView, viewOf } from '../../tables/views.ts'
import type { Table, TableRowOf, TopOptions, TopPage } from './types.ts'

const OPTIONS = ['kind', 'by', 'desc', 'offset', 'limit', 'filter']
const LIMIT = 50
const MOST_ROWS = 10_000
const MOST_OFFSET = 2 ** 31

export function checkKind<K extends TableKind>(field: string, kind: K): K {
  return oneOf(field, KINDS, kind) as K
}

function rowOf<K extends TableKind>(view: TableView, kind: K, row: number): TableRowOf<K> {
  const cells: Record<string, unknown> = { key: view.key(row) }
  for (const [column, { name }] of COLUMN_LISTS[kind].entries()) cells[name] = view.cell(row, column)
  return cells as TableRowOf<K>
}

/** Returns a table. */
export function tableOf<K extends TableKind>(kind: K, system: System): Table<K> {
  const view = viewOf(system, kind)
  const rows: TableRowOf<K>[] = []
  for (let row = 0; row < view.size; row++) rows.push(rowOf(view, kind, row))
  return { kind, columns: COLUMN_LISTS[kind], rows }
}

/** Returns the tables of all kinds. */
export const tablesOf = (system: System): Table[] => KINDS.map((kind) => tableOf(kind, system))

/** Returns the rows of which a text cell contains a text, in any case; `undefined` for all rows. */
function matching(view: TableView, kind: TableKind, filter: string): number[] | undefined {
  if (filter === '') return undefined
  const needle = filter.toLowerCase()
  const texts = [...COLUMN_LISTS[kind].entries()].filter(([, { type }]) => type === 'text').map(([column]) => column)
  const rows: number[] = []
  for (let row = 0; row < view.size; row++) {
    if (texts.some((column) => String(view.cell(row, column)).toLowerCase().includes(needle))) rows.push(row)
  }
  return rows
}

/** Returns the first rows of some, by a column. The core chooses them, with a heap. */
function chosen(view: TableView, kind: TableKind, rows: readonly number[] | undefined, page: CheckedPage): number[] {
  const { by, count, desc } = page
  const size = rows?.length ?? view.size
  const rowAt = (place: number): number => (rows === undefined ? place : (rows[place] as number))
  let places: readonly number[]
  if (by < 0) {
    places = Array.from({ length: count }, (_, place) => (desc ? size - 1 - place : place))
  } else if (COLUMN_LISTS[kind][by]?.type === 'text') {
    const texts = Array<string>(size)
    for (let place = 0; place < size; place++) texts[place] = String(view.cell(rowAt(place), by))
    places = native.topTexts(texts, count, desc)
  } else {
    const all = view.numbers(by)
    const numbers = rows === undefined ? all : Float64Array.from(rows, (row) => all[row] as number)
    places = native.topNumbers(numbers, count, desc)
  }
  return places.map(rowAt)
}

interface CheckedPage {
  /** The place of the column; -1 for the order of creation. */
  readonly by: number
  readonly desc: boolean
  readonly count: number
}

function columnOf(kind: TableKind, by: unknown): number {
  if (by === undefined) return -1
  const names = COLUMN_LISTS[kind].map(({ name }) => name)
  return names.indexOf(oneOf('options.by', names, by))
}

/** Returns a page of a table. */
export function topOf<K extends TableKind>(options: TopOptions<K> | undefined, system: System): TopPage<K> {
  const settings = checkOptions('options', options)
  known('options', settings, OPTIONS)
  const kind = checkKind('options.kind', (settings.kind ?? 'process') as K)
  const by = columnOf(kind, settings.by)
  const desc = flag('options.desc', true, settings.desc)
  const offset = integer('options.offset', 0, MOST_OFFSET, settings.offset ?? 0)
  const limit = integer('options.limit', 1, MOST_ROWS, settings.limit ?? LIMIT)
  const { filter = '' } = settings
  if (typeof filter !== 'string') throw new InvalidArgumentError('options.filter', 'a string', filter)
  const view = viewOf(system, kind)
  const rows = matching(view, kind, filter)
  const matches = rows?.length ?? view.size
  const places = chosen(view, kind, rows, { by, desc, count: Math.min(offset + limit, matches) })
  const page = places.slice(offset, offset + limit).map((row) => rowOf(view, kind, row))
  return { kind, columns: COLUMN_LISTS[kind], total: view.size, matching: matches, rows: page }
}
