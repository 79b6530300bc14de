// Types of the page. This file is not served.
export type * from './protocol.d.ts'

import type { History } from './history.js'
import type { Model } from './model.js'
import type { Cell, Frame, WatchedTable } from './protocol.d.ts'

/** A part of an element: a child, attributes and listeners by name, or nothing. */
export type Part = Node | string | Readonly<Record<string, unknown>> | boolean | undefined

type Named<Tag, Names> = Tag extends `${infer Name}.${string}`
	? Named<Name, Names>
	: Tag extends keyof Names
		? Names[Tag]
		: Element
/** Makes an element. Its tag may name classes: `p.count`. Attributes that are functions are listeners. */
export type MakeHtml = <const Tag extends string>(tag: Tag, ...parts: Part[]) => Named<Tag, HTMLElementTagNameMap>
export type MakeSvg = <const Tag extends string>(tag: Tag, ...parts: Part[]) => Named<Tag, SVGElementTagNameMap>
export type Fill = (element: Element, classes: readonly string[], parts: readonly Part[]) => Element

export type SearchField = (label: string, input: () => void) => HTMLInputElement
/** Makes a button of its label. */
export type Button = (label: string, click: () => void, attributes?: Part) => HTMLButtonElement

/** Sets an attribute if it differs. `false` and `undefined` remove it. `true` is an empty text, or `true` in ARIA. */
export type Attr = (element: Element, name: string, value: unknown) => void

/** The element of a key, and what brings it up to date. */
export type Item = readonly [element: HTMLElement, update?: () => void]
/**
 * Lets the arrow keys, Page, Home and End move the focus among the items that a selector finds. The returned function
 * keeps one of them in the order of Tab.
 */
export type ArrowKeys = (parent: HTMLElement, selector: string) => () => void
export type Keyed = (parent: Element, keys: Iterable<string>, make: (key: string) => Item) => void

/** A line of a chart, or a layer of its stack. */
export interface ChartLine {
	readonly name: string
	readonly label: string
	readonly isArea?: boolean
}
export interface Chart {
	readonly element: HTMLElement
	render(): void
}
/** Areas are stacked, in their order. Marks are values, each with a label at a line across. */
export type MakeChart = (
	title: string,
	format: (value: number) => string,
	history: () => History,
	lines: () => readonly ChartLine[],
	marks?: Readonly<Record<string, number>>,
) => Chart

/** Its title, its format, and the labels of its lines by name; without them, the lines are of event loops. */
export type OverviewChart = readonly [string, (value: number) => string, Record<string, string>?]

export type Values = readonly (number | null | undefined)[]
/** What a plot shows: times, and values from 0 to `top`, on so many units of width and height. */
export interface Plot {
	readonly from: number
	readonly to: number
	readonly top: number
	readonly width: number
	readonly height: number
}
/** Returns the place of a sample. */
export type Place = (plot: Plot, at: number, value: number) => readonly [x: number, y: number]
/** Returns the indices of known values in the plot, in stretches without a gap. */
export type Stretches = (plot: Plot, times: readonly number[], line: Values) => readonly number[][]
export type Points = (plot: Plot, times: readonly number[], line: Values, indices: readonly number[]) => string
export type LinePath = (plot: Plot, times: readonly number[], line: Values) => string
/** Returns the path of the area between two lines. */
export type AreaPath = (plot: Plot, times: readonly number[], lower: Values, upper: Values) => string

/** Adds a sample, if it is later than the last. Gauges are kept as they are, and counters become rates per second. */
export type Add = (at: number, gauges: Sample, counters?: Sample) => void
export type Sample = Readonly<Record<string, number>>

/** Parameters of a request; those that are null are left out. */
export type Query = Readonly<Record<string, string | number | null>>
/** Asks for one frame. Rejects with the words of a refusal. */
export type Get = (path: string, query: Query) => Promise<Frame>
export type Post = (path: string, frame: object) => Promise<Response>
/** Asks for an action. Rejects with the words of a refusal. */
export type Act = (action: string, key: string) => Promise<Frame>

/** What a part of the page may use of the others. */
export interface Context {
	readonly model: Model
	/** Tells the server which tables the page shows now. */
	rewatch(): void
	/** The address of the details of a thing, beside the view that is open. */
	link(kind: string, key: string): string
	isSelected(kind: string, key: string): boolean
	/** Opens the tree at a process. `path` has the keys from its root to its parent. */
	reveal(path: readonly string[], key: string): void
	/** Says something to people who see the page, and to those who hear it. */
	say(text: string): void
	close(): void
}

/** A part of the page that one entry of the navigation shows. */
export interface View {
	readonly title: string
	readonly element: HTMLElement
	/** The tables that it needs while it is shown. */
	tables?(): readonly WatchedTable[]
	/** Draws what the model knows now. */
	render(): void
	/** Begins to ask the server for what streams do not bring. The returned function ends that. */
	begin?(): () => void
	/** The field where a search begins. */
	readonly search?: HTMLElement
}

export interface TreeView extends View {
	reveal: Context['reveal']
}

/** A process in the tree. Its parent is '' for a root. */
export interface Branch {
	parent: string
	level: number
	cells: readonly Cell[]
	/** The children that the server has. */
	count: number
	/** Those that are loaded, and how many of them the reader wants. */
	children: readonly string[]
	wanted: number
	isOpen: boolean
}
