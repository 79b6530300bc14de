import { once } from 'node:events'

import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createSystem } from 'keelson'
import { admission, rateLimit } from 'keelson/fetch'

import { gate, onePlace, statuses } from './requests.mjs'

const system = createSystem()
const { arrived, release, slow } = gate()
const app = new Hono()
app.get('/slow', admission({ system, admission: onePlace }), (c) => slow().then(() => c.text('done')))
app.get('/limited', rateLimit({ system, limit: 1 }), (c) => c.text('ok'))

const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
await once(server, 'listening')
console.log(JSON.stringify(await statuses(`http://127.0.0.1:${server.address().port}`, { arrived, release })))
server.closeAllConnections()
server.close(() => system.close())
