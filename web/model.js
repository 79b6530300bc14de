// What the page knows: frames of the server become state. Pure; it reads no clock and touches no page.
import { History } from './history.js'
/** @import * as T from './types.d.ts' */

const EVENTS = 500
const NAMES = 5000
const HISTORIES = 100

export class Rows {
	/** @type {readonly string[]} */
	order = []
	/** @type {Map<string, readonly T.Cell[]>} */
	cells = new Map()
	total = 0
	matching = 0
	offset = 0
	#more = false

	/** Takes a page or a part of one. @param {T.Page} page */
	page({ rows, total, matching, offset, more }) {
		if (!this.#more || offset !== this.offset + this.order.length) {
			this.order = []
			this.cells = new Map()
			this.offset = offset
		}
		this.order = [...this.order, ...rows.map(([key]) => key)]
		for (const [key, cells] of rows) this.cells.set(key, cells)
		Object.assign(this, { total, matching })
		this.#more = more
	}

	/** @param {T.TableChange} change */
	update({ total = this.total, matching = this.matching, order, changed = [] }) {
		Object.assign(this, { total, matching })
		for (const [key, cells] of changed) if (order || this.cells.has(key)) this.cells.set(key, cells)
		if (!order) return
		this.order = order.filter((key) => this.cells.has(key))
		const all = this.cells
		this.cells = new Map(this.order.map((key) => [key, all.get(key) ?? []]))
	}
}

/** @param {readonly T.Column[]} columns */
export const indexOf = (columns, name = '') => columns.findIndex((column) => column.name === name)

/** Forgets the oldest. @param {Map<string, unknown>} map */
function bound(map, size = 0) {
	for (const key of map.keys())
		if (map.size > size) map.delete(key)
		else return
}

export class Model {
	/** @type {T.Hello | undefined} */
	hello
	/** The wall clock of the server. */
	at = 0
	/** @type {Map<string, Rows>} */
	tables = new Map()
	/** @type {readonly T.Loop[]} */
	loops = []
	/** @type {Record<string, number>} */
	memory = {}
	/** @type {Record<string, number>} */
	totals = {}
	/** The newest first. @type {T.ObservedEvent[]} */
	events = []
	/** @type {T.ObservedEvent[]} */
	crashes = []
	dropped = 0
	history = new History()
	/** By kind and key. @type {Map<string, History>} */
	#histories = new Map()
	/** @type {Map<string, string>} */
	#names = new Map()
	/** By label. @type {ReadonlyMap<string, string>} */
	#kinds = new Map()

	/** Frames of other labels are late, and change nothing. @param {ReadonlyMap<string, string>} kinds */
	watch(kinds) {
		this.#kinds = kinds
		for (const label of this.tables.keys()) if (!kinds.has(label)) this.tables.delete(label)
	}

	/** @param {T.Frame} frame */
	apply(frame) {
		if (frame.type === 'hello') this.#begin(frame)
		if (frame.type === 'page' && this.#kinds.get(frame.table) === frame.kind) {
			const rows = this.tables.get(frame.table) ?? new Rows()
			rows.page(frame)
			this.tables.set(frame.table, rows)
			this.learn(frame.kind, frame.rows)
		}
		if (frame.type !== 'update') return
		this.at = frame.at
		for (const change of frame.tables ?? []) {
			this.tables.get(change.table)?.update(change)
			this.learn(this.#kinds.get(change.table) ?? '', change.changed ?? [])
		}
		this.loops = frame.loops ?? this.loops
		this.dropped = frame.dropped ?? this.dropped
		this.memory = { ...this.memory, ...frame.memory }
		this.totals = { ...this.totals, ...frame.totals }
		for (const event of frame.events ?? []) this.#hear(event)
		this.#sample()
	}

	columns(kind = '') {
		const { kinds = {} } = this.hello ?? {}
		return (Object.hasOwn(kinds, kind) && kinds[kind]) || []
	}

	/** Returns the name of a key if it was seen. */
	nameOf(key = '') {
		return this.#names.get(key) ?? key
	}

	/** Remembers names of rows. @param {string} kind @param {readonly (T.Row | T.TreeRow)[]} rows */
	learn(kind, rows) {
		const name = indexOf(this.columns(kind), 'name')
		for (const [key, cells] of rows) if (cells[name]) this.#names.set(key, String(cells[name]))
		bound(this.#names, NAMES)
	}

	/** Returns the samples of one thing. */
	historyOf(kind = '', key = '') {
		const id = `${kind}/${key}`
		const found = this.#histories.get(id) ?? new History()
		this.#histories.delete(id)
		this.#histories.set(id, found)
		bound(this.#histories, HISTORIES)
		return found
	}

	/** Adds a sample of one thing. @param {string} kind @param {string} key @param {readonly T.Field[]} fields */
	sample(kind, key, fields) {
		/** @type {Record<'count' | 'gauge', Record<string, number>>} */
		const sample = { count: {}, gauge: {} }
		for (const [name, type, value] of fields) {
			if (typeof value === 'number') sample[type === 'count' ? 'count' : 'gauge'][name] = value
		}
		this.historyOf(kind, key).add(this.at, sample.gauge, sample.count)
	}

	/** @param {T.Hello} hello */
	#begin(hello) {
		const isSame = this.hello?.pid === hello.pid && this.hello.startedAt === hello.startedAt
		this.hello = hello
		this.tables.clear()
		this.loops = []
		if (isSame) for (const history of [this.history, ...this.#histories.values()]) history.gap()
		else {
			Object.assign(this, new Model(), { hello })
			this.#histories.clear()
			this.#names.clear()
		}
	}

	/** @param {T.ObservedEvent} event */
	#hear(event) {
		if (event.kind === 'process' && event.name) this.#names.set(event.key, event.name)
		this.events = [event, ...this.events].slice(0, EVENTS)
		if (event.event === 'crashed') this.crashes = [event, ...this.crashes].slice(0, EVENTS / 5)
	}

	#sample() {
		const { processes, ...counters } = this.totals
		const gauges = { ...this.memory }
		if (processes !== undefined) gauges['processes'] = processes
		for (const { thread, blocked } of this.loops) Object.assign(counters, { [`blocked ${thread}`]: blocked })
		const columns = this.columns('route')
		for (const [label, kind] of this.#kinds) {
			if (kind !== 'route') continue
			for (const [key, cells] of this.tables.get(label)?.cells ?? []) {
				for (const name of ['queueDelayMs', 'baselineMs']) {
					gauges[name] = Math.max(gauges[name] ?? 0, Number(cells[indexOf(columns, name)] ?? 0))
				}
				const fields = columns.map(({ name, type }, index) => /** @type {T.Field} */ ([name, type, cells[index]]))
				this.sample(kind, key, fields)
			}
		}
		this.history.add(this.at, gauges, counters)
	}
}
