// The service: Express, with everything around it that keeps it useful when something fails.
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express'
import { Atrion, isKeelsonError } from 'keelson'
import {
  admission,
  ipKeyGenerator,
  rateLimit,
  type RequestEntry,
  type RequestInFlight,
  requestJournal,
} from 'keelson/express'
import { Journal } from 'keelson/journal'
import type { System } from 'keelson/system'

import { Database, type DatabaseOptions } from './database.mjs'
import { type Handlers, type HandlersOptions, startHandlers } from './handlers.mjs'
import { lately, prometheus } from './metrics.mjs'

export interface ServiceOptions {
  readonly database?: DatabaseOptions
  readonly handlers?: HandlersOptions
  /** Requests of a client in a minute. A client that asks for more is blocked for five minutes. */
  readonly limit?: number
  /** The most entries of the journal. */
  readonly maxEntries?: number
  /** False while the server ends. */
  readonly isReady?: () => boolean
}

export interface Service {
  readonly app: Express
  readonly database: Database
  readonly handlers: Handlers
  /** One entry for each request that is over. */
  readonly journal: Journal<RequestEntry>
  inFlight(): RequestInFlight[]
}

/** The status for an error of keelson, by its code: the request may be tried again, or not. */
const STATUS: Readonly<Record<string, number>> = {
  KEELSON_CIRCUIT_OPEN: 503,
  KEELSON_NOT_RUNNING: 503,
  KEELSON_TIMEOUT: 504,
  KEELSON_CALL_TIMEOUT: 504,
}

/** A client is its API key, or its address. */
const clientOf = (req: Request): string => req.get('x-api-key') ?? ipKeyGenerator(req.ip ?? '')

/** Answers with the status of an error, and with the time after which to come again. */
const answerError: ErrorRequestHandler = (error, _req, res, _next) => {
  const status = isKeelsonError(error) ? (STATUS[error.code] ?? 500) : (error.status ?? 500)
  const { retryAfterMs } = error as { retryAfterMs?: number }
  if (retryAfterMs !== undefined) res.set('retry-after', String(Math.ceil(retryAfterMs / 1000)))
  if (!res.headersSent) res.status(status).json({ error: error.message })
}

/** A signal that aborts when the client has left. */
function clientSignal(res: Response): AbortSignal {
  const controller = new AbortController()
  res.once('close', () => controller.abort())
  return controller.signal
}

export async function createService(system: System, options: ServiceOptions = {}): Promise<Service> {
  const { limit = 50, maxEntries = 10_000, isReady = () => true } = options
  const database = new Database(system, options.database)
  const handlers = await startHandlers(system, options.handlers)
  const atrion = new Atrion({ system })
  const journal = new Journal<RequestEntry>({ system, maxEntries, overflow: 'bounded:drop_oldest' })
  const requests = requestJournal(journal, { system, ip: true, headers: ['user-agent'] })
  const app = express()

  app.use(requests)
  app.use((req, res, next) => {
    res.set('x-request-id', (req as Request & { id: string }).id)
    next()
  })

  app.get('/health', (_req, res) => void res.json({ status: 'healthy', inFlight: requests.inFlight().length }))
  app.get('/ready', (_req, res) => void res.status(isReady() ? 200 : 503).end())
  app.get('/metrics', (_req, res) => {
    const { byStatus, p50Ms, p99Ms } = lately(journal, system, 60_000)
    const statuses = Object.entries(byStatus).map(([status, count]) => [`requests{status="${status}"}`, count])
    const gate = atrion.getState('/api')?.gate
    res.type('text/plain').send(
      prometheus({
        ...Object.fromEntries(statuses),
        requests_in_flight: requests.inFlight().length,
        'request_duration_ms{quantile="0.5"}': p50Ms,
        'request_duration_ms{quantile="0.99"}': p99Ms,
        gate_limit: gate?.limit ?? 0,
        handler_restarts_total: handlers.restarts(),
        database_queries_total: database.queries,
        database_circuit_open: database.breaker.state === 'open' ? 1 : 0,
      }),
    )
  })

  app.use(
    '/api',
    rateLimit({ system, windowMs: 60_000, limit, blockDurationMs: 300_000, keyGenerator: clientOf }),
    // Behind the limit, so that a client that is blocked costs nothing. Writes go before reads. A refusal of the breaker
    // (503) is no failure of this service.
    admission({
      atrion,
      priority: (req) => (req.method === 'POST' ? 'high' : 'normal'),
      isFailure: (_req, res) => res.statusCode >= 500 && res.statusCode !== 503,
    }),
    express.json({ limit: '100kb' }),
  )
  app.get('/api/users', async (_req, res) => {
    res.json(await handlers.handle({ type: 'users' }, clientSignal(res)))
  })
  app.post('/api/echo', async (req, res) => {
    res.json(await handlers.handle({ type: 'echo', body: req.body }, clientSignal(res)))
  })
  app.get('/api/data/:id', async (req, res) => {
    res.json(await database.find(Number(req.params.id), clientSignal(res)))
  })

  app.use((_req, res) => void res.status(404).json({ error: 'not found' }))
  app.use(answerError)
  return { app, database, handlers, journal, inFlight: () => requests.inFlight() }
}
