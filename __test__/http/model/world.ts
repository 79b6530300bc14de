// Runs a program of HTTP connections and says what of the rules did not hold.
import type { Duplex } from 'node:stream'

import { Atrion, createControlledClock, createSystem, Journal } from 'keelson'
import type { RequestEntry, Shutdown } from 'keelson/express'

import { type Parts, serve, type Served, type Work } from './apps.ts'
import type { Reach } from '../../support/programs.ts'
import type { Ask, Op, Plan } from './plan.ts'
import type { Client } from './wire.ts'

const SLOW_MS = 30
/** The time that a gate waits, without a report, for a handler whose client has left. */
const LONGEST_ORPHAN_MS = 10_000
const TICKET_MS = 30_000
const STOP = { timeout: 2000, closeTimeout: 1000 }
const LARGE = 'x'.repeat(300_000)

/** The connection of a program to its server. */
export interface Means {
  begin(served: Served): Promise<void>
  connect(served: Served): Promise<Client>
  /** Waits until what was sent has arrived. */
  settle(): Promise<void>
  /** True in memory, where no byte is on its way: server and client agree on what was received. */
  readonly isExact: boolean
  /** Waits until there is nothing to say, or it has taken too long. */
  until(problems: () => string[]): Promise<string[]>
}

/** A request as the model sees it. */
interface Tracked {
  readonly id: number
  readonly ask: Ask
  readonly wire: Line
  isSeen: boolean
  isCounted: boolean
  work: Work | undefined
  /** Its handler has done what it does. */
  hasEnded: boolean
}

/** A connection as the model sees it. */
interface Line {
  readonly client: Client
  /** The bytes to send before anything else. */
  rest: { readonly text: string; readonly request: Tracked | undefined } | undefined
  isUpgraded: boolean
  hasLeft: boolean
  /**
   * A handler broke it off; or it has ended its side, which Node takes for leaving, or sent more after its last request,
   * which is an error.
   */
  isGone: boolean
  /** It has sent more after its last request: Node closes the connection, newer ones before they know of what was sent. */
  hasErred: boolean
  /** It has said that it sends no other request. */
  isLast: boolean
}

