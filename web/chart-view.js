// A chart of the last five minutes. The pointer or the arrow keys read earlier values.
import { areaPath, largest, linePath, nearest, place, stack, ticks } from './charts.js'
import { attr, h, keyed, setText, svg } from './dom.js'
import { wall } from './format.js'
/** @import * as T from './types.d.ts' */

const [LEFT, RIGHT, TOP, BOTTOM, HEIGHT] = [46, 8, 8, 18, 150]
const SPAN_MS = 300_000

/** @type {T.MakeChart} */
export function chart(title, format, history, lines, marks = {}) {
	const legend = h('ul.legend')
	const plot = svg('svg.plot', { role: 'img', tabindex: 0 })
	const element = h('figure.card', h('h3', title), legend, plot)
	/** The sample that is read; -1 for the newest. */
	let read = -1
	/** @type {string[]} */
	let texts = []

	const go = (index = -1) => {
		read = index
		render()
	}
	plot.addEventListener('pointermove', ({ clientX }) => {
		const { left, width } = plot.getBoundingClientRect()
		const { times } = history()
		const share = (clientX - left - LEFT) / (width - LEFT - RIGHT)
		go(nearest(times, (times.at(-1) ?? 0) - SPAN_MS * (1 - share)))
	})
	for (const name of ['pointerleave', 'blur']) plot.addEventListener(name, () => go())
	plot.addEventListener('keydown', (event) => {
		const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
		const last = history().times.length - 1
		if (!step || last < 0) return
		event.preventDefault()
		go(Math.max(0, Math.min((read === -1 ? last : read) + step, last)))
	})

	function render() {
		const full = plot.clientWidth
		if (full === 0) return
		const [width, height] = [full - LEFT - RIGHT, HEIGHT - TOP - BOTTOM]
		const { times, lines: all } = history()
		const shown = lines()
		const valuesOf = (/** @type {T.ChartLine} */ { name }) => all[name] ?? []
		const layers = shown.filter(({ isArea }) => isArea)
		const sums = stack(layers.map(valuesOf))
		const scale = ticks(largest([...sums, ...shown.map(valuesOf)]))
		const to = times.at(-1) ?? 0
		const frame = { from: to - SPAN_MS, to, top: scale.at(-1) ?? 1, width, height }
		const across = (kind = '', value = 0, label = '', x = 0, dy = 0) => {
			const y = place(frame, to, value)[1]
			return svg(`g.${kind}`, svg('path', { d: `M0 ${y}h${width}` }), svg('text', { x, y: y + dy }, label))
		}
		const drawn = shown.map((line, index) => {
			const layer = layers.indexOf(line)
			const d = line.isArea
				? areaPath(frame, times, sums[layer - 1] ?? [], sums[layer] ?? [])
				: linePath(frame, times, valuesOf(line))
			return svg(`path.${line.isArea ? 'area' : 'line'}.tone${index}`, { d })
		})
		const at = read === -1 ? times.length - 1 : Math.min(read, times.length - 1)
		const x = place(frame, times[at] ?? 0, 0)[0]
		attr(plot, 'viewBox', `0 0 ${full} ${HEIGHT}`)
		plot.replaceChildren(
			svg(
				'g',
				{ transform: `translate(${LEFT} ${TOP})` },
				...scale.map((value) => across('grid', value, format(value), -6, 4)),
				...drawn.toReversed(),
				...Object.entries(marks).map(([label, value]) => value > frame.top || across('mark', value, label, 4, -3)),
				...[4, 3, 2, 1, 0].map((ago) =>
					svg('text', { x: width * (1 - ago / 5), y: height + 14 }, ago ? `−${ago} min` : 'now'),
				),
				read !== -1 && svg('path.cursor', { d: `M${x} 0v${height}` }),
			),
		)
		texts = shown.map((line) => {
			const value = valuesOf(line)[at]
			return `${line.label} ${typeof value === 'number' ? format(value) : '–'}`
		})
		const names = shown.map(({ name }) => name)
		keyed(legend, names, (name) => {
			const item = h('li')
			const update = () => {
				const index = lines().findIndex((line) => line.name === name)
				attr(item, 'class', `tone${index}`)
				setText(item, texts[index] ?? '')
			}
			return [item, update]
		})
		attr(legend, 'data-at', read !== -1 && wall(times[at] ?? 0))
		attr(plot, 'aria-label', `${title}, last five minutes: ${texts.join(', ')}`)
	}

	return { element, render }
}
