// What a consumer's compiler has to accept of the faces for Koa and for fetch-style handlers, and what it has to refuse.
import { type Context, Hono } from 'hono'
import { Journal } from 'keelson/journal'
import {
  admission,
  type FetchMiddleware,
  rateLimit,
  type RateLimitInfo,
  rateLimitInfo,
  type RequestEntry,
  requestId,
  requestJournal,
} from 'keelson/fetch'
import * as koa from 'keelson/koa'
import Koa from 'koa'

const app = new Koa()
app.use(koa.requestJournal(new Journal<RequestEntry>(), { id: (ctx) => ctx.get('x-request-id') }))
app.use(koa.rateLimit({ limit: (ctx) => (ctx.path === '/login' ? 5 : 100), handler: (ctx) => (ctx.status = 429) }))
app.use(koa.admission({ priority: (ctx) => (ctx.method === 'GET' ? 'low' : 'high') }))
app.use((ctx) => {
  ctx.body = { left: ctx.rateLimit?.remaining, id: ctx.id }
})
// @ts-expect-error there is no such option
koa.admission({ prioritee: 'low' })
// @ts-expect-error there is no such priority
koa.admission({ priority: 'urgent' })

interface Env {
  readonly tenant: string
}
const gate: FetchMiddleware = admission({ key: (_, env: Env) => env.tenant })
const handler: (request: Request, env: Env) => Promise<Response> = gate((_request: Request, env: Env) =>
  Response.json(env.tenant),
)
void handler(new Request('http://a.test'), { tenant: 'a' })
// @ts-expect-error the handler has a second argument
void handler(new Request('http://a.test'))
// @ts-expect-error a handler gives a response
gate(() => 'text')
// @ts-expect-error a handler of refusals gives a response
admission({ handler: () => 'text' })
// @ts-expect-error requests have no properties for it
rateLimit({ requestPropertyName: 'quota' })

const hono = new Hono<{ Variables: { user: string } }>()
hono.use(requestJournal(new Journal<RequestEntry>()))
hono.use('/api/*', rateLimit({ keyGenerator: (_, c: Context) => c.get('user') as string }), gate)
hono.get('/', gate, (c) => c.json([rateLimitInfo(c)?.remaining satisfies number | undefined, requestId(c)]))
const info: RateLimitInfo | undefined = rateLimitInfo(new Request('http://a.test'))

export { info }
