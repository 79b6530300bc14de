// The details of one thing, and what may be done to it.
import { chart } from './chart-view.js'
import { act, get } from './connection.js'
import { button, h, keyed, setText } from './dom.js'
import { cell, duration, short, wall, words } from './format.js'
import { journalTail } from './journal.js'
/** @import * as T from './types.d.ts' */

const REFRESH_MS = 1000
/** A plus marks layers of a stack. @type {Record<string, Record<string, string>>} */
const CHARTS = {
	process: { 'Messages per second': 'messages', 'Waiting messages': 'mailbox' },
	route: {
		'Resistance in ohm, and its terms': 'R base+ pressure+ momentum+ scar+',
		'Requests and their limit': 'limit inFlight queued',
		'Outcomes per second': 'succeeded failed timedOut shed',
		'Queue delay and normal latency': 'queueDelayMs baselineMs',
	},
}
/** A resistance that is not below the voltage of a priority sheds it. */
const MARKS = { 'sheds critical': 100, 'sheds high': 80, 'sheds normal': 60, 'sheds low': 40, 'sheds background': 25 }
/** @type {Record<string, string>} */
const ACTIONS = {
	restart: 'Its supervisor starts it again. Its mailbox and its state are lost.',
	stop: 'It ends, and is not started again.',
	kill: 'It ends at once. A supervisor may start it again.',
}

/** @param {T.Context} context @param {string} kind @param {string} key */
export function detailsOf(context, kind, key) {
	const { model, link, reveal, close, say } = context
	/** @type {T.Detail | undefined} */
	let detail
	let problem = ''
	let wantsState = false
	let timer = 0
	/** Links keep the focus while this stays. */
	let drawn = ''
	/** @type {Map<string, string>} */
	let texts = new Map()

	const heading = h('h2', { tabindex: -1 })
	const status = h('p.gone', { role: 'status' })
	const place = h('nav.path', { 'aria-label': 'Path to the root' })
	const [fields, related, crashes] = [h('dl.fields'), h('div'), h('div')]
	const counters = () => {
		const names = model.columns(kind).flatMap(({ name, type }) => (type === 'count' ? [name] : []))
		return names.length ? { 'Per second': names.slice(0, 5).join(' ') } : {}
	}
	const history = () => model.historyOf(kind, key)
	const charts = Object.entries(CHARTS[kind] ?? counters()).map(([title, names]) => {
		const lines = names.split(' ').map((each) => {
			const name = each.replace('+', '')
			return { name, label: words(name), isArea: each !== name }
		})
		const format = names.includes('Ms') ? duration : short
		return chart(title, format, history, () => lines, names.startsWith('R ') ? MARKS : {})
	})
	const tail = kind === 'journal' ? journalTail(context, key) : undefined
	const isProcess = kind === 'process'
	const actions = isProcess && model.hello?.actions ? Object.keys(ACTIONS) : []
	const buttons = actions.map((action) => button(action, () => confirm(action)))
	const showState = button('Show state', () => {
		wantsState = true
		void load()
	})
	const state = h('pre', { hidden: true, tabindex: 0, 'aria-label': 'State' })
	const header = h('header.bar', heading, button('×', close, { 'aria-label': 'Close details' }))
	const all = [header, status, place, h('div.bar', ...buttons, isProcess && showState), state, crashes]
	const element = h(
		'aside.details',
		{ 'aria-label': 'Details' },
		...all,
		...charts.map((each) => each.element),
		tail?.element,
		fields,
		related,
	)

	const name = () => model.nameOf(key)
	const linkTo = (to = '') => h('a', { href: link('process', to) }, model.nameOf(to))

	function confirm(action = '') {
		const dialog = h('dialog', { 'aria-labelledby': 'question', close: () => dialog.remove() })
		const sure = () => {
			dialog.close()
			const said = (text = '') => say(`${action} ${name()}: ${text}`)
			act(action, key).then(
				() => said('done'),
				(error) => said(error.message),
			)
		}
		const no = button('Cancel', () => dialog.close(), { autofocus: true })
		const choice = h('div.bar', no, button(action, sure, { class: 'danger' }))
		dialog.append(h('h2', { id: 'question' }, `${action} ${name()}?`), h('p', ACTIONS[action] ?? ''), choice)
		document.body.append(dialog)
		dialog.showModal()
	}

	function render() {
		const isGone = detail?.found === false
		setText(heading, name())
		setText(status, isGone ? 'Gone: there is no such thing now.' : problem)
		for (const each of [...buttons, showState]) each.disabled = isGone
		for (const each of charts) each.render()
		if (!detail) return
		texts = new Map(detail.fields?.map(([field, type, value]) => [field, cell(type, value, model.at)]))
		keyed(fields, texts.keys(), (field) => {
			const value = h('dd')
			return [h('div', h('dt', words(field)), value), () => setText(value, texts.get(field) ?? '')]
		})
		const { path = [], links = [], monitors = [], children = 0, crashes: found = [] } = detail
		const above = path.filter((step) => step !== key)
		const names = [...above, key, ...links, ...monitors].map((each) => model.nameOf(each))
		const now = JSON.stringify([detail.state, names, children, found])
		if (now === drawn) return
		drawn = now
		const inTree = button(`Show in tree${children ? ` (${children} below)` : ''}`, () => reveal(above, key))
		if (isProcess) place.replaceChildren(...above.flatMap((step) => [linkTo(step), ' › ']), name(), ' ', inTree)
		related.replaceChildren(
			...Object.entries({ Links: links, Monitors: monitors }).flatMap(([title, keys]) =>
				keys.length ? [h('h3', title), h('ul', ...keys.map((to) => h('li', linkTo(to))))] : [],
			),
		)
		crashes.replaceChildren(
			...found.map(({ at, error, stack, message }, index) => {
				const summary = `${wall(at, model.at)} ${error}${message ? ` · while it handled ${message}` : ''}`
				const text = h('pre', { tabindex: 0, 'aria-label': 'Stack' }, stack ?? error)
				return h('details', { open: index === 0 }, h('summary', summary), text)
			}),
		)
		if (found.length) crashes.prepend(h('h3', 'Last crashes'))
		state.hidden = detail.state === undefined
		setText(state, JSON.stringify(detail.state, undefined, 2) ?? '')
	}

	async function load() {
		try {
			const frame = /** @type {T.Detail} */ (await get('/detail', { kind, key, state: wantsState ? 1 : null }))
			problem = frame.unanswered ?? (wantsState && frame.state === undefined ? 'The server does not show states.' : '')
			// When it is gone, what it was stays readable.
			detail = frame.found || !detail ? frame : { ...detail, found: false }
			if (frame.fields) model.learn(kind, [[key, frame.fields.map(([, , value]) => value)]])
			const isWatched = kind === 'route' && [...model.tables.values()].some(({ cells }) => cells.has(key))
			if (frame.found && !isWatched) model.sample(kind, key, frame.fields ?? [])
			await tail?.follow()
		} catch (error) {
			problem = /** @type {Error} */ (error).message
		}
		if (timer === -1) return
		render()
		clearTimeout(timer)
		timer = setTimeout(() => void load(), REFRESH_MS)
	}

	const begin = () => {
		heading.focus()
		void load()
	}
	const end = () => {
		clearTimeout(timer)
		timer = -1
	}
	return { element, render, begin, end }
}
