// Runs a program of requests to a fetch-style handler and says what of the rules did not hold.
import { Hono } from 'hono'
import { Atrion, createControlledClock, createSystem, Journal } from 'keelson'
import { admission, rateLimit, type RequestEntry, requestJournal } from 'keelson/fetch'

import { body } from '../../support/fetch-styles.ts'
import type { Reach } from '../../support/programs.ts'
import type { HandlerKind, Op, Plan } from './plan.ts'

const SLOW_MS = 30
/** The time that a gate keeps a place, or waits for a handler whose client has left. */
const LONGEST_MS = 30_000
const KEY = 'everybody'

/** A request as the model sees it. */
interface Tracked {
  readonly id: number
  readonly kind: HandlerKind
  readonly controller: AbortController | undefined
  /** The body of its answer, if that streams. */
  readonly written: ReturnType<typeof body> | undefined
  isAtHandler: boolean
  /** Lets the handler give its response. */
  respond: ((response: Response) => void) | undefined
  answer: Response | undefined
  error: unknown
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  hasLeft: boolean
  /** Its body was cancelled, or has failed. */
  isBroken: boolean
  isOver: boolean
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export class World {
  readonly #plan: Plan
  readonly #reach: Reach | undefined
  readonly #clock = createControlledClock()
  readonly #reported: string[] = []
  readonly #system = createSystem({
    clock: this.#clock,
    onError: (error, origin) => this.#reported.push(`${origin}: ${String(error)}`),
  })
  readonly #atrion: Atrion
  readonly #journal = new Journal<RequestEntry>({ clock: this.#clock })
  readonly #requests: Tracked[] = []

  constructor(plan: Plan, reach?: Reach) {
    this.#plan = plan
    this.#reach = reach
    const narrow = { limit: 2, maxQueue: 3, queueDeadlineMs: 5000, trickleShare: 0.0001, tricklePerSecond: 0.001 }
    this.#atrion = new Atrion({ system: this.#system, admission: plan.gate === 'narrow' ? narrow : { limit: 500 } })
  }

  /** Returns what did not hold. */
  async run(): Promise<string[]> {
    const quota = { windowMs: 1e12, limit: 1_000_000, skipFailedRequests: true, standardHeaders: false as const }
    const limit = rateLimit({ ...quota, keyGenerator: () => KEY, system: this.#system })
    const journal = requestJournal(this.#journal, {
      system: this.#system,
      id: (request) => this.#of(request).id.toString(),
    })
    const gate = admission({ atrion: this.#atrion, name: 'app' })
    const handler = (request: Request): Promise<Response> => this.#handle(this.#of(request))
    const plain = journal(limit(gate(handler)))
    const hono = new Hono()
    hono.onError((_, c) => c.text('failed', 500))
    hono.use(journal, limit, gate)
    hono.all('*', (c) => handler(c.req.raw))
    const problems: string[] = []
    try {
      for (const op of this.#plan.ops) {
        await this.#do(op, plain, (request) => hono.fetch(request) as Promise<Response>)
        for (let turns = 0; turns < 3; turns++) await turn()
        problems.push(...this.#inFlight(journal.inFlight().length))
      }
      await this.#endAll()
      problems.push(
        ...this.#inFlight(journal.inFlight().length),
        ...this.#entries(),
        ...this.#counts(limit.getKey(KEY)?.used),
      )
      await this.#clock.advance(LONGEST_MS + 1)
      const { inFlight = 0, queued = 0 } = this.#atrion.getState('app')?.gate ?? {}
      if (inFlight + queued > 0) problems.push(`gate: ${inFlight} places and ${queued} waits are left`)
      problems.push(...this.#reported)
    } finally {
      await this.#system.close()
    }
    return problems
  }

  #of(request: Request): Tracked {
    return this.#requests[Number(new URL(request.url).pathname.slice(1))]!
  }

  async #handle(request: Tracked): Promise<Response> {
    const { kind, written } = request
    request.isAtHandler = true
    if (kind === 'throws') throw new Error('the work fails')
    if (kind === 'fails') return new Response('failed', { status: 500 })
    if (kind === 'empty') return new Response(null, { status: 204 })
    if (kind === 'streams') return new Response(written?.stream)
    if (kind === 'slow') {
      await this.#clock.sleep(SLOW_MS)
      return new Response('slow')
    }
    if (kind === 'held' || kind === 'never') {
      return await new Promise<Response>((resolve) => {
        request.respond = (response) => resolve(response)
      })
    }
    // As platforms say that a connection is theirs now.
    return kind === 'upgrades' ? (Response.error() as Response) : new Response('now')
  }

  async #do(op: Op, plain: (request: Request) => Promise<Response>, hono: (request: Request) => Promise<Response>) {
    if (op.kind === 'ask') return this.#ask(op, op.form === 'plain' ? plain : hono)
    if (op.kind === 'time') return await this.#clock.advance(op.ms)
    const live = this.#requests.filter((one) => !one.isOver)
    const request = live[op.at % Math.max(1, live.length)]
    if (request === undefined) return undefined
    const { written } = request
    if (op.kind === 'leave') this.#leave(request)
    else if (op.kind === 'answer' && request.kind === 'held') request.respond?.(new Response('held'))
    else if (op.kind === 'write') quietly(() => written?.write('part'))
    else if (op.kind === 'end') quietly(() => written?.end())
    else if (op.kind === 'break') {
      request.isBroken = true
      quietly(() => written?.fail(new Error('of the body')))
    } else if (op.kind === 'read')
      void this.#readerOf(request)
        ?.read()
        .catch(() => {})
    else if (op.kind === 'cancel' && request.answer?.body) {
      this.#reach?.fault('cancelled')
      request.isBroken = true
      void this.#readerOf(request)
        ?.cancel()
        .catch(() => {})
    }
    return undefined
  }

  #ask({ handler, signal }: Op & { kind: 'ask' }, fetch: (request: Request) => Promise<Response>): void {
    const controller = signal ? new AbortController() : undefined
    const request: Tracked = {
      id: this.#requests.length,
      kind: handler,
      controller,
      written: handler === 'streams' ? body() : undefined,
      isAtHandler: false,
      respond: undefined,
      answer: undefined,
      error: undefined,
      reader: undefined,
      hasLeft: false,
      isBroken: false,
      isOver: false,
    }
    this.#requests.push(request)
    const asked = new Request(`http://a.test/${request.id}`, controller && { signal: controller.signal })
    fetch(asked).then(
      (answer) => void (request.answer = answer),
      (error: unknown) => void (request.error = error),
    )
  }

  #readerOf(request: Tracked): ReadableStreamDefaultReader<Uint8Array> | undefined {
    return (request.reader ??= request.answer?.body?.getReader() as ReadableStreamDefaultReader<Uint8Array> | undefined)
  }

  /** A client leaves: its signal aborts, and the platform cancels the body. */
  #leave(request: Tracked): void {
    if (request.controller === undefined) return
    if (!request.isAtHandler) this.#reach?.fault('left while it waits for a place')
    else if (request.answer === undefined) this.#reach?.fault('left while a handler works')
    else this.#reach?.fault('left in the middle of a body')
    request.hasLeft = true
    request.controller.abort()
    void this.#readerOf(request)
      ?.cancel()
      .catch(() => {})
  }

  /** Ends all handlers and bodies, in a bounded number of rounds: each lets others in. */
  async #endAll(): Promise<void> {
    for (let round = 0; round < this.#requests.length + 2; round++) {
      const isAnswered = this.#requests.every(({ answer, error }) => answer !== undefined || error !== undefined)
      if (isAnswered && this.#journal.size() === this.#requests.length) return
      for (const request of this.#requests) {
        request.respond?.(new Response('at last'))
        quietly(() => request.written?.end())
        const reader = this.#readerOf(request)
        if (reader !== undefined) void drain(reader)
      }
      await this.#clock.advance(SLOW_MS)
      for (let turns = 0; turns < 4; turns++) await turn()
    }
  }

  /** Each request that has no entry is in flight, and no other. */
  #inFlight(inFlight: number): string[] {
    const open = this.#requests.length - this.#journal.size()
    return inFlight === open ? [] : [`journal: ${inFlight} in flight, and ${open} without an entry`]
  }

  #entries(): string[] {
    const entries = [...this.#journal].map(({ data }) => data)
    return this.#requests.flatMap((request) => {
      const own = entries.filter(({ id }) => id === String(request.id))
      if (own.length !== 1) return [`journal: ${own.length} entries of request ${request.id} (${request.kind})`]
      const [entry] = own as [RequestEntry]
      if (request.answer === undefined && request.error === undefined) return [`request ${request.id} got no response`]
      if (entry.aborted && !request.hasLeft && !request.isBroken) return [`${request.id} is noted as aborted`]
      return []
    })
  }

  #counts(used = 0): string[] {
    const counted = [...this.#journal].filter(({ data: { status, aborted } }) => !aborted && status < 400).length
    return used === counted ? [] : [`limit: ${used} counted, ${counted} succeeded`]
  }
}

/** A body that is closed already cannot be written. */
function quietly(write: () => void): void {
  try {
    write()
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
  }
}

async function drain(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read());
  } catch {
    // The body failed, as the program said.
  }
}
