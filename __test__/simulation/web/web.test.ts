/** Servers and requests of a simulation: each kind of app, and what a request and its response carry. */
import http from 'node:http'

import express5 from 'express'
// @ts-expect-error: an alias of the older version, which has no types of its own here.
import express4 from 'express4'
import Fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { isInvalidArgumentError } from 'keelson'
import { rateLimit } from 'keelson/fetch'
import type { FetchStyleHandler, Simulation, SimulationOptions, SimulationProgram } from 'keelson/simulation'
import { describe, expect, it } from 'vitest'

import { rejection, thrown } from '../../support/rejection.ts'
import { failureOf, outcome, passes } from '../explored.ts'
import { between, echo } from './tools.ts'

type Serve = (sim: Simulation, answer: (path: string, body: unknown) => unknown) => void

const expressApp =
  (express: typeof express5): Serve =>
  (sim, answer) => {
    const app = express()
    app.use(express.json())
    app.post(
      '/pay/:who',
      (request, response) => void response.json(answer(request.params['who'] as string, request.body)),
    )
    sim.listen('api', app, { system: sim.system('b') })
  }

const apps: readonly (readonly [string, Serve, SimulationOptions?])[] = [
  ['Express 5', expressApp(express5)],
  ['Express 4', expressApp(express4 as typeof express5)],
  [
    'Fastify 5',
    (sim, answer) => {
      const app = Fastify()
      app.post('/pay/:who', (request) => answer((request.params as { who: string }).who, request.body))
      sim.listen('api', app, { system: sim.system('b') })
    },
    { timers: 'virtual' },
  ],
  [
    'a handler of node:http',
    (sim, answer) => {
      const handler: http.RequestListener = (request, response) => {
        let text = ''
        request.setEncoding('utf8').on('data', (part: string) => (text += part))
        request.on('end', () => response.end(JSON.stringify(answer(request.url?.slice(5) ?? '', JSON.parse(text)))))
      }
      sim.listen('api', handler, { system: sim.system('b') })
    },
  ],
  [
    'a server of node:http',
    (sim, answer) => {
      const server = http.createServer(async (request, response) => {
        const parts: Buffer[] = []
        for await (const part of request) parts.push(part as Buffer)
        response.end(JSON.stringify(answer(request.url?.slice(5) ?? '', JSON.parse(Buffer.concat(parts).toString()))))
      })
      sim.listen('api', server, { system: sim.system('b') })
    },
  ],
  [
    'Koa',
    (sim, answer) => {
      const app = new Koa()
      app.use(async (context) => {
        const parts: Buffer[] = []
        for await (const part of context.req) parts.push(part as Buffer)
        context.body = answer(context.path.slice(5), JSON.parse(Buffer.concat(parts).toString()))
      })
      sim.listen('api', app.callback(), { system: sim.system('b') })
    },
  ],
  [
    'Hono',
    (sim, answer) => {
      const app = new Hono()
      app.post('/pay/:who', async (context) =>
        context.json(answer(context.req.param('who'), await context.req.json()) as object),
      )
      sim.listen('api', app, { system: sim.system('b') })
    },
  ],
  [
    'a fetch-style handler',
    (sim, answer) => {
      sim.listen(
        'api',
        async (request: Request) => Response.json(answer(new URL(request.url).pathname.slice(5), await request.json())),
        {
          system: sim.system('b'),
        },
      )
    },
  ],
]

describe.each(apps.map(([name, serve, options = {}]) => [name, serve, options] as const))('%s', (_, serve, options) => {
  it('answers requests of other nodes, the same way in each run', async () => {
    const program: SimulationProgram = async (sim) => {
      serve(sim, (who, body) => ({ who, body }))
      const pay = async (amount: number): Promise<unknown> => {
        const response = await sim.fetch(
          'http://api/pay/ada',
          { method: 'POST', body: JSON.stringify({ amount }), headers: { 'content-type': 'application/json' } },
          { system: sim.system('a') },
        )
        expect(response.status).toBe(200)
        return response.json()
      }
      const found = await Promise.all([1, 2, 3].map(pay))
      expect(found).toEqual([1, 2, 3].map((amount) => ({ who: 'ada', body: { amount } })))
    }
    const settings = { runs: 10, checkEvery: 1, ...options }
    const first = await passes(program, settings)
    expect((await passes(program, settings)).digest).toBe(first.digest)
  })
})

