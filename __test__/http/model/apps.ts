// The same stack in each framework: a spy, the journal, the limit, the gate, and a handler that does as the path says.
import http from 'node:http'
import type { AddressInfo } from 'node:net'

import type { NextFunction, Request, Response } from 'express'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Atrion, ControlledClock, Journal, System } from 'keelson'
import {
  admission,
  gracefulShutdown,
  rateLimit,
  type RequestEntry,
  requestJournal,
  type Shutdown,
  type ShutdownOptions,
} from 'keelson/express'
import * as forFastify from 'keelson/fastify'
import * as forKoa from 'keelson/koa'
import Fastify from 'fastify'
import type { Context, Next } from 'koa'

import { versions } from '../../support/express.ts'
import { koaApp, koas } from '../../support/koa.ts'

/** The request as a handler sees it in any framework. */
export interface Work {
  readonly id: number
  readonly kind: string
  readonly req: http.IncomingMessage
  readonly res: http.ServerResponse
  /** Answers by the framework's means. */
  answer(status: number, body: string): void
  /** Fails by the framework's means. */
  fail(): void
  /** Takes the response away from the framework. */
  raw(): http.ServerResponse
}

export interface Parts {
  readonly clock: ControlledClock
  readonly system: System
  readonly atrion: Atrion
  readonly journal: Journal<RequestEntry>
  /** A request comes to the middlewares, the limit, the handler. */
  seen(id: number): void
  counted(id: number): void
  work(work: Work): void
}

export interface Served {
  readonly server: http.Server
  listen(): Promise<number>
  /** Returns how many successes the limit has counted. */
  used(): number
  shutdown(options: ShutdownOptions): Shutdown
  close(): Promise<void>
}

const KEY = 'everybody'
/** A window so long that nothing is refilled in it. */
const quota = { windowMs: 1e12, limit: 1_000_000, skipFailedRequests: true, standardHeaders: false, validate: false }

const idOf = (url = ''): number => Number(url.split('/')[3])
const kindOf = (url = ''): string => decodeURIComponent(url.split('/')[2] ?? '')
const waitOf = (req: http.IncomingMessage, name: string): number => Number(req.headers[name] ?? 0)

type Step = (req: http.IncomingMessage, res: http.ServerResponse, next: (error?: unknown) => void) => void

function middlewares({ clock, system, atrion, journal, seen, counted }: Parts) {
  const limit = rateLimit({ ...quota, keyGenerator: () => KEY, system })
  const pause =
    (name: string, then: (id: number) => void): Step =>
    (req, res, next) => {
      res.on('error', () => {})
      const go = (): void => {
        then(idOf(req.url))
        next()
      }
      const ms = waitOf(req, name)
      if (ms === 0) go()
      else clock.schedule(ms, go)
    }
  const isGone = (res: http.ServerResponse, id: number): void => {
    if (!res.destroyed) counted(id)
  }
  const steps: Step[] = [
    pause('x-before', seen),
    requestJournal(journal, { system }),
    (req, res, next) => {
      isGone(res, idOf(req.url))
      next()
    },
    limit,
    pause('x-between', () => {}),
    admission({ atrion, name: 'app' }),
  ]
  return { steps, used: () => limit.getKey(KEY)?.used ?? 0 }
}

function bare(parts: Parts): Served {
  const { steps, used } = middlewares(parts)
  const server = http.createServer((req, res) => {
    const run = (index: number): void => {
      const step = steps[index]
      if (step !== undefined) return step(req, res, () => run(index + 1))
      const answer = (status: number, body: string): void => {
        if (res.headersSent || res.writableEnded) return
        res.statusCode = status
        res.end(body)
      }
      const fail = (): void => answer(500, 'failed')
      return parts.work({ id: idOf(req.url), kind: kindOf(req.url), req, res, answer, fail, raw: () => res })
    }
    run(0)
  })
  return finished(server, used)
}

function finished(server: http.Server, used: () => number): Served {
  return {
    server,
    used,
    listen: async () => {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return (server.address() as AddressInfo).port
    },
    shutdown: (options) => gracefulShutdown(server, options),
    close: async () => {
      server.closeAllConnections()
      if (server.listening) server.close()
    },
  }
}

