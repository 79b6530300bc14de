// `rateLimit()` against express-rate-limit: what the middleware itself takes of a request, with the headers of draft 8 and
// the objects of Express 5, without the network around it. Both sides count whom they let in.
import { IncomingMessage, ServerResponse } from 'node:http'

import express from 'express'
import { rateLimit as theirs } from 'express-rate-limit'
import { rateLimit as ours } from 'keelson/express'

// Few at a time: requests that wait for their turn are what a collector is slowest with.
const requests = 2000
const app = express()

/** A request as Express hands it on, of one of so many clients. */
function exchange(index, clients) {
  const client = index % clients
  const remoteAddress = `10.${client >> 16}.${(client >> 8) & 255}.${client & 255}`
  const req = Object.setPrototypeOf(new IncomingMessage({ remoteAddress }), app.request)
  Object.assign(req, { method: 'GET', url: '/users/7', headers: { host: 'bench' } })
  const res = Object.setPrototypeOf(new ServerResponse(req), app.response)
  return Object.assign(req, { res })
}

function side(make, { limit, clients, expected = requests, headers = [] }) {
  const middleware = make({ limit, windowMs: 3_600_000, standardHeaders: 'draft-8', legacyHeaders: false })
  return {
    setup: () => Array.from({ length: requests }, (_, index) => exchange(index, clients)),
    run: async (list) => {
      let passed = 0
      const next = (error) => {
        if (error !== undefined) throw error
        passed += 1
      }
      for (const req of list) {
        // Theirs is a promise, ours is not.
        const done = middleware(req, req.res, next)
        if (done !== undefined) await done
      }
      const last = list.at(-1).res
      const missing = ['ratelimit', 'ratelimit-policy', ...headers].find((name) => !last.hasHeader(name))
      if (passed !== expected || missing) throw new Error(`let in ${passed} of ${expected}, without ${missing}`)
    },
  }
}

const against = (name, how, bar) => ({
  name,
  unit: 'ns/op',
  iterations: requests,
  rounds: 40,
  warmup: 20,
  ours: side(ours, how),
  peer: { name: 'express-rate-limit', fn: side(theirs, how) },
  ...(bar && { bar }),
})

const plenty = 1e9

export const cases = [
  against('rateLimit(), draft-8 headers, 1,000 clients', { limit: plenty, clients: 1000 }, { ratio: 0.7 }),
  against('rateLimit(), draft-8 headers, one client', { limit: plenty, clients: 1 }, { ratio: 0.7 }),
  against('rateLimit(), draft-8 headers, each request of a client of its own', { limit: plenty, clients: requests }),
]
