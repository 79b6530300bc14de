// The tail of a journal, paged from its end.
import { get } from './connection.js'
import { button, h, keyed, setText } from './dom.js'
import { cell, wall } from './format.js'
/** @import * as T from './types.d.ts' */

const PAGE = 50

/** @param {T.Context} context @param {string} key */
export function journalTail({ model, say }, key) {
	/** `null` for the newest. @type {number | null} */
	let before = null
	let oldest = 0
	const count = h('p.count', { role: 'status' })
	const list = h('ol.lines', { tabindex: 0, 'aria-label': 'Entries, the newest first' })
	const [older, newest] = [button('Older', () => go(oldest)), button('Newest', () => go(null))]

	/** @param {number | null} place */
	function go(place) {
		before = place
		load().catch((error) => say(error.message))
	}

	async function load() {
		const asked = before
		const page = /** @type {T.JournalPage} */ (await get('/journal', { key, before, limit: PAGE }))
		if (asked !== before) return
		const { first, next, entries } = page
		const bySeq = new Map(entries.map((entry) => [String(entry.seq), entry]))
		keyed(list, bySeq.keys(), (seq) => {
			const { at = 0, text = '' } = bySeq.get(seq) ?? {}
			return [h('li', h('b', `#${seq}`), h('time', wall(at, model.at)), h('code', text))]
		})
		oldest = entries.at(-1)?.seq ?? first
		const [from, to, start, end] = [oldest, entries[0]?.seq, first, next - 1].map((each) => cell('count', each))
		setText(count, entries.length ? `${from}–${to} of ${start}–${end}` : 'It is empty.')
		older.disabled = oldest <= first
		newest.disabled = before === null
	}

	return {
		element: h('section', h('h3', 'Entries'), h('div.bar', count, older, newest), list),
		/** Asks again, unless an older page is shown. */
		follow: async () => {
			if (before === null) await load()
		},
	}
}
