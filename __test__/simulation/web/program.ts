/** Random programs of nodes whose apps answer, call each other, stream, hang and fail, and of clients that leave. */
import * as fc from 'fast-check'
import type { FetchStyleHandler, Faults, Simulation, SimulationProgram } from 'keelson/simulation'
import type { System } from 'keelson/system'

/** The way in which an app answers a request. */
interface Manner {
  readonly status: 200 | 204 | 404 | 500
  readonly parts: number
  readonly waitMs: number
  /** The number of the app that it asks first, or nobody. */
  readonly asks: number | undefined
}

type Op =
  | {
      readonly kind: 'request'
      readonly from: number | undefined
      readonly to: number
      readonly manner: Manner
      readonly bytes: number
      readonly isStream: boolean
      readonly leaveAfterMs: number | undefined
      readonly reads: boolean
    }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'partition'; readonly from: number; readonly to: number; readonly oneWay: boolean }
  | { readonly kind: 'heal' | 'close' | 'crash' | 'restart'; readonly to: number }

/** A program and its faults. */
export interface WebTraffic {
  readonly faults: Faults
  readonly ops: readonly Op[]
}

const NODES = 3
const node = fc.nat(NODES - 1)

const manner: fc.Arbitrary<Manner> = fc.record({
  status: fc.constantFrom(200 as const, 200 as const, 204 as const, 404 as const, 500 as const),
  parts: fc.nat(3),
  waitMs: fc.constantFrom(0, 0, 1, 50),
  asks: fc.option(node, { nil: undefined }),
})

const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('request' as const),
      from: fc.option(node, { nil: undefined }),
      to: fc.nat(NODES),
      manner,
      bytes: fc.constantFrom(0, 1, 100, 100_000),
      isStream: fc.boolean(),
      leaveAfterMs: fc.option(fc.nat(100), { nil: undefined }),
      reads: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(100) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('partition' as const), from: node, to: node, oneWay: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('heal' as const, 'close' as const, 'crash' as const, 'restart' as const),
      to: node,
    }),
  },
)

const rate = fc.constantFrom(0, 0, 0.05, 0.3)

export const webTraffic: fc.Arbitrary<WebTraffic> = fc.record({
  faults: fc.record({
    latency: rate,
    loss: rate,
    duplicate: rate,
    partition: rate,
    delay: rate,
    pause: rate,
    skew: rate,
  }),
  ops: fc.array(op, { minLength: 3, maxLength: 20 }),
})

const KNOWN = new Set([
  'ENOTFOUND',
  'ECONNREFUSED',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
])
const LEFT = 'left'
const PART = 'part of a response'

/** Returns whether an error is one that a request may end with. */
function isExpected(error: unknown): boolean {
  const { message, cause } = error as { readonly message: string; readonly cause?: { readonly code?: string } }
  return message === LEFT || (error instanceof TypeError && KNOWN.has(cause?.code ?? ''))
}

const streamOf = (bytes: number): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(bytes))
      controller.enqueue(new Uint8Array(1))
      controller.close()
    },
  })

/** Counts the requests that each node has handled, by their ids. */
class Handled {
  readonly counts = new Map<string, number>()

  app(sim: Simulation, system: System): FetchStyleHandler {
    return async (request) => {
      const id = request.headers.get('x-id') ?? ''
      this.counts.set(id, (this.counts.get(id) ?? 0) + 1)
      const { status, parts, waitMs, asks } = JSON.parse(request.headers.get('x-manner') ?? '{}') as Manner
      const got = request.body === null ? 0 : (await request.arrayBuffer()).byteLength
      if (asks !== undefined) {
        const headers = { 'x-id': `${id} asked`, 'x-manner': JSON.stringify({ status: 200, parts: 1, waitMs: 0 }) }
        await sim
          .fetch(`http://n${asks}/`, { headers })
          .then((response) => response.text())
          .catch((error: unknown) => {
            if (!isExpected(error)) throw error
          })
      }
      await system.clock.sleep(waitMs)
      const headers = { 'x-got': String(got) }
      if (status === 204) return new Response(null, { status, headers })
      const body = new ReadableStream<Uint8Array>({
        async start(controller) {
          for (let part = 0; part < parts; part++) {
            controller.enqueue(Buffer.from(PART))
            await system.clock.sleep(waitMs)
          }
          controller.close()
        },
      })
      return new Response(body, { status, headers })
    }
  }
}

