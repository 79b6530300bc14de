// Koa 3, or Koa 2 when it is asked for.
import { once } from 'node:events'

import { createSystem } from 'keelson'
import { admission, rateLimit } from 'keelson/koa'

import { gate, onePlace, statuses } from './requests.mjs'

const { default: Koa } = await import(process.argv[2] ?? 'koa')
const system = createSystem()
const { arrived, release, slow } = gate()
const app = new Koa()
const at = (path, middleware) => (ctx, next) => (ctx.path === path ? middleware(ctx, next) : next())
app.use(at('/slow', admission({ system, admission: onePlace })))
app.use(at('/limited', rateLimit({ system, limit: 1 })))
app.use(async (ctx) => {
  if (ctx.path === '/slow') await slow()
  ctx.body = 'ok'
})

const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
console.log(JSON.stringify(await statuses(`http://127.0.0.1:${server.address().port}`, { arrived, release })))
server.closeAllConnections()
server.close(() => system.close())
