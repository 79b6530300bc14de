import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  circuitBreaker,
  fallback,
  hedge,
  isFailedResponseError,
  keyed,
  repeat,
  retry,
  schedule,
  timeout,
  wrap,
} from 'keelson/effect'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { abortListeners, boom, useWorld } from '../support/policies.ts'
import { rejection } from '../support/rejection.ts'

const world = useWorld()
const PAGE = 'http://service.test/items'

/** A response whose body notes its cancellation. */
interface Reply {
  readonly response: Response
  cancelled: boolean
}

function reply(status: number, headers: Record<string, string> = {}): Reply {
  const made: { response: Response; cancelled: boolean } = { response: undefined as never, cancelled: false }
  const body = new ReadableStream({
    pull: (controller) => controller.enqueue(new TextEncoder().encode(`${status} `)),
    cancel: () => {
      made.cancelled = true
    },
  })
  made.response = new Response(body, { status, headers })
  return made
}

let sent: { input: unknown; init: RequestInit }[] = []
let answers: ((init: RequestInit) => Promise<Response> | Response)[] = []
beforeEach(() => {
  sent = []
  answers = []
  vi.stubGlobal('fetch', async (input: unknown, init: RequestInit) => {
    sent.push({ input, init })
    init.signal?.throwIfAborted()
    const answer = answers.shift()
    if (answer === undefined) throw new Error('no more answers')
    return answer(init)
  })
})
afterEach(() => {
  vi.unstubAllGlobals()
})

const answer = (...replies: Reply[]): void => void answers.push(...replies.map((one) => () => one.response))
const retrying = (options = {}) => retry({ system: world.system, backoff: schedule.constant(10), ...options })

