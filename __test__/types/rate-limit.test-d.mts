// What a consumer's compiler has to accept of rate limits and their adapters, and what it has to refuse.
import express from 'express'
import { rateLimit as ofExpressRateLimit } from 'express-rate-limit'
import Fastify from 'fastify'
import { Journal, openJournal } from 'keelson/journal'
import {
  gracefulShutdown,
  ipKeyGenerator,
  rateLimit,
  type RateLimitOptions,
  RateLimitStore,
  type RequestEntry,
  requestJournal,
} from 'keelson/express'
import * as fastify from 'keelson/fastify'
import { Limiter, RateLimiter, type RateLimiterRef, type RateLimitResult, Supervisor } from 'keelson/otp'

const ref: RateLimiterRef = await RateLimiter.start({ maxRequests: 5, windowMs: 1000, name: 'api' })
const result: RateLimitResult = await RateLimiter.consume(ref, 'key', 2)
result.retryAfterMs satisfies number
RateLimiter.limiter(ref).take('key') satisfies RateLimitResult
await Supervisor.start({
  children: [{ id: 'limiter', start: () => RateLimiter.start({ maxRequests: 5, windowMs: 1000 }) }],
})
// @ts-expect-error a limiter needs a window
void new Limiter({ maxRequests: 5 })
// @ts-expect-error keys are strings
RateLimiter.limiter(ref).take(5)
// @ts-expect-error there is no such algorithm
void new Limiter({ maxRequests: 5, windowMs: 1, algorithm: 'fixed' })

const app = express()
const options: RateLimitOptions = {
  limit: async (req) => (req.get('x-plan') === 'paid' ? 100 : 5),
  keyGenerator: (req) => ipKeyGenerator(req.ip ?? '', 48),
  standardHeaders: 'draft-8',
  handler: (_req, res, _next, info) => res.status(429).json({ at: info.resetTime.toISOString() }),
  validate: { trustProxy: false, default: true },
}
app.use(rateLimit(options), ofExpressRateLimit({ limit: 5, store: new RateLimitStore({ maxKeys: 10 }) }))
const journal = new Journal<RequestEntry>()
const durable = await openJournal<RequestEntry>('somewhere')
app.use(requestJournal(journal, { headers: ['user-agent'], data: (req) => req.path }), requestJournal(durable))
app.get('/users/:id', rateLimit(), (req, res) => {
  // The middleware does not widen what the route knows of its parameters.
  req.params.id satisfies string
  res.end()
})
const shutdown = gracefulShutdown(app.listen(0), { timeout: 5, signals: ['SIGTERM'] })
shutdown.done satisfies Promise<number>
// @ts-expect-error there is no such draft
rateLimit({ standardHeaders: 'draft-9' })
// @ts-expect-error it is an app, not a server
gracefulShutdown(app)
// @ts-expect-error nothing can be appended
requestJournal({})

const server = Fastify({ http2: false })
server.register(fastify.rateLimit, { limit: 5, keyGenerator: (request) => request.ip })
server.register(fastify.admission, { priority: (request) => (request.url === '/pay' ? 'critical' : 'normal') })
server.register(fastify.requestJournal, { journal })
server.get('/', { onRequest: fastify.rateLimitHook({ limit: 1 }) }, async () => ({}))
server.get('/gate', { onRequest: [fastify.admissionHook(), fastify.rateLimitHook()] }, async () => ({}))
fastify.gracefulShutdown(server).ready satisfies boolean
// @ts-expect-error a journal is needed
server.register(fastify.requestJournal, {})
// @ts-expect-error there is no such option
server.register(fastify.rateLimit, { max: 5 })
