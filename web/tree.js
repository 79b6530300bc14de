// The tree of processes as a nested list. A branch is loaded when it opens, and again while it is open.
import { get } from './connection.js'
import { arrowKeys, attr, button, h, keyed, setText } from './dom.js'
import { cell } from './format.js'
import { indexOf } from './model.js'
/** @import * as T from './types.d.ts' */

const PAGE = 100
const LARGEST = 500
const REFRESH_MS = 2000
/** The branch that holds the roots. */
const TOP = ''

/** @returns {T.Branch} */
const branch = (parent = TOP, level = 1) => ({
	parent,
	level,
	cells: [],
	count: 0,
	children: [],
	wanted: PAGE,
	isOpen: !level,
})

/** @param {T.Context} context @returns {T.TreeView} */
export function treeView({ model, link, isSelected, say }) {
	const list = h('ul', { role: 'tree', 'aria-label': 'Processes' })
	const empty = h('p.empty', { hidden: true }, 'There are no processes.')
	const branches = new Map([[TOP, branch(TOP, 0)]])
	const branchOf = (key = '') => branches.get(key) ?? branch()

	async function load(key = '') {
		const loaded = branchOf(key)
		/** @type {Set<string>} */
		const children = new Set()
		for (let offset = 0; offset < loaded.wanted; offset += LARGEST) {
			const limit = Math.min(LARGEST, loaded.wanted - offset)
			const frame = /** @type {T.Tree} */ (await get('/tree', { key: key || null, offset, limit }))
			model.learn('process', frame.rows)
			loaded.count = frame.total
			for (const [child, cells, count] of frame.rows) {
				branches.set(child, Object.assign(branches.get(child) ?? branch(key, loaded.level + 1), { cells, count }))
				children.add(child)
			}
			if (frame.rows.length < limit) break
		}
		for (const child of loaded.children) if (!children.has(child)) branches.delete(child)
		loaded.children = [...children]
		render()
	}

	/** @param {string} key @param {Partial<T.Branch>} change */
	function open(key, change) {
		Object.assign(branchOf(key), change)
		render()
		if (branchOf(key).isOpen) load(key).catch((error) => say(error.message))
	}

	/** @param {string} key @returns {T.Item} */
	function moreOf(key) {
		const more = button('', () => open(key, { wanted: branchOf(key).wanted + PAGE }))
		const update = () => {
			const { isOpen, count, children } = branchOf(key)
			more.hidden = !isOpen || count <= children.length
			setText(more, `Show ${Math.min(PAGE, count - children.length)} more of ${cell('count', count)}`)
		}
		return [more, update]
	}

	/** @param {string} key @returns {T.Item} */
	function item(key) {
		const toggle = h('span.toggle', {
			'aria-hidden': true,
			click: () => open(key, { isOpen: !branchOf(key).isOpen }),
		})
		const [name, facts, group] = [h('a', { tabindex: -1 }), h('span.facts'), h('ul', { role: 'group' })]
		const [more, updateMore] = moreOf(key)
		const row = h('div.branch', toggle, name, facts)
		const element = h('li', { role: 'treeitem', tabindex: -1, 'data-key': key }, row, group, more)
		const update = () => {
			const { cells, count, level, isOpen, children } = branchOf(key)
			const columns = model.columns('process')
			const text = (column = '') => {
				const index = indexOf(columns, column)
				return cell(columns[index]?.type ?? '', cells[index], model.at)
			}
			const words = [text('kind'), text('status'), `mailbox ${text('mailbox')}`, `${text('messages')} messages`]
			if (text('restarts') !== '0') words.push(`${text('restarts')} restarts`)
			if (count) words.push(`${cell('count', count)} below`)
			setText(toggle, count ? (isOpen ? '▾' : '▸') : '')
			setText(name, text('name'))
			setText(facts, words.join(' · '))
			attr(name, 'href', link('process', key))
			attr(element, 'aria-label', `${text('name')}, ${words.join(', ')}`)
			attr(element, 'aria-level', level)
			attr(element, 'aria-expanded', count > 0 && String(isOpen))
			attr(element, 'aria-selected', isSelected('process', key))
			keyed(group, isOpen ? children : [], item)
			updateMore?.()
		}
		return [element, update]
	}

	const keepTabStop = arrowKeys(list, 'li')
	list.addEventListener('keydown', (event) => {
		const key = event.target instanceof HTMLLIElement ? event.target.dataset['key'] : undefined
		if (!key || !['ArrowRight', 'ArrowLeft', 'Enter'].includes(event.key)) return
		event.preventDefault()
		if (event.key === 'Enter') return location.assign(link('process', key))
		const { isOpen, count, children, parent } = branchOf(key)
		const isRight = event.key === 'ArrowRight'
		if (isOpen !== isRight && count > 0) open(key, { isOpen: isRight })
		else focusOn(isRight ? children[0] : parent)
	})

	function focusOn(key = '') {
		for (const each of list.querySelectorAll('li')) if (each.dataset['key'] === key) each.focus()
	}

	const [moreRoots, updateMoreRoots] = moreOf(TOP)
	function render() {
		keyed(list, branchOf(TOP).children, item)
		keepTabStop()
		updateMoreRoots?.()
	}

	function begin() {
		let timer = 0
		const refresh = async () => {
			for (const [key, { isOpen }] of branches) if (isOpen) await load(key).catch(() => {})
			empty.hidden = branchOf(TOP).children.length > 0
			if (timer !== -1) timer = setTimeout(() => void refresh(), REFRESH_MS)
		}
		void refresh()
		return () => {
			clearTimeout(timer)
			timer = -1
		}
	}

	return {
		title: 'tree',
		element: h('section', list, moreRoots, empty),
		render,
		begin,
		reveal: async (path, key) => {
			for (const step of [TOP, ...path, key]) {
				branchOf(step).isOpen = true
				if (branches.has(step)) await load(step).catch((error) => say(error.message))
			}
			focusOn(key)
		},
	}
}
