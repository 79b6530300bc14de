// A connection in memory: the server's end is a stream that Node's HTTP takes for a socket, the client's is what a test
// does with it. Everything is delivered in the turn in which it was written, so that nothing depends on the machine.
import { Duplex } from 'node:stream'

/** A whole answer, as the client read it. */
export interface Received {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
}

/** The methods of the answers that the client still waits for. A method decides whether an answer has a body. */
interface Asked {
  readonly id: number
  readonly method: string
}

/** The server's end of a connection. */
class ServerEnd extends Duplex {
  readonly #deliver: (chunk: Buffer, done: () => void) => void
  /** As sockets have it: nobody has sent anything while this is 0. */
  bytesRead = 0
  readonly remoteAddress: string = '192.0.2.1'

  constructor(deliver: (chunk: Buffer, done: () => void) => void) {
    super({ allowHalfOpen: true })
    this.#deliver = deliver
  }

  override _read(): void {}

  override _write(chunk: Buffer, _: unknown, done: () => void): void {
    this.#deliver(chunk, done)
  }

  feed(text: string): void {
    const bytes = Buffer.from(text, 'latin1')
    this.bytesRead += bytes.length
    this.push(bytes)
  }
}

/** The client's side of a connection, over whatever it runs. */
export interface Client {
  /** Complete answers by the number of the request. */
  readonly received: ReadonlyMap<number, Received>
  /** Answers that end with their connection: whether they are whole nobody can tell. */
  readonly openEnded: ReadonlySet<number>
  /** Returns whether more can be sent. */
  readonly canSend: boolean
  send(text: string): void
  /** Says which answer is expected next on the connection. */
  expect(id: number, method: string): void
  /** Says that it sends no more, and goes on reading. */
  halfClose(): void
  /** Goes away without a word. */
  leave(): void
  /** Reads nothing until {@link read}. */
  stop(): void
  read(): void
}

/** Reads the answers of one connection, in the order of its requests. */
export class Answers {
  readonly received: Map<number, Received> = new Map()
  readonly openEnded: Set<number> = new Set()
  readonly #asked: Asked[] = []
  #text = ''

  expect(id: number, method: string): void {
    this.#asked.push({ id, method })
  }

  take(chunk: Buffer): void {
    this.#text += chunk.toString('latin1')
    while (this.#parse());
  }

  /** Takes one whole answer off the text; false while there is none. */
  #parse(): boolean {
    const end = this.#text.indexOf('\r\n\r\n')
    if (end === -1) return false
    const [first = '', ...lines] = this.#text.slice(0, end).split('\r\n')
    const status = Number(first.split(' ')[1])
    if (status < 200) {
      this.#text = this.#text.slice(end + 4)
      return true
    }
    const headers = new Map(lines.map((line) => [line.split(':')[0]!.toLowerCase(), line.split(':')[1]!.trim()]))
    // Node's own answer to what it cannot parse belongs to no request.
    if (!headers.has('date')) return false
    const asked = this.#asked[0]
    const body = this.#bodyLength(end + 4, status, headers, asked?.method)
    if (body === undefined) return false
    if (body === Infinity) {
      if (asked !== undefined) this.openEnded.add(asked.id)
      return false
    }
    this.#text = this.#text.slice(end + 4 + body)
    this.#asked.shift()
    if (asked !== undefined) this.received.set(asked.id, { status, headers })
    return true
  }

  /** Infinity for a body that ends with its connection; `undefined` while it is not here yet. */
  #bodyLength(start: number, status: number, headers: ReadonlyMap<string, string>, method = ''): number | undefined {
    if (method === 'HEAD' || status === 204 || status === 304) return 0
    const length = headers.get('content-length')
    if (length !== undefined) return this.#text.length - start >= Number(length) ? Number(length) : undefined
    if (headers.get('transfer-encoding') !== 'chunked') return Infinity
    const end = this.#text.indexOf('0\r\n\r\n', start)
    return end === -1 ? undefined : end + 5 - start
  }
}

/** A client in memory, and its connection. */
export class Wire implements Client {
  readonly socket: Duplex
  /** Complete answers by the number of the request. */
  readonly #end: ServerEnd
  readonly #answers = new Answers()
  #isStopped = false
  #held: { readonly chunk: Buffer; readonly done: () => void }[] = []
  #isEnded = false

  constructor() {
    this.#end = new ServerEnd((chunk, done) => {
      if (this.#isStopped) this.#held.push({ chunk, done })
      else {
        this.#answers.take(chunk)
        done()
      }
    })
    this.socket = this.#end
    // A client that is told of the end of a connection ends its side.
    this.#end.on('finish', () => this.halfClose())
    this.#end.on('error', () => {})
  }

  get received(): ReadonlyMap<number, Received> {
    return this.#answers.received
  }

  get openEnded(): ReadonlySet<number> {
    return this.#answers.openEnded
  }

  get isOpen(): boolean {
    return !this.#end.destroyed
  }

  /** Returns whether more can be sent. */
  get canSend(): boolean {
    return this.isOpen && !this.#isEnded
  }

  send(text: string): void {
    if (this.canSend) this.#end.feed(text)
  }

  /** Says which answer is expected next on the connection. */
  expect(id: number, method: string): void {
    this.#answers.expect(id, method)
  }

  /** Says that it sends no more, and goes on reading. */
  halfClose(): void {
    if (!this.canSend) return
    this.#isEnded = true
    this.#end.push(null)
  }

  /** Goes away without a word. */
  leave(): void {
    this.#held = []
    if (this.isOpen) this.#end.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))
  }

  /** Reads nothing until {@link read}. */
  stop(): void {
    this.#isStopped = true
  }

  read(): void {
    this.#isStopped = false
    for (const { chunk, done } of this.#held.splice(0)) {
      this.#answers.take(chunk)
      done()
    }
  }
}
