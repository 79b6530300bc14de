// Samples over time. Counters become rates here: the server sends only numbers that grow. Pure.
/** @import * as T from './types.d.ts' */

const MOST = 600

/** Lines that share their times. */
export class History {
	/** @type {number[]} */
	times = []
	/** @type {Record<string, (number | null)[]>} */
	lines = Object.create(null)
	/** @type {T.Sample} */
	#counters = {}

	/** Adds a later sample. The rate of a counter that is new or went back is unknown. @type {T.Add} */
	add = (at, gauges, counters = {}) => {
		const before = this.times.at(-1) ?? -Infinity
		if (!(at > before)) return
		/** @type {Map<string, number | null>} */
		const sample = new Map(Object.entries(gauges))
		for (const [name, value] of Object.entries(counters)) {
			const grown = value - (this.#counters[name] ?? NaN)
			sample.set(name, grown >= 0 ? (grown * 1000) / (at - before) : null)
		}
		this.#counters = counters
		this.#push(at, sample)
	}

	/** Marks an unknown time. */
	gap() {
		this.#counters = {}
		const last = this.times.at(-1)
		if (last !== undefined) this.#push(last + 1, new Map())
	}

	last = (name = '') => this.lines[name]?.at(-1)

	/** @param {number} at @param {Map<string, number | null>} sample */
	#push(at, sample) {
		for (const name of sample.keys()) this.lines[name] ??= this.times.map(() => null)
		this.times.push(at)
		const isFull = this.times.length > MOST
		if (isFull) this.times.shift()
		for (const [name, line] of Object.entries(this.lines)) {
			line.push(sample.get(name) ?? null)
			if (isFull) line.shift()
		}
	}
}
