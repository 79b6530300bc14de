// The service: Express in front of a database that can do 400 queries a second. With `--protected`, it has a door.
import type { AddressInfo } from 'node:net'

import express, { type Request } from 'express'
import { createSystem, type Priority, PRIORITY_VOLTAGES } from 'keelson'
import { admission } from 'keelson/express'

import { Database } from './database.mjs'

// With this seed, queries take 20 ms in the mean also over as few as a run has.
const system = createSystem({ seed: 1 })
const database = new Database(system.clock, system.random)

/** Which requests go first. Here a header says so; in a service it may be the path, the user or the plan. */
function priority(req: Request): Priority {
  const asked = req.get('x-priority') ?? ''
  return Object.hasOwn(PRIORITY_VOLTAGES, asked) ? (asked as Priority) : 'normal'
}

const app = express()
if (process.argv.includes('--protected')) app.use(admission({ system, priority }))
app.get('/', async (_req, res) => {
  await database.query()
  res.json({ ok: true })
})

const server = app.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
// Nobody is left to answer when whoever started it has gone.
process.on('disconnect', () => process.exit())
