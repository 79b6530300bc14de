import { createServer, type Server } from 'node:http'

import { type ControlledClock, createControlledClock } from 'keelson/clock'
import { gracefulShutdown, type Shutdown } from 'keelson/express'
import { Supervisor } from 'keelson/otp'
import { createSystem, type System } from 'keelson/system'
import { type TestSystem, withSystem } from 'keelson/testing'

import { type Answer, ask, type AskOptions, settle } from '../lib/in-memory-http.mjs'
import { listen } from '../lib/program.mjs'
import { createService, type Service, type ServiceOptions } from './service.mjs'

interface Testable {
  readonly clock: ControlledClock
  readonly system: System
}

interface World {
  readonly server: Server
  readonly service: Service
  /** Sends a request, and moves the clock until the answer is there. */
  get(path: string, options?: AskOptions): Promise<Answer>
  post(path: string, body: unknown): Promise<Answer>
}

async function world({ clock, system }: Testable, options: ServiceOptions = {}): Promise<World> {
  const service = await createService(system, { limit: 1000, ...options })
  const server = createServer(service.app)
  const get = (path: string, how: AskOptions = {}): Promise<Answer> => settle(clock, ask(server, path, how))
  return { server, service, get, post: (path, body) => get(path, { method: 'POST', body }) }
}

const isPoison = ({ body }: { readonly body?: unknown }): boolean => (body as { text?: string })?.text === 'poison'

describe('handlers', () => {
  test(
    'a crash fails its request alone',
    withSystem(async (system) => {
      const { server, post, service } = await world(system, { handlers: { isBug: isPoison } })
      const poisoned = ask(server, '/api/echo', { method: 'POST', body: { text: 'poison' } })
      const others = Promise.all([1, 2, 3].map(() => ask(server, '/api/users')))
      const answers = await settle(system.clock, Promise.all([poisoned, others]))
      expect(answers.flat().map(({ status }) => status)).toEqual([500, 200, 200, 200])
      await system.clock.advance(100)
      expect(service.handlers.restarts()).toBe(1)
      expect((await post('/api/echo', { text: 'hello' })).body).toBe('{"echo":{"text":"hello"}}')
    }),
  )

  test(
    'a handler that keeps crashing comes back later each time',
    withSystem(async (system) => {
      const { clock } = system
      const { post } = await world(system, { handlers: { count: 1, isBug: () => true } })
      const downMs: number[] = []
      let crashedAt = 0
      Supervisor.onLifecycleEvent(({ type }) => {
        if (type === 'crashed') crashedAt = clock.monoMs()
        if (type === 'restarted') downMs.push(clock.monoMs() - crashedAt)
      }, system)
      for (let crash = 0; crash < 5; crash++) {
        expect((await post('/api/echo', {})).status).toBe(500)
        // Meanwhile there is no handler, and the client is told to come back.
        expect((await post('/api/echo', {})).status).toBe(503)
        await clock.advance(5000)
      }
      // 100 ms, doubled each time; up to half of each pause is left out by chance.
      const bounds = [100, 200, 400, 800, 1600]
      expect(downMs.every((ms, crash) => ms <= bounds[crash]! && ms >= bounds[crash]! / 2)).toBe(true)
      expect(downMs).toHaveLength(5)
    }),
  )

  test(
    'a handler that hangs is given up after five seconds',
    withSystem(async (system) => {
      const { get } = await world(system, { handlers: { workMs: () => 3_600_000 } })
      const before = system.clock.monoMs()
      expect((await get('/api/users')).status).toBe(504)
      expect(Math.floor((system.clock.monoMs() - before) / 100)).toBe(50)
      // Its signal has ended the work, so the handler is free again.
      assertNoTimerOf(system, 3_600_000)
    }),
  )
})

/** Fails when a wait of this length is left. */
function assertNoTimerOf({ clock }: TestSystem, ms: number): void {
  expect(clock.sleepers().filter(({ dueMs }) => dueMs >= ms)).toEqual([])
}