describe.each([
  ['Express 5', express5],
  ['Express 4', express4 as typeof express5],
])('%s', (_, express) => {
  it('answers errors and unknown paths in no time, behind more middlewares than it runs at once', () =>
    passes(async (sim) => {
      const app = express()
      app.set('env', 'test')
      for (let index = 0; index < 250; index++) app.use((_request, _response, next) => next())
      app.get('/fails', () => {
        throw new Error('of the handler')
      })
      sim.listen('api', app, { system: sim.system('b') })
      const statuses = ['/fails', '/unknown'].map(async (path) => {
        const response = await sim.fetch(`http://api${path}`, {}, { system: sim.system('a') })
        await response.text()
        return response.status
      })
      expect(await Promise.all(statuses)).toEqual([500, 404])
      expect(sim.clock.monoMs()).toBe(0)
    }))
})

it('a middleware of keelson/fetch knows its clients by the addresses of their nodes', () =>
  passes(async (sim) => {
    const limit = rateLimit({ system: sim.system('b'), limit: 1, windowMs: 1000 })
    sim.listen('api', limit(() => new Response('fine')) as FetchStyleHandler, { system: sim.system('b') })
    const ask = async (name: string): Promise<number> =>
      (await sim.fetch('http://api/', {}, { system: sim.system(name) })).status
    expect([await ask('a'), await ask('a'), await ask('c')]).toEqual([200, 429, 200])
    await sim.clock.sleep(2000)
    expect(await ask('a')).toBe(200)
  }))