export class World {
  readonly #plan: Plan
  readonly #means: Means
  readonly #reach: Reach | undefined
  readonly #clock = createControlledClock()
  readonly #stopClock = createControlledClock()
  readonly #reported: string[] = []
  readonly #system = createSystem({
    clock: this.#clock,
    onError: (error, origin) => this.#reported.push(`${origin}: ${String(error)}`),
  })
  readonly #stopSystem = createSystem({ clock: this.#stopClock, onError: () => {} })
  readonly #atrion: Atrion
  readonly #journal = new Journal<RequestEntry>({ clock: this.#clock })
  readonly #requests = new Map<number, Tracked>()
  readonly #lines: Line[] = []
  readonly #upgraded: Duplex[] = []
  #held: Tracked[] = []
  #shutdown!: Shutdown
  #isStopped = false
  #stoppedAt = 0
  #code: number | undefined
  #inFlightAtStop: Tracked[] = []
  #isCleaned = false
  #served!: Served
  #next = 1

  constructor(plan: Plan, means: Means, reach?: Reach) {
    this.#plan = plan
    this.#means = means
    this.#reach = reach
    const narrow = { limit: 2, maxQueue: 3, queueDeadlineMs: 5000, trickleShare: 0.0001, tricklePerSecond: 0.001 }
    this.#atrion = new Atrion({ system: this.#system, admission: plan.gate === 'narrow' ? narrow : { limit: 500 } })
  }

  /** The rules that did not hold. */
  async run(): Promise<string[]> {
    this.#served = await serve(this.#plan.face, this.#parts())
    await this.#means.begin(this.#served)
    const cleanup = (): void => void (this.#isCleaned = true)
    const options = { ...STOP, cleanup, system: this.#stopSystem, exit: false, signals: ['SIGUSR2' as const] }
    this.#shutdown = this.#served.shutdown(options)
    this.#served.server.on('upgrade', (_, socket: Duplex) => {
      socket.on('error', () => {})
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
      // Who takes a connection over reads it, or nobody sees its end.
      socket.on('end', () => socket.end()).resume()
      this.#upgraded.push(socket)
    })
    const problems: string[] = []
    try {
      for (const op of this.#plan.ops) {
        await this.#do(op)
        await this.#means.settle()
      }
      await this.#endHandlers()
      problems.push(...(await this.#means.until(() => this.#heldPlaces())))
      problems.push(...(await this.#afterStop()))
      for (const { client } of this.#lines) client.leave()
      await this.#means.settle()
      problems.push(...(await this.#means.until(() => this.#entries())))
      problems.push(...(await this.#means.until(() => this.#counts())))
      await this.#clock.advance(Math.max(LONGEST_ORPHAN_MS, TICKET_MS) + 1)
      problems.push(...(await this.#means.until(() => this.#places(0))))
      problems.push(...this.#reported)
    } finally {
      this.#shutdown.dispose()
      for (const socket of this.#upgraded) socket.destroy()
      await this.#served.close()
      await this.#system.close()
      await this.#stopSystem.close()
    }
    return problems
  }

  get #answersErrorsAtOnce(): boolean {
    const { face } = this.#plan
    return face === 'bare' || face.startsWith('Koa')
  }

  #parts(): Parts {
    const of = (id: number): Tracked => this.#requests.get(id)!
    return {
      clock: this.#clock,
      system: this.#system,
      atrion: this.#atrion,
      journal: this.#journal,
      seen: (id) => void (of(id).isSeen = true),
      counted: (id) => void (of(id).isCounted = true),
      work: (work) => {
        const request = of(work.id)
        request.work = work
        this.#handle(request, work)
      },
    }
  }

  #handle(request: Tracked, work: Work): void {
    const { kind, req, res } = work
    const ends = (body: () => void): void => {
      request.hasEnded = true
      body()
    }
    if (kind === 'slow') this.#clock.schedule(SLOW_MS, () => ends(() => work.answer(200, 'slow')))
    else if (kind === 'held') this.#held.push(request)
    else if (kind === 'fails') {
      // Express and Fastify read the body before they answer errors.
      if (req.complete || this.#answersErrorsAtOnce) request.hasEnded = true
      work.fail()
    } else if (kind === 'streams') {
      this.#write(work)
      this.#held.push(request)
    } else if (kind === 'empty') ends(() => work.answer(204, ''))
    else if (kind === 'large') ends(() => work.answer(200, LARGE))
    else if (kind === 'reads the body') this.#readBody(request, work, ends)
    else if (kind === 'destroys the response') ends(() => this.#break(request, () => res.destroy()))
    else if (kind === 'destroys the socket') this.#break(request, () => req.socket.destroy())
    else if (kind === 'ends twice') {
      ends(() => {
        const raw = work.raw()
        raw.end('once')
        raw.end('twice')
      })
    } else if (kind === 'now') ends(() => work.answer(200, 'now'))
  }

  /** As parsers of bodies do: it ends with the body, and fails when the client goes. */
  #readBody({ ask }: Tracked, work: Work, ends: (body: () => void) => void): void {
    const { req } = work
    if (ask.method !== 'POST' || req.readableEnded) return ends(() => work.answer(200, 'no body'))
    let isOver = false
    const over = (status: number) => (): void => {
      if (isOver) return
      isOver = true
      ends(() => work.answer(status, 'read'))
    }
    req.on('end', over(200)).on('error', over(400)).on('close', over(400)).resume()
  }

  #break(request: Tracked, body: () => void): void {
    request.wire.isGone = true
    body()
  }

  #write(work: Work): void {
    const raw = work.raw()
    if (!raw.writableEnded) raw.write('part')
  }

  async #do(op: Op): Promise<void> {
    if (op.kind === 'open') return await this.#open()
    if (op.kind === 'time') return await this.#pass(op.ms)
    if (op.kind === 'shutdown') return this.#stop()
    if (op.kind.startsWith('handler')) return this.#work(op as Op & { at: number })
    return this.#send(op as Op & { at: number })
  }

  async #open(): Promise<void> {
    // Nobody accepts any more.
    if (this.#isStopped) return
    const client = await this.#means.connect(this.#served)
    this.#lines.push({
      client,
      rest: undefined,
      isUpgraded: false,
      hasLeft: false,
      isGone: false,
      hasErred: false,
      isLast: false,
    })
  }

  async #pass(ms: number): Promise<void> {
    await this.#clock.advance(ms)
    await this.#stopClock.advance(ms)
  }

  #work({ kind, at }: Op & { at: number }): void {
    const request = this.#held[at % Math.max(1, this.#held.length)]
    if (request === undefined) return
    const work = request.work!
    if (kind === 'handler writes') return this.#write(work)
    this.#held = this.#held.filter((one) => one !== request)
    request.hasEnded = true
    if (kind === 'handler destroys') this.#break(request, () => work.raw().destroy())
    else this.#endHeld(work)
  }

  #endHeld(work: Work): void {
    if (work.res.headersSent || work.kind === 'streams') work.raw().end()
    else work.answer(200, 'held')
  }

  #send(op: Op & { at: number }): void {
    const open = this.#lines.filter(({ client, hasLeft }) => client.canSend && !hasLeft)
    const line = open[op.at % Math.max(1, open.length)]
    if (line === undefined) return
    const { client } = line
    const sends = op.kind !== 'stop reading' && op.kind !== 'read on'
    // A reset that answers what comes too late takes with it what the client has not read.
    line.isGone ||= sends && (line.isLast || (this.#isStopped && !this.#means.isExact))
    if (op.kind === 'leave') {
      this.#countFaults(line)
      line.hasLeft = true
      client.leave()
    } else if (op.kind === 'half-close') {
      line.isGone = true
      client.halfClose()
    } else if (op.kind === 'stop reading') client.stop()
    else if (op.kind === 'read on') client.read()
    else if (op.kind === 'rest') this.#rest(line)
    else if (line.rest !== undefined || line.isUpgraded) return
    else if (op.kind === 'ask') client.send(this.#ask(line, op.ask))
    else if (op.kind === 'pipeline') {
      // What follows the part of a body would be its rest.
      const whole = op.asks.map((ask): Ask => ({ ...ask, body: 'whole' }))
      client.send(whole.map((ask) => this.#ask(line, ask)).join(''))
    } else if (op.kind === 'half a request') {
      const ask: Ask = { ...op.ask, method: op.ask.method === 'HEAD' ? 'HEAD' : 'GET' }
      const text = headOf(this.#next, ask)
      client.send(text.slice(0, text.length / 2))
      line.rest = { text: text.slice(text.length / 2), request: this.#track(line, ask) }
    } else if (op.kind === 'upgrade') {
      // Behind other requests an upgrade is one more of them.
      line.isUpgraded = true
      client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    }
  }

  /** The requests that a client interrupts by leaving. */
  #countFaults(line: Line): void {
    const own = [...this.#requests.values()].filter((one) => one.wire === line && !this.#isAnswered(one))
    const atWork = own.filter(({ work, hasEnded }) => work !== undefined && !hasEnded)
    const faults: [string, boolean][] = [
      ['left while a handler works', atWork.length > 0],
      ['left with responses queued', own.length > 1],
      ['left while an answer is sent', own.some(({ work }) => work?.res.headersSent)],
      ['left before the middlewares', own.some(({ isSeen }) => !isSeen)],
      ['left while it waits for a place', own.some(({ isSeen, work }) => isSeen && work === undefined)],
      ['left in the middle of a request', line.rest !== undefined],
      ['left after an upgrade', line.isUpgraded],
      ['left while the server ends', this.#isStopped],
    ]
    for (const [name, occurred] of faults) if (occurred) this.#reach?.fault(name)
  }

  #rest(line: Line): void {
    const { rest, client } = line
    if (rest === undefined) return
    line.rest = undefined
    if (rest.request !== undefined) client.expect(rest.request.id, rest.request.ask.method)
    client.send(rest.text)
  }

  #track(wire: Line, ask: Ask): Tracked {
    wire.hasErred ||= wire.isLast
    wire.isGone ||= wire.hasErred
    wire.isLast ||= ask.close || ask.version === '1.0'
    const request: Tracked = {
      id: this.#next++,
      ask,
      wire,
      isSeen: false,
      isCounted: false,
      work: undefined,
      hasEnded: false,
    }
    this.#requests.set(request.id, request)
    return request
  }

  #ask(line: Line, ask: Ask): string {
    const { id } = this.#track(line, ask)
    line.client.expect(id, ask.method)
    const head = headOf(id, ask)
    if (ask.method !== 'POST') return head
    if (ask.body === 'whole') return `${head}12345678`
    const sent = ask.body === 'expect' ? '' : '1234'
    line.rest = { text: '12345678'.slice(sent.length), request: undefined }
    return head + sent
  }

  #stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#stoppedAt = this.#stopClock.monoMs()
    this.#inFlightAtStop = [...this.#requests.values()].filter((one) => one.isSeen && !this.#isAnswered(one))
    void this.#shutdown.shutdown().then((code) => (this.#code = code))
  }

  async #endHandlers(): Promise<void> {
    for (const request of this.#held.splice(0)) {
      request.hasEnded = true
      this.#endHeld(request.work!)
    }
    await this.#means.settle()
    for (let step = 0; step < 4; step++) {
      await this.#pass(200)
      await this.#means.settle()
      for (const request of this.#held.splice(0)) {
        request.hasEnded = true
        this.#endHeld(request.work!)
      }
      await this.#means.settle()
    }
  }

  #isAnswered({ id, wire }: Tracked): boolean {
    return wire.client.received.has(id)
  }

  /** Over loopback what has been sent may be on its way, or may be lost with what the server never read. */
  #isSent({ id }: Tracked): boolean {
    return !this.#means.isExact && [...this.#journal].some(({ data }) => idOf(data) === id && !data.aborted)
  }

  #isOpenEnded({ id, wire }: Tracked): boolean {
    return wire.client.openEnded.has(id)
  }

  /**
   * Node does not read a connection on which much is queued behind a handler that goes on, so that it does not hear of its
   * end before that handler ends. In memory it is told all the same.
   */
  #isDeaf({ wire }: Tracked): boolean {
    if (this.#means.isExact) return false
    const own = [...this.#requests.values()].filter((one) => one.wire === wire)
    return own.some(({ hasEnded }) => !hasEnded) && own.some(({ ask }) => ask.handler === 'large')
  }

  /** A second after the ends of all handlers that end. */
  #heldPlaces(): string[] {
    const unended = [...this.#requests.values()].filter((one) => one.isSeen && !one.hasEnded).length
    return this.#places(unended)
  }

  #places(most: number): string[] {
    const gate = this.#atrion.getState('app')?.gate
    if (gate === undefined) return []
    const { inFlight, queued } = gate
    return inFlight + queued <= most ? [] : [`places: ${inFlight} in flight and ${queued} waiting, where ${most} work`]
  }

  async #afterStop(): Promise<string[]> {
    const shutdown = this.#shutdown
    if (!this.#isStopped) return []
    // Where there is nothing to wait for, it is over without time.
    const end = this.#stoppedAt + STOP.timeout + STOP.closeTimeout + 1
    await this.#stopClock.advance(Math.max(0, end - this.#stopClock.monoMs()))
    await this.#means.settle()
    const late = await this.#means.until(() => (this.#code === undefined ? ['shutdown: not over in its time'] : []))
    if (late.length > 0) return late
    const problems = this.#isCleaned ? [] : ['shutdown: no cleanup']
    const told = JSON.stringify(shutdown.brokenOff)
    for (const { what } of shutdown.brokenOff) this.#reach?.fault(`broken off: ${what}`)
    const isLost = (one: Tracked): boolean => {
      if (this.#isAnswered(one) || this.#isSent(one) || one.wire.hasLeft || one.wire.isGone || this.#isOpenEnded(one))
        return false
      return !told.includes(`/${one.id}"`)
    }
    if (!this.#means.isExact) for (const { client } of this.#lines) client.read()
    const lost = await this.#means.until(() =>
      this.#inFlightAtStop.filter(isLost).map(({ id }) => `shutdown: request ${id} neither answered nor recorded`),
    )
    return [...problems, ...lost]
  }

  #entries(): string[] {
    const entries = new Map<number, RequestEntry[]>()
    for (const { data } of this.#journal) {
      const id = idOf(data)
      entries.set(id, [...(entries.get(id) ?? []), data])
    }
    return [...this.#requests.values()].flatMap((request) => {
      const told = entries.get(request.id) ?? []
      if (told.length === 0 && this.#isDeaf(request)) return []
      const wanted = request.isSeen ? 1 : 0
      if (told.length !== wanted) return [`journal: ${told.length} entries of request ${request.id}, not ${wanted}`]
      const [entry] = told
      if (entry === undefined || this.#isOpenEnded(request)) return []
      const aborted = !this.#isAnswered(request)
      if (!this.#means.isExact && (aborted || request.wire.isGone)) return []
      if (!aborted && request.wire.hasErred) return []
      return entry.aborted === aborted ? [] : [`journal: request ${request.id} aborted: ${entry.aborted}`]
    })
  }

  #counts(): string[] {
    const counted = [...this.#requests.values()].filter((one) => one.isCounted)
    if (counted.some((one) => this.#isOpenEnded(one) || this.#isDeaf(one))) return []
    const isExact = this.#means.isExact && !counted.some(({ wire }) => wire.hasErred)
    const ids = new Set(counted.map(({ id }) => id))
    const told = [...this.#journal].map(({ data }) => data).filter((entry) => ids.has(idOf(entry)))
    const successes = isExact
      ? counted.filter((one) => (one.wire.client.received.get(one.id)?.status ?? 500) < 400).length
      : told.filter(({ aborted, status }) => !aborted && status < 400).length
    const used = this.#served.used()
    return used === successes ? [] : [`limit: ${used} counted, ${successes} succeeded`]
  }
}

const idOf = ({ path }: RequestEntry): number => Number(path.split('/')[3])

function headOf(id: number, ask: Ask): string {
  const lines = [
    `${ask.method} /h/${encodeURIComponent(ask.handler)}/${id} HTTP/${ask.version}`,
    'Host: a',
    `x-before: ${ask.before}`,
    `x-between: ${ask.between}`,
    ...(ask.close ? ['Connection: close'] : []),
    ...(ask.method === 'POST' ? ['Content-Length: 8', 'Content-Type: text/plain'] : []),
    ...(ask.method === 'POST' && ask.body === 'expect' ? ['Expect: 100-continue'] : []),
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}
