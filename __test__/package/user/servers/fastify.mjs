import Fastify from 'fastify'
import { createSystem } from 'keelson'
import { admissionHook, rateLimitHook } from 'keelson/fastify'

import { gate, onePlace, statuses } from './requests.mjs'

const system = createSystem()
const { arrived, release, slow } = gate()
const app = Fastify({ forceCloseConnections: true })
app.get('/slow', { onRequest: admissionHook({ system, admission: onePlace }) }, () => slow().then(() => 'done'))
app.get('/limited', { onRequest: rateLimitHook({ system, limit: 1 }) }, () => 'ok')

const origin = await app.listen({ port: 0, host: '127.0.0.1' })
console.log(JSON.stringify(await statuses(origin, { arrived, release })))
await app.close()
await system.close()