describe('the breaker of the database', () => {
  test(
    'opens after three failures, and costs the database nothing while it is open',
    withSystem(async (system) => {
      const { get, service } = await world(system)
      service.database.mode = 'fails'
      const statuses = []
      for (let i = 0; i < 5; i++) statuses.push((await get('/api/data/1')).status)
      expect(statuses).toEqual([500, 500, 500, 503, 503])
      expect(service.database.queries).toBe(3)
      expect((await get('/api/data/1')).headers['retry-after']).toBe('30')
      expect((await get('/api/users')).status).toBe(200)
    }),
  )

  test(
    'probes after thirty seconds, and closes after three successes',
    withSystem(async (system) => {
      const { get, service } = await world(system)
      const { breaker } = service.database
      service.database.mode = 'fails'
      for (let i = 0; i < 3; i++) await get('/api/data/1')
      service.database.mode = 'works'
      await system.clock.advance(29_000)
      expect((await get('/api/data/1')).status).toBe(503)
      await system.clock.advance(1000)
      expect((await get('/api/data/1')).body).toBe('{"id":1,"name":"row 1"}')
      expect(breaker.state).toBe('halfOpen')
      for (let i = 0; i < 2; i++) await get('/api/data/1')
      expect(breaker.state).toBe('closed')
    }),
  )
})

describe('connections of the database', () => {
  test(
    'come back when a query is given up after three seconds',
    withSystem(async (system) => {
      const { get, service } = await world(system)
      service.database.mode = 'hangs'
      expect((await get('/api/data/1')).status).toBe(504)
      expect(service.database.connections.available).toBe(8)
      assertNoTimerOf(system, 3_600_000)
    }),
  )

  test(
    'come back when the client leaves',
    withSystem(async (system) => {
      const { server, service } = await world(system)
      service.database.mode = 'hangs'
      const client = new AbortController()
      const answer = ask(server, '/api/data/1', { signal: client.signal }).catch((error: Error) => error.name)
      while (service.database.connections.available === 8) await system.clock.advance(1)
      client.abort()
      expect(await settle(system.clock, answer)).toBe('AbortError')
      while (service.inFlight().length > 0) await system.clock.advance(1)
      expect(service.database.connections.available).toBe(8)
      expect(service.journal.getLast()?.data).toMatchObject({ path: '/api/data/1', aborted: true })
    }),
  )
})

test(
  'a client that asks too much waits five minutes, and no other does',
  withSystem(async (system) => {
    const { get } = await world(system, { limit: 50 })
    const statuses = new Set<number>()
    for (let i = 0; i < 50; i++) statuses.add((await get('/api/users')).status)
    expect([...statuses]).toEqual([200])
    const refused = await get('/api/users')
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '300'])
    expect((await get('/api/users', { address: '192.0.2.2' })).status).toBe(200)
    await system.clock.advance(299_000)
    expect((await get('/api/users')).status).toBe(429)
    await system.clock.advance(1000)
    expect((await get('/api/users')).status).toBe(200)
  }),
)

