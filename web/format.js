// Numbers as text. Pure.

const fixed = (value = 0, digits = 0) => value.toLocaleString('en', { maximumFractionDigits: digits })

/** 9.5, 950, 1.2k, 34M. */
export function short(value = 0) {
	const size = Math.abs(value)
	const power = size < 1e3 ? 1 : size < 1e6 ? 1e3 : size < 1e9 ? 1e6 : 1e9
	const digits = size < 10 ? 2 : size / power < 100 ? 1 : 0
	return fixed(value / power, digits) + { 1: '', 1e3: 'k', 1e6: 'M', 1e9: 'G' }[power]
}

export const bytes = (value = 0) => `${short(value).replace(/[kMG]?$/, ' $&')}B`

export function duration(ms = 0) {
	if (ms < 1000) return `${fixed(ms, ms < 10 ? 2 : ms < 100 ? 1 : 0)} ms`
	if (ms < 60_000) return `${fixed(ms / 1000, 1)} s`
	const [seconds, minutes, hours, days] = [1e3, 6e4, 36e5, 864e5].map((unit) => Math.floor(ms / unit))
	if (!hours) return `${minutes} min ${Number(seconds) % 60} s`
	return days ? `${days} d ${hours % 24} h` : `${hours} h ${Number(minutes) % 60} min`
}

/** Returns the local time, with the date if it is not that of `now`. */
export function wall(at = 0, now = at) {
	const [date, time = ''] = new Date(at - new Date(at).getTimezoneOffset() * 6e4).toISOString().split(/[T.]/)
	return new Date(now).toDateString() === new Date(at).toDateString() ? time : `${date} ${time}`
}

/** @param {unknown} value @param {number} [now] */
export function cell(type = '', value, now) {
	if (value === null || value === undefined || value === '') return '–'
	if (typeof value === 'boolean') return value ? 'yes' : 'no'
	if (typeof value !== 'number') return String(value)
	if (type === 'ms') return duration(value)
	if (type === 'bytes') return bytes(value)
	if (type === 'wall') return value ? wall(value, now) : '–'
	return fixed(value, type === 'count' ? 0 : 2)
}

/** `inFlight` is `in flight`. */
export const words = (name = '') =>
	name.replace(/([a-z])([A-Z])/g, (_, before, after) => `${before} ${after.toLowerCase()}`).replace(/ ms$/, '')

/** @type {Record<string, string>} */
const PLURALS = { process: 'processes', policy: 'policies', bus: 'buses' }

export const plural = (kind = '') => PLURALS[kind] ?? `${kind}s`
