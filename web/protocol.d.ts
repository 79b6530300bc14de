/** The frames of the protocol, version 1, as the page receives and sends them. */

export type Cell = string | number | boolean | null
export type ColumnType = 'text' | 'gauge' | 'count' | 'ms' | 'bytes' | 'wall' | 'flag'

export interface Column {
	readonly name: string
	readonly type: ColumnType
}

/** A key and the cells in the order of the columns of its kind. */
export type Row = readonly [key: string, cells: readonly Cell[]]

export interface Hello {
	readonly type: 'hello'
	readonly v: number
	readonly package: string
	readonly pid: number
	readonly node: string
	readonly title: string
	/** Milliseconds since 1970. */
	readonly startedAt: number
	readonly refreshMs: number
	readonly actions: boolean
	readonly kinds: Readonly<Record<string, readonly Column[]>>
	/** Only on a stream: the session that `POST /watch` names. */
	readonly session?: string
}

export interface Page {
	readonly type: 'page'
	readonly table: string
	readonly kind: string
	readonly at: number
	readonly total: number
	readonly matching: number
	readonly offset: number
	readonly rows: readonly Row[]
	readonly more: boolean
}

export interface TableChange {
	readonly table: string
	readonly total?: number
	readonly matching?: number
	readonly order?: readonly string[]
	readonly changed?: readonly Row[]
}

export interface Stalled {
	readonly forMs: number
	readonly key?: string | null
	readonly name?: string | null
	readonly message?: string | null
	readonly handler?: string | null
}

export interface Loop {
	readonly thread: string
	readonly running: number
	readonly idle: number
	readonly blocked: number
	readonly longest: number
	readonly stalls: number
	readonly stalled: Stalled | null
}

export type Totals = Readonly<Record<string, number>>
export type Memory = Readonly<Record<string, number>>

export interface ObservedEvent {
	readonly seq: number
	readonly at: number
	readonly event: string
	readonly kind: string
	readonly key: string
	readonly name: string
	readonly text: string
}

export interface Update {
	readonly type: 'update'
	readonly at: number
	readonly tables?: readonly TableChange[]
	readonly loops?: readonly Loop[]
	readonly memory?: Memory
	readonly totals?: Totals
	readonly events?: readonly ObservedEvent[]
	readonly dropped?: number
}

export interface Crash {
	readonly at: number
	readonly error: string
	readonly stack?: string | null
	readonly message?: string | null
}

export type Field = readonly [name: string, type: ColumnType, value: Cell]

export interface Detail {
	readonly type: 'detail'
	readonly id?: number
	readonly kind: string
	readonly key: string
	readonly found: boolean
	readonly fields?: readonly Field[]
	/** The keys from the root to its parent. */
	readonly path?: readonly string[]
	readonly children?: number
	readonly links?: readonly string[]
	readonly monitors?: readonly string[]
	readonly crashes?: readonly Crash[]
	/** Only where it was asked for and is allowed. */
	readonly state?: unknown
	/** The reason why the parts that JavaScript knows are missing. */
	readonly unanswered?: string
}

export type TreeRow = readonly [key: string, cells: readonly Cell[], childCount: number]

export interface Tree {
	readonly type: 'tree'
	readonly id?: number
	readonly key: string | null
	readonly path: readonly string[]
	readonly total: number
	readonly offset: number
	readonly rows: readonly TreeRow[]
}

export interface JournalEntry {
	readonly seq: number
	readonly at: number
	readonly text: string
}

export interface JournalPage {
	readonly type: 'journal'
	readonly id?: number
	readonly key: string
	readonly first: number
	readonly next: number
	readonly entries: readonly JournalEntry[]
}

export interface Action {
	readonly type: 'action'
	readonly id: number
	readonly action: 'stop' | 'kill' | 'restart'
	readonly key: string
}

export interface Done {
	readonly type: 'done'
	readonly id?: number
}

export interface Failed {
	readonly type: 'error'
	readonly id?: number
	readonly code: string
	readonly message: string
}

export interface Bye {
	readonly type: 'bye'
	readonly reason: string
}

export type Frame = Hello | Page | Update | Detail | Tree | JournalPage | Done | Failed | Bye

/** A table that a client watches. Without `by` the rows are in the order of their creation. */
export interface WatchedTable {
	readonly table: string
	readonly kind: string
	readonly by?: string
	readonly desc?: boolean
	readonly offset: number
	readonly limit: number
	readonly filter?: string
}

export interface Watch {
	readonly type: 'watch'
	readonly refreshMs: number
	readonly tables: readonly WatchedTable[]
}
