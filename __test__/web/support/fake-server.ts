/** A server that speaks the HTTP half of the protocol exactly, with data that a test sets. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'

import type { Cell, Detail, Frame, Hello, JournalEntry, ObservedEvent, Update, Watch } from '../../../web/protocol.d.ts'
import { root } from '../../support/root.ts'
import { kinds } from './kinds.ts'
import { type Seen, updateOf, viewOf } from './views.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

interface Session {
  readonly response: ServerResponse
  watch: Watch
  seen: Map<string, Seen>
  nextEvent: number
}

export type Rows = Map<string, readonly Cell[]>

export class FakeServer {
  url = ''
  hello: Hello = {
    type: 'hello',
    v: 1,
    package: '0.1.0',
    pid: 4711,
    node: '20.20.2',
    title: 'orders',
    startedAt: 1_800_000_000_000,
    refreshMs: 250,
    actions: false,
    kinds,
  }
  /** The wall clock of the server. */
  now = 1_800_000_100_000
  readonly tables: Readonly<Record<string, Rows>> = Object.fromEntries(
    Object.keys(kinds).map((kind) => [kind, new Map()]),
  )
  /** The parts of an update beside its tables and events. */
  readonly state: { -readonly [Name in 'loops' | 'memory' | 'totals' | 'dropped']?: NonNullable<Update[Name]> } = {}
  readonly events: ObservedEvent[] = []
  readonly details = new Map<string, Partial<Detail>>()
  readonly states = new Map<string, unknown>()
  readonly journals = new Map<string, JournalEntry[]>()
  /** Requests as `GET /path`, and the actions that were asked for. */
  readonly requests: string[] = []
  readonly actions: unknown[] = []
  /** The length of everything that streams got. */
  sent = 0
  /** The answer to everything: 403 without the right cookie. */
  isRefusing = false
  readonly #sessions = new Map<string, Session>()
  readonly #server = createServer((request, response) => void this.#answer(request, response))
  #serial = 0

  async listen(port = 0): Promise<void> {
    this.#server.listen(port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  /** The watch of the newest session. */
  get watch(): Watch | undefined {
    return [...this.#sessions.values()].at(-1)?.watch
  }

  get sessions(): number {
    return this.#sessions.size
  }

  set(kind: string, key: string, ...cells: readonly Cell[]): void {
    this.tables[kind]?.set(key, cells)
  }

  tell(event: Omit<ObservedEvent, 'seq' | 'at'>): void {
    this.events.push({ seq: this.events.length + 1, at: this.now, ...event })
  }

  /** Moves the server's clock and sends every session what changed. */
  tick(ms = 500): void {
    this.now += ms
    for (const session of this.#sessions.values()) this.#update(session)
  }

  /** Sends these bytes on every stream. */
  raw(text: string): void {
    for (const { response } of this.#sessions.values()) response.write(text)
  }

  /** Ends every stream, with a farewell or without. */
  end(reason?: string): void {
    if (reason !== undefined) this.raw(`data: ${JSON.stringify({ type: 'bye', reason })}\n\n`)
    for (const { response } of this.#sessions.values()) response.end()
    this.#sessions.clear()
  }

  #update(session: Session): void {
    const tables = session.watch.tables.flatMap((watched) => {
      const seen = session.seen.get(watched.table)
      const rows = this.tables[watched.kind]
      if (rows === undefined) return []
      if (seen === undefined) {
        this.#page(session, watched)
        return []
      }
      const [change, next] = updateOf(seen, rows, kinds[watched.kind] ?? [], watched)
      session.seen.set(watched.table, next)
      return change === undefined ? [] : [change]
    })
    const events = this.events.slice(session.nextEvent)
    session.nextEvent = this.events.length
    this.#send(session.response, { type: 'update', at: this.now, tables, ...this.state, events })
  }

  #page(session: Session, watched: Watch['tables'][number]): void {
    const { table, kind, offset } = watched
    const rows = this.tables[kind] as Rows
    const seen = viewOf(rows, kinds[kind] ?? [], watched)
    session.seen.set(table, seen)
    const { total, matching } = seen
    const all = seen.order.map((key) => [key, rows.get(key) as readonly Cell[]] as const)
    // Long pages come in several frames.
    for (let start = 0; start === 0 || start < all.length; start += 30) {
      const more = start + 30 < all.length
      const part = all.slice(start, start + 30)
      const at = this.now
      this.#send(session.response, {
        type: 'page',
        table,
        kind,
        at,
        total,
        matching,
        offset: offset + start,
        rows: part,
        more,
      })
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', this.url)
    this.requests.push(`${request.method} ${request.url?.replace(/^\/stream.*/, '/stream')}`)
    response.setHeader('content-security-policy', "default-src 'self'; base-uri 'none'; frame-ancestors 'none'")
    response.setHeader('x-content-type-options', 'nosniff')
    response.setHeader('cache-control', 'no-store')
    if (this.isRefusing) return void response.writeHead(403).end()
    if (pathname === '/' || pathname.startsWith('/assets/')) return file(pathname, response)
    const number = (name: string, or: number): number => Number(query.get(name) ?? or)
    if (pathname === '/stream') return this.#stream(JSON.parse(query.get('watch') ?? '{}') as Watch, response)
    if (pathname === '/watch') {
      const session = this.#sessions.get(query.get('session') ?? '')
      const watch = JSON.parse(await textOf(request)) as Watch
      if (session === undefined) return void response.writeHead(404).end()
      response.writeHead(204).end()
      session.watch = watch
      session.seen = new Map()
      for (const watched of watch.tables) if (this.tables[watched.kind] !== undefined) this.#page(session, watched)
      return
    }
    if (pathname === '/action') {
      if (!this.hello.actions) return json(response, failed('KEELSON_OBSERVE_ACTIONS_OFF', 'Actions are off.'), 403)
      this.actions.push(JSON.parse(await textOf(request)))
      return json(response, { type: 'done', id: 1 })
    }
    if (pathname === '/hello') return json(response, this.hello)
    if (pathname === '/detail') {
      const [kind, key] = [query.get('kind') ?? '', query.get('key') ?? '']
      const state = query.get('state') === '1' && this.states.has(key) ? { state: this.states.get(key) } : {}
      return json(response, { ...this.#detail(kind, key), ...state })
    }
    if (pathname === '/tree')
      return json(response, this.#tree(query.get('key'), number('offset', 0), number('limit', 200)))
    if (pathname === '/journal') {
      const entries = this.journals.get(query.get('key') ?? '') ?? []
      const before = number('before', Number.POSITIVE_INFINITY)
      const older = entries.filter(({ seq }) => seq < before).toReversed()
      const [first, next] = [entries[0]?.seq ?? 1, (entries.at(-1)?.seq ?? 0) + 1]
      return json(response, {
        type: 'journal',
        key: query.get('key') ?? '',
        first,
        next,
        entries: older.slice(0, number('limit', 50)),
      })
    }
    response.writeHead(404).end()
  }

  #stream(watch: Watch, response: ServerResponse): void {
    const id = `s${++this.#serial}`
    const session: Session = { response, watch, seen: new Map(), nextEvent: this.events.length }
    this.#sessions.set(id, session)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.on('close', () => this.#sessions.delete(id))
    this.#send(response, { ...this.hello, session: id })
    this.#update(session)
  }

  #send(response: ServerResponse, frame: object): void {
    const text = `data: ${JSON.stringify(frame)}\n\n`
    this.sent += text.length
    response.write(text)
  }

  #detail(kind: string, key: string): Detail {
    const cells = this.tables[kind]?.get(key)
    if (cells === undefined) return { type: 'detail', kind, key, found: false }
    const fields = (kinds[kind] ?? []).map(({ name, type }, index) => [name, type, cells[index] ?? null] as const)
    const children = [...(this.tables['process'] ?? [])].filter(([, row]) => row[8] === key).length
    const path = this.#path(key)
    return {
      type: 'detail',
      kind,
      key,
      found: true,
      fields,
      path,
      children,
      links: [],
      monitors: [],
      crashes: [],
      ...this.details.get(key),
    }
  }

  #path(key: string): string[] {
    const parent = this.tables['process']?.get(key)?.[8]
    return [...(typeof parent === 'string' ? this.#path(parent) : []), key]
  }

  #tree(key: string | null, offset: number, limit: number): Frame {
    const all = [...(this.tables['process'] ?? [])]
    const counts = new Map<unknown, number>()
    for (const [, row] of all) counts.set(row[8], (counts.get(row[8]) ?? 0) + 1)
    const below = all.filter(([, row]) => row[8] === key)
    const rows = below
      .slice(offset, offset + limit)
      .map(([child, row]) => [child, row, counts.get(child) ?? 0] as const)
    return { type: 'tree', key, path: key === null ? [] : this.#path(key), total: below.length, offset, rows }
  }
}

const failed = (code: string, message: string): Frame => ({ type: 'error', id: 1, code, message })

function json(response: ServerResponse, frame: Frame, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(frame))
}

function file(pathname: string, response: ServerResponse): void {
  const name = pathname === '/' ? 'index.html' : pathname.slice('/assets/'.length)
  response.writeHead(200, { 'content-type': TYPES[extname(name)] ?? 'text/plain' })
  response.end(readFileSync(join(root, 'web', name)))
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
