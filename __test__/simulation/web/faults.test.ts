/** What the network, crashes and clients that leave do to a request. */
import type http from 'node:http'
import type { SimulationProgram } from 'keelson/simulation'
import { describe, expect, it } from 'vitest'

import { rejection } from '../../support/rejection.ts'
import { explored, failureOf, outcome, passes } from '../explored.ts'
import { between, causeOf, echo } from './tools.ts'

describe('a request that cannot be answered', () => {
  it('fails at once where nobody listens under the name', () =>
    passes(async (sim) => {
      const { send } = between(sim)
      expect(await causeOf(sim.fetch('http://nowhere/'))).toEqual(['fetch failed', 'ENOTFOUND'])
      expect(await causeOf(sim.fetch('http://api:81/'))).toEqual(['fetch failed', 'ECONNREFUSED'])
      expect((await send('/')).status).toBe(200)
      expect(sim.clock.monoMs()).toBe(0)
    }))

  it('is refused when the server is closed, or its node has crashed; another start listens again', () =>
    passes(async (sim) => {
      const { b, send } = between(sim)
      const other = sim.listen('other:8080', echo, { system: b })
      expect(other.url).toBe('http://other:8080')
      expect((await sim.fetch(`${other.url}/`)).status).toBe(200)
      other.close()
      expect(await causeOf(sim.fetch(`${other.url}/`))).toEqual(['fetch failed', 'ECONNREFUSED'])
      sim.crash(b)
      expect(await causeOf(send('/'))).toEqual(['fetch failed', 'ECONNREFUSED'])
      sim.listen('api', echo, { system: sim.system('b') })
      expect((await send('/')).status).toBe(200)
    }))

  it('has an unknown outcome when the node of the server crashes meanwhile', async () => {
    const begun = new Set<number>()
    await passes(
      async (sim) => {
        let requests = 0
        const { b, send } = between(sim, (_, response) => {
          requests++
          b.clock.schedule(20, () => response.end('done'))
        })
        const answer = causeOf(send('/'))
        await sim.clock.sleep(sim.choose(2, 'crash later') * 10)
        sim.crash(b)
        expect((await answer) as string[]).toEqual([
          'fetch failed',
          expect.stringMatching(/^(?:UND_ERR_SOCKET|ECONNREFUSED)$/),
        ])
        expect(sim.clock.monoMs()).toBeLessThan(20)
        begun.add(requests)
      },
      { runs: 30 },
    )
    expect([...begun].toSorted()).toEqual([0, 1])
  })

  it('breaks off in its body when the node of the server crashes', () =>
    passes(async (sim) => {
      const { b, send } = between(sim, (_, response) => void response.write('part'))
      const response = await send('/')
      b.clock.schedule(10, () => sim.crash(b))
      expect(await causeOf(response.text())).toEqual(['terminated', 'UND_ERR_SOCKET'])
    }))

  it('ends after the time that Node gives it, when a partition or a loss keeps it or its response away', async () => {
    for (const way of ['request', 'response'] as const) {
      await passes(async (sim) => {
        let requests = 0
        const { a, b, send } = between(sim, (_, response) => {
          requests++
          response.end('done')
        })
        if (way === 'request') sim.network.partition(a, b, { oneWay: true })
        else sim.network.partition(b, a, { oneWay: true })
        expect(await causeOf(send('/'))).toEqual(['fetch failed', 'UND_ERR_HEADERS_TIMEOUT'])
        expect([requests, sim.clock.monoMs()]).toEqual([way === 'request' ? 0 : 1, 300_000])
      })
    }
    await passes(
      async (sim) => {
        const { send } = between(sim)
        expect(await causeOf(send('/'))).toEqual(['fetch failed', 'UND_ERR_HEADERS_TIMEOUT'])
      },
      { faults: { loss: 1 }, runs: 1, seed: 3 },
    )
  })

  it('loses either the request or the response, as the run chooses', async () => {
    const seen = new Set<string>()
    const program: SimulationProgram = async (sim) => {
      let requests = 0
      const { send } = between(sim, (_, response) => {
        requests++
        response.end('done')
      })
      const found = await outcome(send('/'))
      seen.add(`${requests} ${found instanceof Response ? 'answered' : 'lost'}`)
    }
    await passes(program, { runs: 60, faults: { loss: 0.3 } })
    expect([...seen].toSorted()).toEqual(['0 lost', '1 answered', '1 lost'])
  })

  it('arrives twice where that is chosen, and is answered once', async () => {
    const seen = new Set<number>()
    const program: SimulationProgram = async (sim) => {
      const bodies: string[] = []
      const { send } = between(sim, (request, response) => {
        request.setEncoding('utf8').on('data', (text: string) => bodies.push(text))
        request.on('end', () => response.end(`answer ${bodies.length}`))
      })
      const response = await send('/', { method: 'POST', body: 'once' })
      expect(await response.text()).toMatch(/^answer [12]$/)
      await sim.settle()
      expect(new Set(bodies)).toEqual(new Set(['once']))
      seen.add(bodies.length)
    }
    await passes(program, { runs: 40, faults: { duplicate: 0.5 } })
    expect([...seen].toSorted()).toEqual([1, 2])
  })

  it('is late where that is chosen', async () => {
    const times = new Set<number>()
    const program: SimulationProgram = async (sim) => {
      const { send } = between(sim)
      await (await send('/')).text()
      times.add(sim.clock.monoMs())
    }
    await passes(program, { runs: 100, faults: { latency: 0.4 } })
    for (const late of [0, 1, 10, 100, 1000]) expect(times).toContain(late)
  })
})