function express(parts: Parts, name: string): Served {
  const make = versions.find(([version]) => version === name)![1]
  const { steps, used } = middlewares(parts)
  const app = make()
  app.set('env', 'test')
  for (const step of steps) app.use(step as never)
  app.use((req: Request, res: Response, next: NextFunction) => {
    const answer = (status: number, body: string): void => {
      if (!res.headersSent) res.status(status).send(body)
    }
    const fail = (): void => next(new Error('failed'))
    parts.work({ id: idOf(req.originalUrl), kind: kindOf(req.originalUrl), req, res, answer, fail, raw: () => res })
  })
  return finished(http.createServer(app), used)
}

async function fastify(parts: Parts): Promise<Served> {
  const app = Fastify()
  const { steps, used } = middlewares(parts)
  const pauses = [steps[0]!, steps[2]!, steps[4]!]
  const hook = (step: Step): void =>
    void app.addHook('onRequest', (request, reply, done) => step(request.raw, reply.raw, done as () => void))
  hook(pauses[0]!)
  app.register(forFastify.requestJournal, { journal: parts.journal, system: parts.system })
  app.after(() => hook(pauses[1]!))
  // The limit is the one of the bare middleware, so that its counts can be read.
  app.after(() => hook(steps[3]!))
  app.after(() => hook(pauses[2]!))
  app.register(forFastify.admission, { atrion: parts.atrion, name: 'app' })
  app.after(() => {
    const handler = (request: FastifyRequest, reply: FastifyReply): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const answer = (status: number, body: string): void => {
          if (!reply.sent && !reply.raw.headersSent) resolve(reply.code(status).send(body))
        }
        const raw = (): http.ServerResponse => {
          if (!reply.sent) reply.hijack()
          return reply.raw
        }
        const { url } = request.raw
        const fail = (): void => reject(new Error('failed'))
        parts.work({ id: idOf(url), kind: kindOf(url), req: request.raw, res: reply.raw, answer, fail, raw })
      })
    app.route({ method: ['GET', 'POST', 'HEAD'], url: '/*', handler })
  })
  await app.ready()
  return {
    server: app.server,
    used,
    listen: async () => {
      await app.listen({ port: 0, host: '127.0.0.1' })
      return (app.server.address() as AddressInfo).port
    },
    shutdown: (options) => forFastify.gracefulShutdown(app as never, options),
    close: async () => {
      app.server.closeAllConnections()
      await app.close()
    },
  }
}

function koa(parts: Parts, name: string): Served {
  const app = koaApp(koas.find(([version]) => version === name)![1])
  const { steps, used } = middlewares(parts)
  const step =
    (index: number) =>
    async (ctx: Context, next: Next): Promise<void> => {
      await new Promise<void>((resolve, reject) => steps[index]!(ctx.req, ctx.res, () => next().then(resolve, reject)))
    }
  app.use(step(0))
  app.use(forKoa.requestJournal(parts.journal, { system: parts.system }))
  app.use(step(2))
  // The limit is the one of the bare middleware, so that its counts can be read.
  app.use(step(3))
  app.use(step(4))
  app.use(forKoa.admission({ atrion: parts.atrion, name: 'app' }))
  app.use(
    (ctx) =>
      new Promise<void>((resolve, reject) => {
        const { req, res } = ctx
        const answer = (status: number, body: string): void => {
          if (!res.headersSent && ctx.respond !== false) {
            ctx.status = status
            ctx.body = body
          }
          resolve()
        }
        const raw = (): http.ServerResponse => {
          ctx.respond = false
          res.statusCode = 200
          resolve()
          return res
        }
        const fail = (): void => reject(new Error('failed'))
        parts.work({ id: idOf(req.url), kind: kindOf(req.url), req, res, answer, fail, raw })
      }),
  )
  return finished(http.createServer(app.callback()), used)
}

/** Serves the stack of a framework. */
export async function serve(face: string, parts: Parts): Promise<Served> {
  if (face === 'bare') return bare(parts)
  if (face === 'Fastify') return await fastify(parts)
  return face.startsWith('Koa') ? koa(parts, face) : express(parts, face)
}