describe('what the service says about itself', () => {
  test(
    'every request has an id, is in flight, and then one entry of the journal',
    withSystem(async (system) => {
      const { server, service } = await world(system)
      const answer = ask(server, '/api/users', { headers: { 'user-agent': 'test' } })
      while (service.inFlight().length === 0) await system.clock.advance(1)
      const [request] = service.inFlight()
      expect(request).toMatchObject({ method: 'GET', path: '/api/users' })
      const { headers } = await settle(system.clock, answer)
      expect(headers['x-request-id']).toBe(request?.id)
      expect(service.journal.size()).toBe(1)
      expect(service.journal.getLast()?.data).toMatchObject({
        id: request?.id,
        status: 200,
        ip: '192.0.2.1',
        headers: { 'user-agent': 'test' },
      })
    }),
  )

  test(
    'the journal records refusals and faults, and forgets the oldest',
    withSystem(async (system) => {
      const { get, service } = await world(system, { maxEntries: 3 })
      await get('/health')
      await get('/nowhere')
      await get('/api/echo', { method: 'POST', body: 'no object' })
      await get('/ready')
      expect(service.journal.getAll().map(({ path, status }) => [path, status])).toEqual([
        ['/nowhere', 404],
        ['/api/echo', 400],
        ['/ready', 200],
      ])
    }),
  )

  test(
    'metrics have statuses, latencies, restarts and the circuit',
    withSystem(async (system) => {
      const { get, service } = await world(system)
      service.database.mode = 'fails'
      for (let i = 0; i < 5; i++) await get('/api/data/1')
      await get('/api/users')
      const { body, headers } = await get('/metrics')
      expect(headers['content-type']).toContain('text/plain')
      const samples = Object.fromEntries(
        body
          .trim()
          .split('\n')
          .map((line) => line.split(' ')),
      ) as Record<string, string>
      expect(samples).toMatchObject({
        'requests{status="200"}': '1',
        'requests{status="500"}': '3',
        'requests{status="503"}': '2',
        requests_in_flight: '1',
        handler_restarts_total: '0',
        database_queries_total: '3',
        database_circuit_open: '1',
      })
      expect(Number(samples['gate_limit'])).toBeGreaterThan(0)
      expect(Number(samples['request_duration_ms{quantile="0.99"}'])).toBeGreaterThan(0)
    }),
  )

  test(
    'metrics are those of the last minute',
    withSystem(async (system) => {
      const { get } = await world(system)
      await get('/api/users')
      await system.clock.advance(61_000)
      expect((await get('/metrics')).body).not.toContain('status="200"')
    }),
  )
})

describe('the end', () => {
  /** A system whose end leaves the clock alone, so that the test can go on with it. */
  async function ending(options?: ServiceOptions) {
    const errors: unknown[] = []
    const clock = createControlledClock()
    const system = createSystem({ clock, onError: (error) => void errors.push(error) })
    const made = await world({ clock, system }, { ...options, isReady: () => shutdown.ready })
    const shutdown: Shutdown = gracefulShutdown(made.server, {
      system,
      exit: false,
      signals: ['SIGUSR2'],
      timeout: 10_000,
    })
    await listen(made.server)
    return { ...made, clock, errors, shutdown }
  }

  test('waits for requests in flight, and leaves nothing', async () => {
    const { clock, errors, server, service, shutdown } = await ending({ handlers: { workMs: () => 4000 } })
    const answer = ask(server, '/api/users')
    while (service.inFlight().length === 0) await clock.advance(1)
    const code = shutdown.shutdown()
    expect((await settle(clock, ask(server, '/ready'))).status).toBe(503)
    expect((await settle(clock, answer)).status).toBe(200)
    expect(await settle(clock, code)).toBe(0)
    expect([shutdown.brokenOff, errors]).toEqual([[], []])
    expect(clock.monoMs()).toBeLessThan(4100)
    expect(clock.getPendingTimerCount()).toBe(0)
  })

  test('breaks off what takes longer than ten seconds, and says so', async () => {
    const { clock, errors, server, service, shutdown } = await ending()
    // A request whose body never ends holds up the server, and no timeout of the service sees it.
    const headers = { 'content-type': 'application/json', 'content-length': '10' }
    const answer = ask(server, '/api/echo', { method: 'POST', headers, endless: true })
    const broken = answer.catch((error: NodeJS.ErrnoException) => error.code)
    while (service.inFlight().length === 0) await clock.advance(1)
    expect(await settle(clock, shutdown.shutdown())).toBe(1)
    expect(await broken).toBe('ECONNRESET')
    expect(shutdown.brokenOff).toMatchObject([{ method: 'POST', path: '/api/echo' }])
    expect(errors).toMatchObject([{ code: 'KEELSON_TIMEOUT' }, { message: 'broken off: a request (POST /api/echo)' }])
    expect(Math.floor(clock.monoMs() / 1000)).toBe(10)
  })
})
