import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'

/** A server that speaks RESP and answers each EVAL with whatever bytes the script gives; everything else is fine by it. */
export class FakeRedis {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Bytes for an EVAL with so many keys; `undefined` says nothing, for ever. */
  answer: (keys: number) => string | undefined = (keys) => array(Array.from({ length: keys }, () => '1'))
  evals = 0

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => this.#sockets.delete(socket))
      let text = ''
      socket.on('data', (data) => {
        text += data.toString()
        for (let command = take(text); command !== undefined; command = take(text)) {
          text = text.slice(command.length)
          this.#reply(socket, command.words)
        }
      })
    })
  }

  static async start(): Promise<FakeRedis> {
    const fake = new FakeRedis()
    fake.#server.listen(0, '127.0.0.1')
    await once(fake.#server, 'listening')
    return fake
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as { port: number }).port}`
  }

  async end(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #reply(socket: Socket, words: string[]): void {
    const name = words[0]?.toUpperCase()
    if (name === 'EVAL') {
      this.evals++
      const bytes = this.answer(Number(words[2]))
      if (bytes !== undefined) socket.write(bytes)
    } else if (name === 'INFO') socket.write(bulk('redis_version:7.0.0\r\nloading:0\r\n'))
    else if (name === 'HELLO') socket.write('-ERR unknown command\r\n')
    else socket.write('+OK\r\n')
  }
}

export const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`
export const array = (items: string[]): string => `*${items.length}\r\n${items.map(bulk).join('')}`

/** The first whole command of a stream. */
function take(text: string): { words: string[]; length: number } | undefined {
  const head = /^\*(\d+)\r\n/.exec(text)
  if (head === null) return undefined
  const words: string[] = []
  let at = head[0].length
  for (let word = 0; word < Number(head[1]); word++) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(at, at + 20))
    if (size === null) return undefined
    const from = at + size[0].length
    const end = from + Number(size[1])
    if (text.length < end + 2) return undefined
    words.push(text.slice(from, end))
    at = end + 2
  }
  return { words, length: at }
}
