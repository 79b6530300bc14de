// The service: Express in front of a database that can do 400 queries a second, with admission control or without.
import express, { type Express, type Request, type RequestHandler } from 'express'
import { type Priority, PRIORITY_VOLTAGES, type System } from 'keelson'
import { admission, type AdmissionOptions } from 'keelson/express'

import { Database } from './database.mjs'

/** Which requests go first. Here a header says so; in a service it may be the path, the user or the plan. */
function priority(req: Request): Priority {
  const asked = req.get('x-priority') ?? ''
  return Object.hasOwn(PRIORITY_VOLTAGES, asked) ? (asked as Priority) : 'normal'
}

/** The bare app, or the one with admission control in front, with these options. `handlers` run behind it. */
export function createApp(
  system: System,
  control?: AdmissionOptions,
  handlers: readonly RequestHandler[] = [],
): Express {
  const database = new Database(system.clock, system.random)
  const app = express()
  if (control) app.use(admission({ system, priority, ...control }))
  for (const handler of handlers) app.use(handler)
  app.get('/', async (_req, res) => {
    await database.query()
    res.json({ ok: true })
  })
  return app
}