describe('fetch under a policy', () => {
  it('passes the request on with the signal of the call, and resolves with the response', async () => {
    const ok = reply(200)
    answer(ok)
    const policy = wrap(timeout(100, { system: world.system }))
    const response = await policy.fetch(PAGE, { method: 'POST', body: 'text', headers: { a: 'b' } })
    expect([response, response.bodyUsed, ok.cancelled]).toEqual([ok.response, false, false])
    expect(sent[0]).toMatchObject({ input: PAGE, init: { method: 'POST', body: 'text', headers: { a: 'b' } } })
    expect(sent[0]?.init.signal).toBeInstanceOf(AbortSignal)
    expect(policy.stats.succeeded).toBe(1)
  })

  it('counts 5xx and 429 as failures, retries them, and cancels the bodies of those that it discards', async () => {
    const replies = [reply(503), reply(429), reply(404)]
    answer(...replies)
    const told: unknown[] = []
    const policy = retrying()
    policy.on('failure', ({ error }) => void told.push(isFailedResponseError(error) && error.status))
    const call = policy.fetch(PAGE)
    await world.clock.advance(20)
    const response = await call
    expect([response.status, told]).toEqual([404, [503, 429]])
    expect(replies.map(({ cancelled }) => cancelled)).toEqual([true, true, false])
  })

  it('resolves with the last response when the policies give up, and the breaker has counted it', async () => {
    const replies = [reply(500), reply(500)]
    answer(...replies)
    const breaker = circuitBreaker({ system: world.system, consecutive: 2 })
    const call = wrap(retrying({ maxAttempts: 2 }), breaker).fetch(PAGE)
    await world.clock.advance(10)
    const response = await call
    expect([response, breaker.state]).toEqual([replies[1]?.response, 'open'])
    expect(replies.map(({ cancelled }) => cancelled)).toEqual([true, false])
    expect(await rejection(breaker.fetch(PAGE))).toMatchObject({ code: 'KEELSON_CIRCUIT_OPEN' })
  })

  it('waits as Retry-After says, in seconds or as a date', async () => {
    const { wallMs } = world.clock.now()
    const date = new Date(Math.ceil(wallMs / 1000) * 1000 + 5000).toUTCString()
    answer(reply(503, { 'retry-after': '2' }), reply(503, { 'retry-after': date }), reply(200))
    const policy = retrying()
    const delays: number[] = []
    policy.on('retry', ({ delayMs }) => void delays.push(delayMs))
    const call = policy.fetch(PAGE)
    await world.clock.advance(10_000)
    expect((await call).status).toBe(200)
    expect(delays).toEqual([2000, Date.parse(date) - wallMs - 2000])
    // What cannot be read asks for nothing.
    answer(reply(503, { 'retry-after': 'soon' }), reply(200))
    const second = policy.fetch(PAGE)
    await world.clock.advance(10)
    expect((await second).status).toBe(200)
  })

  it('lets an option say which responses are failures, and reports one that cannot say', async () => {
    answer(reply(404), reply(200))
    const call = retrying().fetch(PAGE, undefined, { isFailure: ({ ok }) => !ok })
    await world.clock.advance(10)
    expect((await call).status).toBe(200)
    for (const isFailure of [
      (): never => {
        throw boom
      },
      async () => true,
    ]) {
      answer(reply(200))
      expect((await retrying().fetch(PAGE, {}, { isFailure: isFailure as never })).status).toBe(200)
    }
    const origins = world.reported.splice(0).map(([, origin]) => origin)
    expect(origins).toEqual(['isFailure of a fetch', 'isFailure of a fetch'])
  })

  it('cancels what a fallback replaces, and the response of a slower attempt', async () => {
    const { system } = world
    const failed = reply(500)
    answer(failed)
    expect(await fallback('else', { system }).fetch(PAGE)).toBe('else')
    expect(failed.cancelled).toBe(true)
    const [slow, fast] = [reply(200), reply(200)]
    answers.push(() => world.clock.sleep(100).then(() => slow.response))
    answer(fast)
    const call = hedge({ system, afterMs: 10 }).fetch(PAGE)
    await world.clock.advance(100)
    expect(await call).toBe(fast.response)
    await world.clock.flush()
    expect([slow.cancelled, fast.cancelled]).toEqual([true, false])
  })

  it('rejects when its time is over or its caller aborts, and cancels a response that comes later', async () => {
    const { system } = world
    for (const end of ['timeout', 'abort', 'request'] as const) {
      const late = reply(200)
      answers.push(() => world.clock.sleep(100).then(() => late.response))
      const controller = new AbortController()
      const { signal } = controller
      const [input, init] = end === 'request' ? [new Request(PAGE, { signal }), {}] : [PAGE, { signal }]
      const call = rejection(timeout(50, { system }).fetch(input, init))
      if (end !== 'timeout') controller.abort(boom)
      await world.clock.advance(100)
      expect(await call).toMatchObject(end === 'timeout' ? { code: 'KEELSON_TIMEOUT' } : { message: 'boom' })
      await world.clock.flush()
      expect([late.cancelled, abortListeners(signal)]).toEqual([true, 0])
    }
    world.reported.length = 0
  })

  it('lets the caller abort the body of a response that it has', async () => {
    answer(reply(200))
    const controller = new AbortController()
    await wrap(timeout(100, { system: world.system })).fetch(PAGE, { signal: controller.signal })
    const seen = sent[0]?.init.signal as AbortSignal
    expect(seen.aborted).toBe(false)
    controller.abort(boom)
    expect(seen.aborted).toBe(true)
  })

  it('refuses a body that is a stream where the request may be sent twice', async () => {
    const { system } = world
    const stream = (): RequestInit => ({ method: 'POST', body: new ReadableStream(), duplex: 'half' }) as RequestInit
    for (const policy of [retrying(), hedge({ system, afterMs: 5 }), repeat({ system, every: 0 }), wrap(retrying())]) {
      expect(await rejection(policy.fetch(PAGE, stream()))).toMatchObject({
        code: 'KEELSON_INVALID_ARGUMENT',
        field: 'init.body',
      })
      const request = new Request(PAGE, { method: 'POST', body: 'text' })
      expect(await rejection(policy.fetch(request))).toMatchObject({ field: 'input' })
    }
    const iterable = (async function* () {
      yield 'part'
    })()
    expect(await rejection(retrying().fetch(PAGE, { body: iterable as never }))).toMatchObject({ field: 'init.body' })
    expect(sent).toEqual([])
    answer(reply(200), reply(200), reply(200))
    expect((await timeout(50, { system }).fetch(PAGE, stream())).status).toBe(200)
    expect((await retrying({ maxAttempts: 1 }).fetch(PAGE, stream())).status).toBe(200)
    expect((await retrying().fetch(new Request(PAGE))).status).toBe(200)
    // A policy of another library may run it again: then the second run is refused.
    const twice = { execute: async (task: (context: object) => Promise<unknown>) => task({}).then(() => task({})) }
    answer(reply(200))
    expect(await rejection(wrap(twice as never).fetch(PAGE, stream()))).toMatchObject({ field: 'init.body' })
  })

  it('refuses what is no option by name', async () => {
    const policy = retrying()
    const refused: [unknown, unknown, string][] = [
      [5, undefined, 'init'],
      [{ signal: 5 }, undefined, 'init.signal'],
      [{}, { isFailure: 5 }, 'options.isFailure'],
      [{}, { isFailur: () => true }, 'options.isFailur'],
      [{}, { priority: Number.NaN }, 'options.priority'],
    ]
    for (const [init, options, field] of refused) {
      expect(await rejection(policy.fetch(PAGE, init as never, options as never))).toMatchObject({ field })
    }
    expect(sent).toEqual([])
  })

  it('works by key', async () => {
    answer(reply(200), reply(500))
    const registry = keyed((host: string) => circuitBreaker({ system: world.system, name: host, consecutive: 1 }))
    expect((await registry.fetch('a', PAGE)).status).toBe(200)
    expect((await registry.fetch('b', PAGE)).status).toBe(500)
    expect([registry.get('a').state, registry.get('b').state]).toEqual(['closed', 'open'])
  })
})

it('fetches from a server: one that fails, and then answers', async () => {
  vi.unstubAllGlobals()
  let requests = 0
  const server = createServer((_, response) => {
    response.writeHead(++requests < 3 ? 503 : 200, { 'content-type': 'text/plain' })
    response.end(`answer ${requests}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const policy = wrap(retry({ backoff: 0 }), circuitBreaker())
  const response = await policy.fetch(`http://127.0.0.1:${port}/`)
  expect([await response.text(), requests]).toEqual(['answer 3', 3])
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})
