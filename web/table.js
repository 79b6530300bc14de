// A table of one kind, which the server sorts, filters and pages.
import { arrowKeys, attr, button, h, keyed, searchField, setText } from './dom.js'
import { cell, plural, words } from './format.js'
import { Rows } from './model.js'
/** @import * as T from './types.d.ts' */

const PAGE = 50
const ALARM = /^(?:open|crashed|failed|stopping|circuit_breaker)/i

/** @param {T.Context} context @param {string} kind @returns {T.View} */
export function tableView({ model, rewatch, link, isSelected }, kind) {
	const many = plural(kind)
	const all = model.columns(kind).map(({ name, type }, index) => ({ name, type, index, isText: type === 'text' }))
	// The name stands first. The key of the parent is left to the details.
	const columns = [...new Set([all.find(({ name }) => name === 'name'), ...all])].flatMap((column) =>
		!column || column.name === 'parent' ? [] : [column],
	)
	let query = { by: '', desc: true, offset: 0, filter: '' }
	let serial = 0
	let rows = new Rows()
	let typing = 0

	/** A label for each query: pages of the one before may still arrive. */
	const label = () => `${kind}${serial}`
	/** @param {Partial<typeof query>} change */
	function ask(change) {
		query = { ...query, offset: 0, ...change }
		serial++
		rewatch()
		render()
	}

	const search = searchField(`Filter ${many}`, () => {
		clearTimeout(typing)
		typing = setTimeout(() => ask({ filter: search.value }), 200)
	})
	const count = h('p.count', { role: 'status' })
	const page = (sign = '', title = '', step = 0) =>
		button(sign, () => ask({ offset: Math.max(0, query.offset + step) }), { 'aria-label': title })
	const [previous, next] = [page('‹', 'Previous page', -PAGE), page('›', 'Next page', PAGE)]

	const heads = columns.map(({ name: by, isText }) => {
		const sort = () => {
			if (query.by !== by) ask({ by, desc: !isText })
			else ask(query.desc === isText ? { by: '' } : { desc: isText })
		}
		return h('th', { scope: 'col', class: !isText && 'number' }, button(words(by), sort))
	})
	const body = h('tbody')
	const table = h('table', h('thead', h('tr', ...heads)), body)
	const empty = h('p.empty')
	const keepTabStop = arrowKeys(body, 'a')

	/** @param {string} key @returns {T.Item} */
	function row(key) {
		const name = h('a', { tabindex: -1 })
		const cells = columns.map(({ isText }, place) =>
			place ? h(isText ? 'td' : 'td.number') : h('th', { scope: 'row' }, name),
		)
		const element = h('tr', ...cells)
		const update = () => {
			attr(element, 'aria-current', isSelected(kind, key))
			attr(name, 'href', link(kind, key))
			for (const [place, { type, index, isText }] of columns.entries()) {
				const target = place ? cells[place] : name
				if (!target) continue
				const text = cell(type, rows.cells.get(key)?.[index], model.at)
				setText(target, text)
				if (isText) attr(target, 'data-alarm', ALARM.test(text))
			}
		}
		return [element, update]
	}

	function render() {
		const fresh = model.tables.get(label())
		rows = fresh ?? rows
		const { order, offset, matching, total } = rows
		const last = offset + order.length
		// The last page may have ended in the meantime.
		if (fresh && !order.length && query.offset > 0)
			return ask({ offset: Math.max(0, Math.ceil(matching / PAGE) - 1) * PAGE })
		attr(table, 'aria-busy', !fresh)
		for (const [place, head] of heads.entries()) {
			attr(head, 'aria-sort', columns[place]?.name === query.by && (query.desc ? 'descending' : 'ascending'))
		}
		keyed(body, order, row)
		keepTabStop()
		const [from, to, found, of] = [offset + Math.min(1, order.length), last, matching, total].map((each) =>
			cell('count', each),
		)
		setText(count, `${from}–${to} of ${found}${found === of ? '' : ` (${of} in all)`}`)
		previous.disabled = query.offset === 0
		next.disabled = last >= matching
		empty.hidden = !fresh || order.length > 0
		setText(empty, query.filter ? `Nothing matches “${query.filter}”.` : `There are no ${many}.`)
	}

	const scroll = h('div.scroll', { role: 'region', 'aria-label': many, tabindex: 0 }, table)
	return {
		title: many,
		element: h('section', h('div.bar', search, count, previous, next), scroll, empty),
		tables: () => {
			const { by, desc, offset, filter } = query
			return [{ table: label(), kind, offset, limit: PAGE, ...(by && { by, desc }), ...(filter && { filter }) }]
		},
		render,
		search,
	}
}
