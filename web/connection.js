// The stream of the server: opened, watched for silence, and opened again when it breaks.
/** @import * as T from './types.d.ts' */

const FIRST_MS = 500
const LONGEST_MS = 15_000
/** Each refresh brings an update: a stream that is silent for so long is broken. */
const SILENCE_MS = 15_000

export const delayOf = (failed = 0) => Math.min(LONGEST_MS, FIRST_MS * 2 ** failed)

/** @param {Response} response @returns {Promise<T.Frame>} */
async function read(response) {
	const frame = await response.json().catch(() => {})
	if (frame?.type === 'error') throw new Error(`${frame.message} (${frame.code})`)
	if (!response.ok || !frame) throw new Error(`The server answered ${response.status}.`)
	return frame
}

/** @type {T.Get} */
export async function get(path, query) {
	const known = Object.entries(query).flatMap(([name, value]) => (value === null ? [] : [[name, String(value)]]))
	return read(await fetch(`${path}?${new URLSearchParams(known)}`))
}

/** @type {T.Post} */
const post = (path, frame) =>
	fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(frame) })

/** @type {T.Act} */
export const act = async (action, key) => read(await post('/action', { type: 'action', id: 1, action, key }))

export class Connection {
	/** @type {'connecting' | 'live' | 'waiting' | 'refused'} */
	state = 'connecting'
	/** Why it is not live. */
	reason = ''
	#failed = 0
	/** @type {EventSource | undefined} */
	#source
	#session = ''
	/** @type {T.Watch} */
	#watch = { type: 'watch', refreshMs: 500, tables: [] }
	#sent = this.#watch
	#isSending = false
	#retry = 0
	#silence = 0
	/** @type {(frame: T.Frame) => void} */
	onFrame = () => {}
	onState = () => {}

	open() {
		this.#close()
		this.#sent = this.#watch
		this.#source = new EventSource(`/stream?watch=${encodeURIComponent(JSON.stringify(this.#watch))}`)
		this.#source.addEventListener('message', ({ data }) => this.#take(data))
		this.#source.addEventListener('error', () => void this.#break('the stream ended'))
		this.#heard()
		this.#become('connecting')
	}

	/** @param {T.Watch} watch */
	watch(watch) {
		this.#watch = watch
		void this.#send()
	}

	/** Sends one watch after the other: requests may overtake each other. */
	async #send() {
		const [session, watch] = [this.#session, this.#watch]
		if (this.#isSending || !session || this.#sent === watch) return
		this.#sent = watch
		this.#isSending = true
		const { ok } = await post(`/watch?session=${session}`, watch).catch(() => ({ ok: false }))
		this.#isSending = false
		if (!ok && session === this.#session) void this.#break('the server forgot this session')
		else void this.#send()
	}

	/** @param {string} data */
	#take(data) {
		this.#heard()
		/** @type {T.Frame} */
		let frame
		try {
			frame = JSON.parse(data)
		} catch {
			return void this.#break('the server sent no JSON')
		}
		if (frame.type === 'hello') {
			this.#session = frame.session ?? ''
			this.#become('live')
		}
		if (frame.type === 'update') this.#failed = 0
		this.onFrame(frame)
		if (frame.type === 'bye') void this.#break(`the server ended the stream: ${frame.reason}`)
		else void this.#send()
	}

	#heard() {
		clearTimeout(this.#silence)
		this.#silence = setTimeout(() => void this.#break('the server is silent'), SILENCE_MS)
	}

	#close() {
		clearTimeout(this.#retry)
		clearTimeout(this.#silence)
		this.#source?.close()
		this.#session = ''
	}

	/** @param {string} reason */
	async #break(reason) {
		this.#close()
		const delay = delayOf(this.#failed++)
		this.#retry = setTimeout(() => this.open(), delay)
		this.#become('waiting', `${reason}; next attempt in ${delay / 1000} s`)
		const { status } = await fetch('/hello').catch(() => ({ status: 0 }))
		if (this.state === 'waiting' && status === 403) this.#become('refused', 'open the URL with its token again')
	}

	/** @param {Connection['state']} state */
	#become(state, reason = '') {
		Object.assign(this, { state, reason })
		this.onState()
	}
}
