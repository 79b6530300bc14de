// What a consumer's compiler has to accept of rate limits and their adapters, and what it has to refuse.
import express from 'express'
import { MemoryStore, rateLimit as ofExpressRateLimit } from 'express-rate-limit'
import Fastify from 'fastify'
import { Journal, openJournal } from 'keelson/journal'
import {
  gracefulShutdown,
  ipKeyGenerator,
  rateLimit,
  type RateLimitOptions,
  RateLimitStore,
  redisRateLimitStore,
  type RequestEntry,
  requestJournal,
} from 'keelson/express'
import * as fastify from 'keelson/fastify'
import { type RateLimitPolicy, rateLimitPolicy } from 'keelson/effect'
import {
  Limiter,
  type LimiterUnion,
  RateLimiter,
  type RateLimiterRef,
  type RateLimitResult,
  Supervisor,
} from 'keelson/otp'

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

const limiter = new Limiter({
  maxRequests: 5,
  windowMs: 1000,
  minTimeMs: 10,
  maxWaiters: 5,
  reservoir: { amount: 10, refreshAmount: 10, refreshIntervalMs: 60_000 },
})
const { signal } = new AbortController()
;(await limiter.wait('key', { cost: 2, maxWaitMs: 100, signal })) satisfies RateLimitResult
;(await RateLimiter.wait(ref, 'key', { maxWaitMs: undefined })) satisfies RateLimitResult
const union: LimiterUnion = Limiter.union([limiter, new Limiter({ maxRequests: 5, windowMs: 1000, algorithm: 'gcra' })])
union.take('key').refusedBy satisfies readonly number[]
;(await union.wait('key')).results satisfies readonly RateLimitResult[]
rateLimitPolicy(union, { key: () => 'key', cost: 1, maxWaitMs: 5 }) satisfies RateLimitPolicy
// @ts-expect-error a wait has no timeout option
void limiter.wait('key', { timeoutMs: 5 })
// @ts-expect-error a union is made of limiters
Limiter.union([5])
// @ts-expect-error a reservoir is refilled
void new Limiter({ maxRequests: 5, windowMs: 1, reservoir: { amount: 5 } })

const store = redisRateLimitStore('redis://localhost', { prefix: 'mine:', timeoutMs: 100, insuranceLimit: 2 })
app.use(rateLimit({ limit: 5, store }), ofExpressRateLimit({ limit: 5, store }))
app.use(rateLimit({ limits: [{ windowMs: 1000, limit: 5 }] }), rateLimit({ limiter: union }))
app.use(rateLimit({ store: new MemoryStore() }), rateLimit({ store: new RateLimitStore() }))
fastify.rateLimitHook({ store: fastify.redisRateLimitStore('redis://localhost') })
// @ts-expect-error each of several limits has a window
rateLimit({ limits: [{ limit: 5 }] })
// @ts-expect-error no such option
redisRateLimitStore('redis://localhost', { keyPrefix: 'a' })