describe('a request', () => {
  it('has the headers of Node, the address of its node, and a body of known length', () =>
    passes(async (sim) => {
      const seen: unknown[] = []
      const { send } = between(sim, (request, response) => {
        seen.push(request.socket.remoteAddress)
        echo(request, response)
      })
      const got = (await (await send('/x?y=1', { method: 'PUT', body: 'text' })).json()) as Record<string, unknown>
      expect(got).toMatchObject({ method: 'PUT', url: '/x?y=1', body: 'text' })
      expect(got['headers']).toMatchObject({ host: 'api', 'content-length': '4', 'user-agent': 'node', accept: '*/*' })
      expect(((await (await send('/')).json()) as { headers: object }).headers).not.toHaveProperty('content-length')
      expect(seen).toEqual(['10.0.0.1', '10.0.0.1'])
    }))

  it('takes virtual time only where its handler or the network does', () =>
    passes(async (sim) => {
      const { b, send } = between(sim, (_, response) => {
        b.clock.schedule(50, () => response.end('late'))
      })
      expect(await (await send('/')).text()).toBe('late')
      expect(sim.clock.monoMs()).toBe(50)
    }))

  it('meets others in an order that the schedule chooses, also on one node', async () => {
    const orders = new Set<string>()
    const program: SimulationProgram = async (sim) => {
      const seen: string[] = []
      const { send } = between(sim, (request, response) => {
        seen.push(request.url ?? '')
        response.end()
      })
      await Promise.all(['/1', '/2', '/3'].map((path) => send(path)))
      orders.add(seen.join(''))
    }
    await passes(program, { runs: 60 })
    expect(orders.size).toBe(6)
    orders.clear()
    await passes(program, { runs: 5, schedule: 'fifo' })
    expect([...orders]).toEqual(['/1/2/3'])
  })

  it('has the date of its server, unless the app sets one', () =>
    passes(async (sim) => {
      const { b, send } = between(sim, (request, response) => {
        if (request.url === '/own') response.setHeader('date', 'today')
        response.end()
      })
      sim.clock.jumpWall(3_600_000, b)
      await sim.clock.sleep(2000)
      expect((await send('/')).headers.get('date')).toBe('Thu, 01 Jan 2026 01:00:02 GMT')
      expect((await send('/own')).headers.get('date')).toBe('today')
    }))

  it('is followed through redirects, as the options say', () =>
    passes(async (sim) => {
      const { send } = between(sim, (request, response) => {
        const [, status] = /^\/(\d+)$/.exec(request.url ?? '') ?? []
        if (status === undefined) return echo(request, response)
        response.statusCode = Number(status)
        response.setHeader('location', status === '308' ? 'http://other/end' : '/end')
        response.end()
        return undefined
      })
      sim.listen('other', echo, { system: sim.system('c') })
      const post: RequestInit = {
        method: 'POST',
        body: 'x',
        headers: { authorization: 'secret', 'content-type': 'a/b' },
      }
      const found = await send('/303', post)
      expect([found.url, found.redirected]).toEqual(['http://api/end', true])
      expect(await found.json()).toMatchObject({ method: 'GET', body: '' })
      const moved = (await (await send('/308', post)).json()) as { headers: object }
      expect(moved).toMatchObject({ method: 'POST', body: 'x' })
      expect(moved.headers).not.toHaveProperty('authorization')
      const manual = await send('/302', { redirect: 'manual' })
      expect([manual.status, manual.headers.get('location'), manual.redirected]).toEqual([302, '/end', false])
      expect((await rejection(send('/302', { redirect: 'error' }))).cause.message).toBe('unexpected redirect')
    }))

  it('sends and gets bodies as streams, part by part', () =>
    passes(async (sim) => {
      const { a, b, send } = between(sim, (request, response) => {
        request.on('data', (chunk: Buffer) => b.clock.schedule(10, () => response.write(`<${chunk.toString()}>`)))
        request.on('end', () => b.clock.schedule(20, () => response.end()))
      })
      const body = new ReadableStream<Uint8Array>({
        async start(controller) {
          for (const part of ['one', 'two']) {
            controller.enqueue(Buffer.from(part))
            await a.clock.sleep(100)
          }
          controller.close()
        },
      })
      const response = await send('/', { method: 'POST', body, duplex: 'half' } as RequestInit)
      const parts: [string, number][] = []
      for await (const part of response.body ?? []) parts.push([Buffer.from(part).toString(), sim.clock.monoMs()])
      expect(parts).toEqual([
        ['<one>', 10],
        ['<two>', 110],
      ])
    }))

  it('waits while its reader is slow', () =>
    passes(async (sim) => {
      let written = 0
      const { send } = between(sim, (_, response) => {
        const more = (): void => {
          while (written < 100 && response.write(Buffer.alloc(65_536))) written++
          if (written >= 100) response.end()
          else response.once('drain', () => ((written += 1), more()))
        }
        more()
      })
      const response = await send('/')
      await sim.settle()
      expect(written).toBeLessThan(20)
      expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(99 * 65_536)
    }))

  it('has no body for HEAD and 204, and several cookies', () =>
    passes(async (sim) => {
      const { send } = between(sim, (request, response) => {
        response.setHeader('set-cookie', ['a=1', 'b=2'])
        if (request.method === 'HEAD') response.setHeader('content-length', '10')
        else response.statusCode = 204
        response.end()
      })
      const head = await send('/', { method: 'HEAD' })
      expect([await head.text(), head.headers.get('content-length'), head.headers.getSetCookie()]).toEqual([
        '',
        '10',
        ['a=1', 'b=2'],
      ])
      const empty = await send('/')
      expect([empty.status, empty.body]).toEqual([204, null])
    }))

  it('carries forms and blobs', () =>
    passes(
      async (sim) => {
        const { send } = between(sim)
        const form = new FormData()
        form.set('name', 'Ada')
        const sent = [new URLSearchParams({ q: '1' }), new Blob(['blob']), Buffer.from('bytes'), form]
        const bodies: string[] = []
        for (const body of sent) {
          const response = await send('/', { method: 'POST', body })
          bodies.push(((await response.json()) as { body: string }).body)
        }
        expect(bodies.slice(0, 3)).toEqual(['q=1', 'blob', 'bytes'])
        expect(bodies[3]).toContain('Ada')
      },
      { checkEvery: 1 },
    ))

  it('of the program itself meets no faults; that of code on a node is sent from there', () =>
    passes(
      async (sim) => {
        const { a } = between(sim)
        expect((await sim.fetch('http://api/')).status).toBe(200)
        sim.network.partition(a, sim.system('b'))
        const timer = new AbortController()
        sim.clock.schedule(100, () => timer.abort(new Error('gone')))
        const found = await sim.inside(a, () => outcome(sim.fetch('http://api/', { signal: timer.signal })))
        expect((found as Error).message).toBe('gone')
      },
      { runs: 20, faults: { loss: 1 } },
    ))
})

