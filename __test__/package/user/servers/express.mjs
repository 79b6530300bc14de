// Express 5, or Express 4 when it is asked for.
import { once } from 'node:events'

import { createSystem } from 'keelson'
import { admission, rateLimit } from 'keelson/express'

import { gate, onePlace, statuses } from './requests.mjs'

const { default: express } = await import(process.argv[2] ?? 'express')
const system = createSystem()
const { arrived, release, slow } = gate()
const app = express()
app.get('/slow', admission({ system, admission: onePlace }), (req, res) => void slow().then(() => res.send('done')))
app.get('/limited', rateLimit({ system, limit: 1 }), (req, res) => void res.send('ok'))

const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')
console.log(JSON.stringify(await statuses(`http://127.0.0.1:${server.address().port}`, { arrived, release })))
server.closeAllConnections()
server.close(() => system.close())
