// The page: navigation, the view and the details that the address names, the header, themes and keys.
import { Connection } from './connection.js'
import { detailsOf } from './details.js'
import { attr, button, h, keyed, setText } from './dom.js'
import { cell, duration } from './format.js'
import { Model } from './model.js'
import { eventLog, overview } from './overview.js'
import { tableView } from './table.js'
import { treeView } from './tree.js'
/** @import * as T from './types.d.ts' */

const REFRESH_MS = 500
/** Always watched, so that charts begin with the page. */
const ROUTES = { table: 'routes', kind: 'route', by: 'R', desc: true, offset: 0, limit: 50 }
const THEMES = ['light dark', 'dark', 'light']
const KEYS = {
	'1 to 9': 'open a view',
	'/': 'go to the filter',
	'Enter, Escape': 'open and close details',
	'up, down, Page, Home, End': 'move in tables and trees',
	'left, right': 'close and open branches, read earlier values of a chart',
}

const find = (id = '') => /** @type {HTMLElement} */ (document.getElementById(id))
const [nav, main, retry] = [find('nav'), find('main'), find('retry')]
const help = /** @type {HTMLDialogElement} */ (find('help'))

const model = new Model()
const connection = new Connection()
connection.onState = drawHeader
connection.onFrame = (frame) => {
	model.apply(frame)
	if (frame.type === 'hello') begin()
	draw()
}

const addressOf = (/** @type {string[]} */ ...names) => `#${names.map(encodeURIComponent).join('/')}`

/** @type {T.Context} */
const context = {
	model,
	rewatch,
	link: (kind, key) => addressOf(viewName, kind, key),
	isSelected: (kind, key) => selected === addressOf(kind, key),
	say: (text) => setText(find('said'), text),
	close: () => location.assign(addressOf(viewName)),
	reveal: (path, key) => {
		location.hash = addressOf('tree', 'process', key)
		tree.reveal(path, key)
	},
}
const tree = treeView(context)
/** @type {Map<string, T.View>} */
let views = new Map()
let viewName = ''
let selected = ''
let knownKinds = ''
/** @type {ReturnType<typeof detailsOf> | undefined} */
let details
/** @type {Element | null} */
let opener
/** @type {(() => void) | undefined} */
let end

function begin() {
	const kinds = Object.keys(model.hello?.kinds ?? {})
	if (knownKinds === String(kinds)) return
	knownKinds = String(kinds)
	const order = new Set(['process', 'route', 'journal', ...kinds].filter((kind) => kinds.includes(kind)))
	views = new Map([
		['overview', overview(context)],
		['tree', tree],
	])
	for (const kind of order) views.set(kind, tableView(context, kind))
	views.set('events', eventLog(context))
	nav.replaceChildren(...[...views].map(([name, { title }]) => h('a', { href: addressOf(name) }, title)))
	viewName = ''
	go()
}

function go() {
	// Whatever stands in the address, this does not throw.
	const [name = '', kind = '', key = ''] = location.hash
		.slice(1)
		.split('/')
		.map((part) => new URLSearchParams(`=${part}`).get('') ?? '')
	const wanted = views.has(name) ? name : 'overview'
	const view = views.get(wanted)
	if (!view) return
	if (wanted !== viewName) {
		viewName = wanted
		end?.()
		main.replaceChildren(h('h2', view.title), view.element)
		for (const each of nav.children) attr(each, 'aria-current', each.getAttribute('href') === addressOf(wanted))
		const at = nav.querySelector('[aria-current]')?.getBoundingClientRect()
		if (at) nav.scrollLeft += at.left - 9
		rewatch()
		end = view.begin?.()
	}
	if (selected !== addressOf(kind, key)) {
		if (!details) opener = document.activeElement
		details?.end()
		details?.element.remove()
		details = key && model.columns(kind).length ? detailsOf(context, kind, key) : undefined
		selected = details ? addressOf(kind, key) : ''
		if (details) {
			main.after(details.element)
			details.begin()
		} else if (opener instanceof HTMLElement) opener.focus()
	}
	attr(document.body, 'data-details', !!details)
	document.title = `${view.title} · ${model.hello?.title}`
	draw()
}

function rewatch() {
	const tables = [...(views.get(viewName)?.tables?.() ?? []), ...(model.columns('route').length ? [ROUTES] : [])]
	model.watch(new Map(tables.map(({ table, kind }) => [table, kind])))
	connection.watch({ type: 'watch', refreshMs: REFRESH_MS, tables })
}

let isDue = false
function draw() {
	if (isDue) return
	isDue = true
	requestAnimationFrame(() => {
		isDue = false
		drawHeader()
		views.get(viewName)?.render()
		details?.render()
	})
}

function drawHeader() {
	const { hello, at, dropped, loops } = model
	const { state, reason } = connection
	const isLost = reason !== ''
	attr(document.body, 'data-state', state)
	setText(find('state'), isLost ? `${state}: ${reason}` : state)
	retry.hidden = !isLost
	setText(find('title'), hello?.title ?? 'keelson')
	const up = hello && duration(Math.max(0, at - hello.startedAt))
	setText(find('facts'), hello ? `pid ${hello.pid} · up ${up} · Node ${hello.node} · keelson ${hello.package}` : '')
	setText(find('dropped'), dropped ? `${cell('count', dropped)} events dropped` : '')
	const stalled = loops.filter((loop) => loop.stalled && !isLost).map(({ thread }) => thread)
	keyed(find('stalls'), stalled, (thread) => {
		const [what, time, show] = [h('span', { role: 'alert' }), h('b'), h('a', 'Show it')]
		const update = () => {
			const stall = model.loops.find((loop) => loop.thread === thread)?.stalled
			if (!stall) return
			const { name, key, message, handler, forMs } = stall
			const who =
				name || key ? `${name || key} handles ${message || 'a message'} in ${handler}` : 'no process, other code runs'
			setText(what, `The loop of ${thread} is blocked: ${who}.`)
			setText(time, duration(forMs))
			show.hidden = !key
			attr(show, 'href', context.link('process', key ?? ''))
		}
		return [h('p', what, ' ', time, ' ', show), update]
	})
}

let theme = Number(localStorage.getItem('keelson-theme')) || 0
function useTheme(by = 1) {
	theme = (theme + by) % THEMES.length
	const scheme = THEMES[theme] ?? ''
	document.documentElement.style.colorScheme = scheme
	localStorage.setItem('keelson-theme', String(theme))
	setText(find('theme'), `Theme: ${scheme.includes(' ') ? 'system' : scheme}`)
}

const keys = Object.entries(KEYS).map(([key, text]) => h('div', h('dt', key), h('dd', text)))
help.append(
	h('h2', 'Keys'),
	h('dl.fields', ...keys),
	button('Close', () => help.close()),
)

document.addEventListener('keydown', (event) => {
	const { key, target, ctrlKey, metaKey, altKey } = event
	if (ctrlKey || metaKey || altKey || document.querySelector('dialog[open]')) return
	if (key === 'Escape' && details) return context.close()
	if (target instanceof HTMLInputElement && target.type === 'search') return
	if (Number(key) > 0) /** @type {HTMLElement | undefined} */ (nav.children[Number(key) - 1])?.click()
	if (key === '?') help.showModal()
	const search = views.get(viewName)?.search
	if (key !== '/' || !search) return
	event.preventDefault()
	search.focus()
})
retry.addEventListener('click', () => connection.open())
find('theme').addEventListener('click', () => useTheme())
find('keys').addEventListener('click', () => help.showModal())
addEventListener('hashchange', go)
addEventListener('resize', draw)
useTheme(0)
connection.open()
