// The first view: figures, charts, loops and the newest events; and the log of all events.
import { chart } from './chart-view.js'
import { attr, h, keyed, searchField, setText } from './dom.js'
import { bytes, cell, duration, short, wall } from './format.js'
/** @import * as T from './types.d.ts' */

/** @type {T.OverviewChart[]} */
const CHARTS = [
	['Messages per second', short, { messages: 'messages' }],
	['Requests per second', short, { admitted: 'admitted', shed: 'shed' }],
	['Delay and latency of the worst route', duration, { queueDelayMs: 'queue delay', baselineMs: 'normal latency' }],
	['Blocked time per second', duration],
	['Memory', bytes, { rss: 'resident', heapTotal: 'heap', heapUsed: 'heap in use' }],
	['Processes', short, { processes: 'processes' }],
]

/** @param {T.Context} context @returns {T.View} */
export function overview(context) {
	const { model } = context
	const blocked = () => Object.fromEntries(model.loops.map(({ thread }) => [`blocked ${thread}`, thread]))
	const charts = CHARTS.map(([title, format, labels]) => {
		const lines = () => Object.entries(labels ?? blocked()).map(([name, label]) => ({ name, label }))
		return chart(title, format, () => model.history, lines)
	})
	const tiles = h('dl.tiles')
	const latest = eventList(context, () => model.events.slice(0, 8))
	/** @type {Record<string, string>} */
	let figures = {}

	function render() {
		const { totals, memory, history } = model
		const rate = (name = '') => `${short(history.last(name) ?? 0)}/s`
		figures = {
			processes: cell('count', totals['processes']),
			messages: rate('messages'),
			admitted: rate('admitted'),
			shed: rate('shed'),
			restarts: cell('count', totals['restarts']),
			crashes: cell('count', totals['crashes']),
			memory: cell('bytes', memory['rss']),
		}
		keyed(tiles, Object.keys(figures), (name) => {
			const value = h('dd')
			return [h('div.card', h('dt', name), value), () => setText(value, figures[name] ?? '')]
		})
		for (const each of charts) each.render()
		latest.render()
	}

	const newest = h('div.card', h('h3', 'Newest events'), latest.element)
	const element = h('section', tiles, h('div.cards', ...charts.map((each) => each.element), newest))
	return { title: 'overview', element, render }
}

/** @param {T.Context} context @param {() => readonly T.ObservedEvent[]} events */
function eventList({ model, link }, events) {
	const list = h('ol.lines')
	const empty = h('p.empty', 'Nothing yet.')
	function render() {
		const byId = new Map(events().map((event) => [`${event.seq}@${event.at}`, event]))
		keyed(list, byId.keys(), (id) => {
			const { at = 0, event = '', kind = '', key = '', name = '', text = '' } = byId.get(id) ?? {}
			const subject = h(model.columns(kind).length ? 'a' : 'span', name || key)
			const parts = [h('time', wall(at, model.at)), h('b', event), subject, h('code', text)]
			return [h('li', { 'data-event': event }, ...parts), () => attr(subject, 'href', link(kind, key))]
		})
		empty.hidden = byId.size > 0
	}
	return { element: h('div', list, empty), render }
}

/** @param {T.Context} context @returns {T.View} */
export function eventLog(context) {
	const { model } = context
	const search = searchField('Filter events', () => list.render())
	const crashes = h('input', { type: 'checkbox', change: () => list.render() })
	const list = eventList(context, () => {
		const wanted = search.value.toLowerCase()
		const all = crashes.checked ? model.crashes : model.events
		return all.filter(({ event, name, text }) => `${event} ${name} ${text}`.toLowerCase().includes(wanted))
	})
	const bar = h('div.bar', search, h('label', crashes, ' Crashes only'))
	return { title: 'events', element: h('section', bar, list.element), render: list.render, search }
}
