import http from 'node:http'
import type { AddressInfo } from 'node:net'

import express5 from 'express'
// @ts-expect-error: an alias of the older version, which has no types of its own here.
import express4 from 'express4'
import { type AdmissionConfig, Atrion, createSystem, type GateState, type System } from 'keelson'
import { admission, type AdmissionOptions } from 'keelson/express'
import { expect, onTestFinished } from 'vitest'

export type ExpressModule = typeof express5

/** Both versions of Express that the middleware supports. */
export const versions: readonly [string, ExpressModule][] = [
  ['Express 5', express5],
  ['Express 4', express4 as ExpressModule],
]

export interface Gated {
  readonly atrion: Atrion
  readonly system: System
  readonly reported: { readonly error: unknown; readonly origin: string }[]
}

/** Creates an Atrion on a system of its own, in real time, and keeps what is reported. It is closed with the test. */
export function gated(config?: AdmissionConfig, maxRoutes?: number): Gated {
  const reported: { error: unknown; origin: string }[] = []
  const system = createSystem({ onError: (error, origin) => reported.push({ error, origin }) })
  onTestFinished(() => system.close())
  const atrion = new Atrion({ system, ...(config && { admission: config }), ...(maxRoutes && { maxRoutes }) })
  return { atrion, system, reported }
}

/** One place and nobody waits: the second request at a time is refused (beside a trickle). */
export const single: AdmissionConfig = { limit: 1, maxQueue: 0, tricklePerSecond: 0.001, trickleShare: 0.0001 }

/** Returns the readings of a gate. */
export const gateOf = (atrion: Atrion, name: string): GateState => atrion.getState(name)!.gate!

/** Resolves once a gate has no request in flight. */
export const settled = async (atrion: Atrion, name: string): Promise<void> => {
  await expect.poll(() => gateOf(atrion, name).inFlight).toBe(0)
}

/** Creates a handler that answers when `release` is called. */
export function held() {
  const arrived: (() => void)[] = []
  const open: (() => void)[] = []
  let waiting = 0
  return {
    handler: (_req: unknown, res: http.ServerResponse) => {
      open.push(() => res.end('done'))
      waiting += 1
      arrived.shift()?.()
    },
    /** Resolves when another request has arrived. */
    arrival: async () => {
      if (waiting === 0) await new Promise<void>((resolve) => arrived.push(resolve))
      waiting -= 1
    },
    /** Answers the requests that arrived. */
    release: () => {
      for (const answer of open.splice(0)) answer()
    },
    get pending() {
      return open.length
    },
  }
}

export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
}

export interface Served {
  readonly port: number
  readonly server: http.Server
  get(path: string, options?: http.RequestOptions): Promise<Answer>
  /** A request that can be given up; `body` is sent as it is. */
  send(path: string, options?: http.RequestOptions, body?: Buffer): { answer: Promise<Answer>; leave: () => void }
}

/** Serves an app on a free port until the test ends. */
export async function serve(app: http.RequestListener): Promise<Served> {
  const server = http.createServer(app)
  const agent = new http.Agent({ keepAlive: true })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  onTestFinished(() => {
    agent.destroy()
    server.closeAllConnections()
    server.close()
  })
  const send: Served['send'] = (path, options, body) => {
    const request = http.request({ port, host: '127.0.0.1', path, agent, ...options })
    const answer = new Promise<Answer>((resolve, reject) => {
      request.on('error', reject)
      request.on('response', (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body: text }))
      })
    })
    answer.catch(() => {}) // Not everybody waits for theirs.
    request.end(body)
    return { answer, leave: () => void request.destroy() }
  }
  return { port, server, send, get: (path, options) => send(path, options).answer }
}

/** An app whose only place is taken. */
export async function full(express: ExpressModule, options: AdmissionOptions = {}, config = single) {
  const all = gated(config)
  const app = express()
  const hold = held()
  app.use(admission({ atrion: all.atrion, ...options }))
  app.all('/slow', hold.handler)
  app.use((_req, res) => void res.send('fine'))
  const served = await serve(app)
  const slow = served.get('/slow')
  await hold.arrival()
  return { ...all, ...served, ...hold, slow }
}