describe('a client that leaves', () => {
  it('rejects with its reason at once, and the server learns of it', () =>
    passes(async (sim) => {
      const closed: unknown[] = []
      const { a, send } = between(sim, (_, response) => {
        response.on('close', () => closed.push([response.writableFinished, sim.clock.monoMs()]))
      })
      const leaving = new AbortController()
      a.clock.schedule(30, () => leaving.abort(new Error('impatient')))
      expect((await rejection(send('/', { signal: leaving.signal }))).message).toBe('impatient')
      expect(sim.clock.monoMs()).toBe(30)
      await sim.settle()
      expect(closed).toEqual([[false, 30]])
      const before = AbortSignal.abort(new Error('never begun'))
      expect((await rejection(send('/', { signal: before }))).message).toBe('never begun')
    }))

  it('aborts the signal of a fetch-style handler', () =>
    passes(async (sim) => {
      const [a, b] = [sim.system('a'), sim.system('b')]
      let aborted = 0
      sim.listen(
        'api',
        (request: Request) =>
          new Promise<Response>(() => {
            request.signal.addEventListener('abort', () => aborted++)
          }),
        { system: b },
      )
      const leaving = new AbortController()
      a.clock.schedule(30, () => leaving.abort())
      await rejection(sim.fetch('http://api/', { signal: leaving.signal }, { system: a }))
      await sim.settle()
      expect(aborted).toBe(1)
    }))

  it('with its node is noticed by the server', () =>
    passes(async (sim) => {
      let closed = 0
      const { a, send } = between(sim, (_, response) => void response.on('close', () => closed++))
      void send('/')
      await sim.clock.sleep(10)
      sim.crash(a)
      await sim.settle()
      expect(closed).toBe(1)
    }))

  it('in the middle of a body ends the body', () =>
    passes(async (sim) => {
      const { a, b, send } = between(sim, (_, response) => {
        const tick = b.clock.interval(10, () => response.write('tick '))
        response.on('close', () => tick.cancel())
      })
      const leaving = new AbortController()
      const response = await send('/', { signal: leaving.signal })
      a.clock.schedule(35, () => leaving.abort(new Error('enough')))
      expect((await rejection(response.text())).message).toBe('enough')
      await sim.settle()
    }))
})

describe('a handler', () => {
  it('runs on its node: its calls go through the network, and its time is the node’s', () =>
    passes(async (sim) => {
      const { b, send } = between(sim, async (_, response) => {
        sim.network.partition(b, sim.system('c'))
        await b.clock.sleep(1)
        const found = await outcome(sim.fetch('http://store/', { signal: gone.signal }))
        response.end(`${(found as Error).message} ${Date.now() - start}`)
      })
      const gone = new AbortController()
      sim.listen('store', echo, { system: sim.system('c') })
      const start = Date.now()
      sim.clock.jumpWall(1000, b)
      b.clock.schedule(50, () => gone.abort(new Error('parted')))
      expect(await (await send('/')).text()).toBe('parted 1050')
    }))

  it('that fails without an owner fails the run, with the name of its node', async () => {
    const handlers: http.RequestListener[] = [
      () => {
        throw new Error('of the handler')
      },
      async () => {
        throw new Error('of the handler')
      },
    ]
    for (const handler of handlers) {
      const { failure } = await explored(async (sim) => {
        const { send } = between(sim, handler)
        await send('/')
      })
      expect(failure?.error).toMatchObject({ message: 'of the handler' })
      expect(failure?.report).toContain('in node b')
    }
    const { failure } = await explored(async (sim) => {
      sim.listen('api', () => Promise.reject(new Error('of the handler')), { system: sim.system('b') })
      await sim.fetch('http://api/', {}, { system: sim.system('a') })
    })
    expect(failure?.report).toContain('of the handler, in node b')
  })

  it('with one parameter that returns no response is told what it was taken for', async () => {
    const error = await failureOf(async (sim) => {
      sim.listen('api', (() => undefined) as never, { system: sim.system('b') })
      await sim.fetch('http://api/')
    })
    expect(error).toMatchObject({ field: 'app(request)', message: expect.stringContaining('fetch-style') })
  })

  it('does not go on after a crash of its node', () =>
    passes(async (sim) => {
      let wentOn = 0
      const { b, send } = between(sim, async (_, response) => {
        await b.clock.sleep(10)
        wentOn++
        response.end()
      })
      const answer = outcome(send('/'))
      await sim.clock.sleep(5)
      sim.crash(b)
      await answer
      await sim.settle()
      expect(wentOn).toBe(0)
    }))
})
