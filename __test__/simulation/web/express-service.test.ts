/** A service of Express behind keelson's own middleware, its store on another node, and clients, under faults. */
import express from 'express'
import { Atrion, isCallTimeoutError, isServerNotRunningError } from 'keelson'
import { admission, rateLimit } from 'keelson/express'
import { GenServer, type GenServerRef } from 'keelson/otp'
import { linearizable, replay, type SequentialModel, type Simulation, type SimulationProgram } from 'keelson/simulation'
import type { System } from 'keelson/system'
import { describe, expect, it } from 'vitest'

import { programs } from '../../support/programs.ts'
import { explored, passes } from '../explored.ts'

const LIMIT = 2
const PER_CLIENT = 4
const WINDOW_MS = 1000

interface Order {
  readonly key: string
  readonly add: number
}

/** Keeps a sum for each key. */
const store = {
  init: (): Record<string, number> => ({}),
  handleCall: ({ key, add }: Order, sums: Record<string, number>): [number, Record<string, number>] => {
    const sum = (sums[key] ?? 0) + add
    return [sum, { ...sums, [key]: sum }]
  },
}

/** The same in one place, for the check of what clients saw. */
const sums: SequentialModel<number, Order, number> = {
  init: () => 0,
  apply: (sum, { add }) => [sum + add, sum + add],
  key: ({ key }) => key,
}

interface Service {
  readonly app: ReturnType<typeof express>
  /** The requests that are in their handlers. */
  readonly running: () => number
}

/** The service: admission, a rate limit for each client, and a handler that asks the store. */
function serviceOf(system: System, askStore: (order: Order) => Promise<number>): Service {
  let running = 0
  const app = express()
  app.set('env', 'test')
  const atrion = new Atrion({
    system,
    admission: { limit: LIMIT, maxQueue: 3, tricklePerSecond: 0.001, trickleShare: 0.0001 },
  })
  app.use(rateLimit({ system, limit: PER_CLIENT, windowMs: WINDOW_MS }))
  app.use(admission({ atrion }))
  app.use(express.json())
  app.post('/add', (request, response) => {
    // Express lets a request pass whose client has left, without its body.
    if (request.body === undefined) return void response.status(400).end()
    running++
    return void askStore(request.body as Order)
      .then((sum) => response.json({ sum }))
      .catch((error: unknown) => {
        if (!isCallTimeoutError(error) && !isServerNotRunningError(error)) throw error
        response.status(504).end()
      })
      .finally(() => running--)
  })
  return { app, running: () => running }
}

/** Refused before the handler has begun: nothing was added. */
const isRefused = (error: unknown): boolean => /refused with (?:429|503)/.test((error as Error).message)

/** Returns the program: three clients send orders, and what they saw must be what a sum would give. */
const program =
  (isRacy: boolean): SimulationProgram =>
  async (sim: Simulation) => {
    const ref = (await GenServer.start(store as never, { system: sim.system('store') })) as GenServerRef
    const system = sim.system('shop')
    const ask = (order: Order): Promise<number> => GenServer.call(ref as never, order as never, { timeout: 500 })
    // The race: it reads the sum, and then adds what is missing to the one that it wants.
    const racy = async ({ key, add }: Order): Promise<number> => {
      const before = await ask({ key, add: 0 })
      const now = await ask({ key, add: 0 })
      return (await ask({ key, add: before + add - now })) as number
    }
    const { app, running } = serviceOf(system, isRacy ? racy : ask)
    sim.listen('shop', app, { system })
    sim.invariant('no more requests run than the gate admits', () => running() <= LIMIT)
    const history = sim.history<Order, number>()
    let [refused, answered] = [0, 0]
    const client = async (name: string): Promise<void> => {
      const from = sim.system(name)
      const begun: number[] = []
      for (let turn = 0; turn < 6; turn++) {
        const order = { key: sim.choose(2, 'key') === 0 ? 'x' : 'y', add: 1 }
        const send = async (): Promise<number> => {
          const leaving = new AbortController()
          const timer = from.clock.schedule(2000, () => leaving.abort(new Error('too late')))
          try {
            const response = await sim.fetch(
              'http://shop/add',
              {
                method: 'POST',
                body: JSON.stringify(order),
                headers: { 'content-type': 'application/json' },
                signal: leaving.signal,
              },
              { system: from },
            )
            const { status } = response
            if (status === 429 || status === 503) throw new Error(`refused with ${status}`)
            if (status !== 200) throw new Error(`the status is ${status}`)
            begun.push(system.clock.monoMs())
            return ((await response.json()) as { sum: number }).sum
          } finally {
            timer.cancel()
          }
        }
        await history.record(name, order, send, { failed: isRefused }).then(
          () => answered++,
          (error: unknown) => {
            if (isRefused(error)) refused++
            else if (!/too late|the status is 504|fetch failed|terminated/.test((error as Error).message)) throw error
          },
        )
        await from.clock.sleep(20)
      }
      for (const at of begun) {
        const inWindow = begun.filter((other) => other >= at && other < at + WINDOW_MS / 2)
        if (inWindow.length > 2 * PER_CLIENT) throw new Error(`${inWindow.length} requests of a client in a window`)
      }
    }
    const clients = Promise.all(['ada', 'bob', 'cyd'].map(client))
    await clients
    await sim.settle({ heal: true, within: 1_000_000 })
    sim.sometimes('a request was refused', refused > 0)
    sim.sometimes('a request was answered', answered > 0)
    history.check(linearizable(sums))
  }

const FAULTS = { latency: 0.1, loss: 0.03, partition: 0.01, delay: 0.05, pause: 0.01, skew: 0.1 }

describe('a service of Express on two nodes', () => {
  it('keeps its limits and its promises to clients, under faults, the same way in each run', async () => {
    const options = { runs: programs(40), faults: FAULTS, checkEvery: 5, seed: 7 }
    const first = await passes(program(false), options)
    expect((await passes(program(false), options)).digest).toBe(first.digest)
  })

  it('that reads and then writes is caught by what its clients saw, shrunk, and replayed', async () => {
    const { failure } = await explored(program(true), { runs: 300, faults: { latency: 0.1 }, seed: 1 })
    expect(failure?.error).toMatchObject({ code: 'KEELSON_NOT_LINEARIZABLE' })
    expect(failure?.choices.filter(({ value }) => value !== 0).length).toBeLessThanOrEqual(10)
    const again = await replay(failure?.file as string, program(true))
    expect(String(again.failure?.error)).toBe(String(failure?.error))
  })
})
