// Elements. Text from the server becomes text nodes and attributes, never markup.
/** @import * as T from './types.d.ts' */

/** @type {T.Attr} */
export function attr(element, name, value) {
	const text = value === true ? (name.startsWith('aria') ? 'true' : '') : String(value)
	if (value === false || value === undefined) element.removeAttribute(name)
	else if (element.getAttribute(name) !== text) element.setAttribute(name, text)
}

/** @param {Element} element @param {string} text */
export function setText(element, text) {
	if (element.textContent !== text) element.textContent = text
}

/** @type {T.Fill} */
function fill(element, classes, parts) {
	if (classes.length) attr(element, 'class', classes.join(' '))
	for (const part of parts) {
		if (part instanceof Node || typeof part === 'string') element.append(part)
		else
			for (const [name, value] of Object.entries(part ?? {})) {
				if (typeof value === 'function') element.addEventListener(name, /** @type {EventListener} */ (value))
				else attr(element, name, value)
			}
	}
	return element
}

/** @param {(name: string) => Element} create */
const maker =
	(create) =>
	(/** @type {string} */ tag, /** @type {T.Part[]} */ ...parts) => {
		const [name = '', ...classes] = tag.split('.')
		return fill(create(name), classes, parts)
	}
export const h = /** @type {T.MakeHtml} */ (maker((name) => document.createElement(name)))
export const svg = /** @type {T.MakeSvg} */ (
	maker((name) => document.createElementNS('http://www.w3.org/2000/svg', name))
)

/** @type {T.Button} */
export const button = (label, click, attributes) => h('button', { type: 'button', click }, label, attributes)

/** @type {T.SearchField} */
export const searchField = (label, input) =>
	h('input', { type: 'search', placeholder: 'Filter', maxlength: 200, 'aria-label': label, input })

/** @type {WeakMap<Element, Map<string, T.Item>>} */
const kept = new WeakMap()

/** Makes children of keys, in this order. Those of keys that stay are kept, with the focus. @type {T.Keyed} */
export function keyed(parent, keys, make) {
	const before = kept.get(parent) ?? new Map()
	const now = new Map([...keys].map((key) => [key, before.get(key) ?? make(key)]))
	kept.set(parent, now)
	const focused = parent.contains(document.activeElement) ? document.activeElement : undefined
	for (const [key, [element]] of before) if (!now.has(key)) element.remove()
	let place = parent.firstChild
	for (const [element, update] of now.values()) {
		update?.()
		if (element === place) place = element.nextSibling
		else parent.insertBefore(element, place)
	}
	const target = focused?.isConnected ? focused : focused && parent.querySelector('a, li')
	if (target instanceof HTMLElement) target.focus({ preventScroll: true })
}

/** Lets arrow keys move among items. The returned function keeps one of them in the order of Tab. @type {T.ArrowKeys} */
export function arrowKeys(parent, selector) {
	const items = () => /** @type {HTMLElement[]} */ ([...parent.querySelectorAll(selector)])
	parent.addEventListener('keydown', (event) => {
		const all = items()
		const index = all.findIndex((item) => item === document.activeElement)
		const end = all.length
		const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -end, End: end }[event.key]
		if (index === -1 || !step) return
		event.preventDefault()
		all[Math.max(0, Math.min(index + step, end - 1))]?.focus()
	})
	parent.addEventListener('focusin', ({ target }) => {
		const all = items()
		if (all.some((item) => item === target)) for (const item of all) item.tabIndex = item === target ? 0 : -1
	})
	return () => {
		const all = items()
		if (all[0] && !all.some((item) => item.tabIndex === 0)) all[0].tabIndex = 0
	}
}