/** Returns the program. It fails when a request ends in a way that nothing explains, or does not end. */
export const programOf =
  ({ faults, ops }: WebTraffic): SimulationProgram =>
  async (sim) => {
    const handled = new Handled()
    const nodes = Array.from({ length: NODES }, (_, index) => sim.system(`n${index}`))
    const listen = (index: number): ReturnType<Simulation['listen']> => {
      const system = nodes[index] as System
      return sim.listen(`n${index}`, handled.app(sim, system), { system })
    }
    const servers = nodes.map((_, index) => listen(index))
    const crashed = new Set<number>()
    const isClosed = new Set<number>()
    const ends: Promise<unknown>[] = []
    const request = async (id: string, each: Extract<Op, { kind: 'request' }>): Promise<void> => {
      const { from, to, manner: how, bytes, isStream, leaveAfterMs, reads } = each
      const leaving = new AbortController()
      const timer =
        leaveAfterMs === undefined ? undefined : sim.clock.schedule(leaveAfterMs, () => leaving.abort(new Error(LEFT)))
      const init = {
        method: bytes === 0 ? 'GET' : 'POST',
        headers: { 'x-id': id, 'x-manner': JSON.stringify(how) },
        signal: leaving.signal,
        ...(bytes > 0 && { body: isStream ? streamOf(bytes) : new Uint8Array(bytes), duplex: 'half' }),
      } as RequestInit
      try {
        const options = from === undefined ? {} : { system: nodes[from] as System }
        const response = await sim.fetch(`http://n${to}/path`, init, options)
        if (response.status !== how.status) throw new Error(`the status is ${response.status}, not ${how.status}`)
        const sent = bytes === 0 ? 0 : bytes + (isStream ? 1 : 0)
        if (Number(response.headers.get('x-got')) !== sent) throw new Error(`${sent} bytes were sent`)
        if (!handled.counts.has(id)) throw new Error('answered by nobody')
        const text = reads ? await response.text() : undefined
        if (text !== undefined && how.status !== 204 && text !== PART.repeat(how.parts))
          throw new Error(`the body is ${text}`)
        if (!reads) await response.body?.cancel()
      } catch (error) {
        if (!isExpected(error)) throw error
      } finally {
        timer?.cancel()
      }
    }
    for (const [index, each] of ops.entries()) {
      const to = 'to' in each ? each.to : 0
      switch (each.kind) {
        case 'request':
          // A request of a node that crashes never ends.
          if (each.from === undefined || !crashed.has(each.from)) {
            const end = request(`request ${index}`, each)
            const mayCrash = each.from !== undefined && ops.some(({ kind }) => kind === 'crash')
            if (!mayCrash) ends.push(end)
          }
          break
        case 'wait':
          await sim.clock.sleep(each.ms)
          break
        case 'partition':
          if (each.from !== to) {
            sim.network.partition(nodes[each.from] as System, nodes[to] as System, { oneWay: each.oneWay })
          }
          break
        case 'heal':
          sim.network.heal()
          break
        case 'close':
          servers[to]?.close()
          isClosed.add(to)
          break
        case 'crash':
          sim.crash(nodes[to] as System)
          crashed.add(to)
          break
        default:
          if (!crashed.has(to)) break
          nodes[to] = sim.system(`n${to}`)
          servers[to] = listen(to)
          crashed.delete(to)
          isClosed.delete(to)
      }
    }
    await Promise.all(ends)
    await sim.settle({ heal: true, within: 2_000_000 })
    const { duplicate = 0 } = faults
    for (const [id, count] of handled.counts) {
      const most = duplicate > 0 ? 4 : 1
      if (count > most) throw new Error(`${id} was handled ${count} times`)
    }
  }