describe('what is refused', () => {
  it('by name', () =>
    passes((sim) => {
      const system = sim.system('b')
      sim.listen('taken', echo, { system })
      const bad = [
        [() => sim.listen('', echo, { system }), 'name'],
        [() => sim.listen('a b', echo, { system }), 'name'],
        [() => sim.listen('API', echo, { system }), 'name'],
        [() => sim.listen('api/path', echo, { system }), 'name'],
        [() => sim.listen('http://api', echo, { system }), 'name'],
        [() => sim.listen('taken', echo, { system }), 'name'],
        [() => sim.listen('api', undefined as never, { system }), 'app'],
        [() => sim.listen('api', {} as never, { system }), 'app'],
        [() => sim.listen('api', { ready: () => 1 } as never, { system }), 'app'],
        [() => sim.listen('api', echo, undefined as never), 'options'],
        [() => sim.listen('api', echo, { system: 'b' as never }), 'options.system'],
        [() => sim.listen('api', echo, { sistem: system } as never), 'options.sistem'],
      ] as const
      for (const [attempt, field] of bad) {
        const error = thrown(attempt)
        expect(isInvalidArgumentError(error)).toBe(true)
        expect(error).toMatchObject({ field })
      }
    }))

  it('by name, as a rejection, or as fetch refuses it', () =>
    passes(async (sim) => {
      expect(await rejection(sim.fetch('http://api', {}, { system: 1 as never }))).toMatchObject({
        field: 'options.system',
      })
      expect(await rejection(sim.fetch('http://api', {}, { node: 1 } as never))).toMatchObject({
        field: 'options.node',
      })
      for (const [url, init] of [
        ['/relative'],
        ['http://api', { method: 'GET', body: 'x' }],
        ['http://api', { method: '?' }],
      ] as const)
        expect(await rejection(sim.fetch(url, init))).toBeInstanceOf(TypeError)
      expect((await rejection(sim.fetch('ftp://api/'))).cause.message).toBe('unknown scheme')
    }))

  it('the global fetch, which is a leak that names its line', async () => {
    const error = await failureOf(async (sim) => {
      between(sim)
      await fetch('http://api/')
    })
    expect(error).toMatchObject({
      code: 'KEELSON_REAL_WORLD',
      what: 'fetch',
      site: expect.stringContaining('web.test.ts'),
      message: expect.stringContaining('use `sim.fetch()`'),
    })
  })
})

it('leaves nothing behind: an app that outlives its runs is as it was', async () => {
  const server = http.createServer(echo)
  await passes(async (sim) => {
    sim.listen('api', server, { system: sim.system('b') })
    expect((await sim.fetch('http://api/')).status).toBe(200)
  })
  expect(server.listenerCount('request')).toBe(1)
})
