// Numbers as the text of SVG paths. Pure.
/** @import * as T from './types.d.ts' */

/** Returns round numbers from 0 to one that is at least `max`. */
export function ticks(max = 1, count = 3) {
	const top = max > 1e-9 && max < 1e300 ? max : 1
	const power = 10 ** Math.floor(Math.log10(top / count))
	const step = ([1, 2, 5].find((times) => times * power >= (top / count) * (1 - 1e-9)) ?? 10) * power
	return Array.from({ length: Math.ceil(top / step - 1e-9) + 1 }, (_, index) => index * step)
}

/** @param {T.Values[]} lines */
export const largest = (lines) => Math.max(0, ...lines.flat().map((value) => value ?? 0))

/** @type {T.Place} */
export function place({ from, to, top, width, height }, at, value) {
	const x = to > from ? ((at - from) / (to - from)) * width : width
	const y = height - (Math.min(Math.max(value, 0), top) / top) * height
	return [Math.round(x * 10) / 10, Math.round(y * 10) / 10]
}

/** @type {T.Stretches} */
function stretches({ from }, times, line) {
	/** @type {number[][]} */
	const found = []
	let isOpen = false
	for (const [index, at] of times.entries()) {
		const isKnown = Number.isFinite(line[index]) && at >= from
		if (isKnown && !isOpen) found.push([])
		if (isKnown) found.at(-1)?.push(index)
		isOpen = isKnown
	}
	return found
}

/** @type {T.Points} */
const points = (plot, times, line, indices) =>
	indices.map((index) => place(plot, times[index] ?? 0, line[index] ?? 0).join(' ')).join('L')

/** Unknown values are gaps, and a value alone is a short dash. @type {T.LinePath} */
export const linePath = (plot, times, line) =>
	stretches(plot, times, line)
		.map((all) => `M${points(plot, times, line, all)}${all.length === 1 ? 'h1' : ''}`)
		.join('')

/** @type {T.AreaPath} */
export const areaPath = (plot, times, lower, upper) =>
	stretches(plot, times, upper)
		.map((all) => `M${points(plot, times, upper, all)}L${points(plot, times, lower, all.toReversed())}Z`)
		.join('')

/** Returns the upper bounds of layers. @param {T.Values[]} lines */
export function stack(lines) {
	/** @type {T.Values[]} */
	const sums = []
	for (const line of lines) {
		const below = sums.at(-1) ?? []
		sums.push(line.map((value, index) => (typeof value === 'number' ? value + (below[index] ?? 0) : below[index])))
	}
	return sums
}

/** @param {number[]} times */
export function nearest(times, at = 0) {
	const gaps = times.map((time) => Math.abs(time - at))
	return gaps.indexOf(Math.min(...gaps))
}
