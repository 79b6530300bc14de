/**
 * A service that is observed, played by a test: it speaks version 1 of the protocol of `keelson/observe` on a unix
 * socket, and shows what the test put into its tables.
 */
import { createServer, type Server, type Socket } from 'node:net'

/** A value in a table. */
export type FakeCell = string | number | boolean | null
type Frame = Readonly<Record<string, unknown>>

interface Watched {
  readonly table: string
  readonly kind: string
  readonly by?: string
  readonly desc: boolean
  readonly offset: number
  readonly limit: number
  readonly filter?: string
}

interface Session {
  readonly socket: Socket
  watched: readonly Watched[]
  sent: Map<string, Map<string, string>>
  order: Map<string, string>
  timer: NodeJS.Timeout | undefined
  isPaused: boolean
  lastEvent: number
}

const column = (spec: string): { name: string; type: string } => {
  const [name, type = 'text'] = spec.split(':') as [string, string?]
  return { name, type }
}
const columns = (text: string): { name: string; type: string }[] => text.split(' ').map(column)

/** The columns of each kind, as the protocol lists them. */
export const KINDS: Readonly<Record<string, readonly { name: string; type: string }[]>> = {
  process: columns(
    'id name kind status mailbox:gauge messages:count restarts:count crashes:count parent startedAt:wall memory:bytes system',
  ),
  route: columns(
    'name R:gauge base:gauge pressure:gauge momentum:gauge scar:gauge mode limit:gauge inFlight:gauge queued:gauge admitted:count shed:count errorRate:gauge',
  ),
  journal: columns('name where entries:gauge first:count next:count bytes:bytes pending:gauge system'),
  loop: columns('thread running:ms idle:ms blocked:ms longest:ms stalls:count'),
}

/** A frame with its length before it. */
const framed = (frame: unknown): Buffer => {
  const body = Buffer.from(JSON.stringify(frame))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  return Buffer.concat([length, body])
}

/** The service. Change its tables; each session gets what changed at its next refresh. */
export class FakeObserved {
  readonly tables: Map<string, Map<string, FakeCell[]>> = new Map(
    Object.keys(KINDS).map((kind): [string, Map<string, FakeCell[]>] => [kind, new Map()]),
  )
  /** The keys of children by the key of their parent; the empty key is that of the roots. */
  readonly children: Map<string, string[]> = new Map([['', []]])
  readonly events: Frame[] = []
  readonly journal: { seq: number; at: number; text: string }[] = []
  readonly requests: Frame[] = []
  stalled: Frame | null = null
  actions = false
  messages = 0
  /** Changes frames before they are sent: `undefined` sends nothing. */
  change: (frame: Frame) => Frame | undefined = (frame) => frame
  readonly #sessions = new Set<Session>()
  readonly #server: Server = createServer((socket) => this.#serve(socket))

  /** Listens on a socket. */
  async listen(path: string): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(path, resolve))
  }

  /** Closes every session and the socket. */
  async close(): Promise<void> {
    this.disconnect()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  /** Closes every session. */
  disconnect(): void {
    for (const { socket } of this.#sessions) socket.destroy()
  }

  /** The number of sessions. */
  get sessions(): number {
    return this.#sessions.size
  }

  /** Adds a process below another one. */
  addProcess(key: string, fields: Partial<Record<string, FakeCell>> = {}, parent = ''): void {
    const all: Partial<Record<string, FakeCell>> = {
      id: key,
      name: key,
      kind: 'GenServer',
      status: 'running',
      parent,
      startedAt: Date.now() - 60_000,
      system: 'default',
      ...fields,
    }
    const cells = (KINDS['process'] as { name: string; type: string }[]).map(({ name, type }) => {
      const value = all[name]
      return value === undefined ? (type === 'text' ? '' : 0) : value
    })
    this.tables.get('process')?.set(key, cells)
    this.children.set(parent, [...(this.children.get(parent) ?? []), key])
  }

  /** Changes a cell of a row. */
  set(kind: string, key: string, name: string, value: FakeCell): void {
    const place = (KINDS[kind] ?? []).findIndex((one) => one.name === name)
    const cells = this.tables.get(kind)?.get(key)
    if (cells !== undefined) this.tables.get(kind)?.set(key, cells.with(place, value))
  }

  /** Ends a process. */
  removeProcess(key: string): void {
    this.tables.get('process')?.delete(key)
    for (const [parent, keys] of this.children) {
      this.children.set(
        parent,
        keys.filter((one) => one !== key),
      )
    }
  }

  /** Adds an event. */
  addEvent(event: string, name: string, text = ''): void {
    this.events.push({ seq: this.events.length + 1, at: Date.now(), event, kind: 'process', key: name, name, text })
  }

  #serve(socket: Socket): void {
    const session: Session = {
      socket,
      watched: [],
      sent: new Map(),
      order: new Map(),
      timer: undefined,
      isPaused: false,
      lastEvent: 0,
    }
    this.#sessions.add(session)
    let left: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      left = Buffer.concat([left, chunk])
      while (left.length >= 4 && left.length >= 4 + left.readUInt32BE(0)) {
        const end = 4 + left.readUInt32BE(0)
        this.#take(session, JSON.parse(left.toString('utf8', 4, end)) as Frame)
        left = left.subarray(end)
      }
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearInterval(session.timer)
      this.#sessions.delete(session)
    })
  }

  #send(session: Session, frame: Frame): void {
    const changed = this.change(frame)
    if (changed !== undefined && !session.socket.destroyed) session.socket.write(framed(changed))
  }

  #take(session: Session, frame: Frame): void {
    this.requests.push(frame)
    const { type, id, key } = frame as { type: string; id: number; key: string | null }
    if (type === 'hello') this.#send(session, this.#hello())
    if (type === 'pause') session.isPaused = true
    if (type === 'resume') session.isPaused = false
    if (type === 'watch') this.#watch(session, frame as never)
    if (type === 'detail') this.#send(session, this.#detail(id, frame['kind'] as string, key ?? ''))
    if (type === 'tree') {
      const keys = this.children.get(key ?? '') ?? []
      const rows = keys.map((one) => [one, this.tables.get('process')?.get(one), this.children.get(one)?.length ?? 0])
      this.#send(session, { type, id, key, path: [], total: rows.length, offset: 0, rows })
    }
    if (type === 'journal') {
      const before = (frame['before'] as number | null) ?? Infinity
      const limit = frame['limit'] as number
      const entries = this.journal.filter(({ seq }) => seq < before).slice(-limit)
      this.#send(session, { type, id, key, first: 1, next: this.journal.length + 1, entries: entries.toReversed() })
    }
    if (type === 'action') this.#send(session, { type: 'done', id })
  }

  #hello(): Frame {
    return {
      type: 'hello',
      v: 1,
      package: '0.1.0',
      pid: process.pid,
      node: process.versions.node,
      title: 'played',
      startedAt: Date.now() - 3_600_000,
      refreshMs: 50,
      actions: this.actions,
      kinds: KINDS,
    }
  }

  #detail(id: number, kind: string, key: string): Frame {
    const cells = this.tables.get(kind)?.get(key)
    if (cells === undefined) return { type: 'detail', id, kind, key, found: false }
    const fields = (KINDS[kind] ?? []).map(({ name, type }, place) => [name, type, cells[place]])
    return {
      type: 'detail',
      id,
      kind,
      key,
      found: true,
      fields,
      path: [key],
      children: 0,
      links: [],
      monitors: [],
      crashes: [],
    }
  }

  #rowsOf({ kind, by, desc, offset, limit, filter = '' }: Watched): { rows: [string, FakeCell[]][]; matching: number } {
    const place = (KINDS[kind] ?? []).findIndex(({ name }) => name === by)
    const has = (cells: FakeCell[]): boolean =>
      cells.some((cell) => typeof cell === 'string' && cell.toLowerCase().includes(filter.toLowerCase()))
    const all = [...(this.tables.get(kind) ?? [])].filter(([, cells]) => filter === '' || has(cells))
    const compare = (one: FakeCell | undefined, other: FakeCell | undefined): number =>
      typeof one === 'number' && typeof other === 'number' ? one - other : String(one).localeCompare(String(other))
    if (place >= 0) all.sort(([, one], [, other]) => compare(one[place], other[place]) * (desc ? -1 : 1))
    return { rows: all.slice(offset, offset + limit), matching: all.length }
  }

  #watch(session: Session, { refreshMs, tables }: { refreshMs: number; tables: Watched[] }): void {
    session.watched = tables
    session.sent = new Map()
    session.order = new Map()
    for (const watched of tables) {
      const { rows, matching } = this.#rowsOf(watched)
      const { table, kind, offset } = watched
      const total = this.tables.get(kind)?.size ?? 0
      this.#send(session, { type: 'page', table, kind, at: Date.now(), total, matching, offset, rows, more: false })
      session.sent.set(table, new Map(rows.map(([key, cells]) => [key, JSON.stringify(cells)])))
      session.order.set(table, rows.map(([key]) => key).join('\n'))
    }
    clearInterval(session.timer)
    session.timer = setInterval(() => {
      if (!session.isPaused) this.#send(session, this.#update(session))
    }, refreshMs)
  }

  #update(session: Session): Frame {
    const tables = session.watched.flatMap((watched) => {
      const { rows, matching } = this.#rowsOf(watched)
      const sent = session.sent.get(watched.table) ?? new Map<string, string>()
      const changed = rows.filter(([key, cells]) => sent.get(key) !== JSON.stringify(cells))
      const keys = rows.map(([key]) => key)
      const isOrdered = session.order.get(watched.table) === keys.join('\n')
      session.sent.set(watched.table, new Map(rows.map(([key, cells]) => [key, JSON.stringify(cells)])))
      session.order.set(watched.table, keys.join('\n'))
      if (isOrdered && changed.length === 0) return []
      const total = this.tables.get(watched.kind)?.size ?? 0
      return [{ table: watched.table, total, matching, ...(isOrdered ? {} : { order: keys }), changed }]
    })
    const events = this.events.filter(({ seq }) => (seq as number) > session.lastEvent)
    session.lastEvent = this.events.length
    const uptime = process.uptime() * 1000
    const loop = { thread: 'main', running: uptime / 4, idle: (uptime * 3) / 4, blocked: 0, longest: 0, stalls: 0 }
    return {
      type: 'update',
      at: Date.now(),
      tables,
      loops: [{ ...loop, stalled: this.stalled }],
      memory: { rss: 9e7, heapUsed: 3e7, heapTotal: 4e7, external: 2e6 },
      totals: {
        processes: this.tables.get('process')?.size ?? 0,
        messages: this.messages,
        restarts: 0,
        crashes: 0,
        admitted: 0,
        shed: 0,
      },
      events,
      dropped: 0,
    }
  }
}
