// The servers that Bun and Deno have themselves, with keelson/fetch.
/* global Bun, Deno */
import { createSystem } from 'keelson'
import { admission, rateLimit } from 'keelson/fetch'

import { gate, onePlace, statuses } from './requests.mjs'

const system = createSystem()
const { arrived, release, slow } = gate()
const slowly = admission({ system, admission: onePlace })(() => slow().then(() => new Response('done')))
const limited = rateLimit({ system, limit: 1 })(() => new Response('ok'))
const handler = (request, context) =>
  new URL(request.url).pathname === '/slow' ? slowly(request, context) : limited(request, context)

const hostname = '127.0.0.1'
const isBun = typeof Bun !== 'undefined'
const server = isBun
  ? Bun.serve({ port: 0, hostname, fetch: handler })
  : Deno.serve({ port: 0, hostname, onListen: () => {} }, handler)
const origin = `http://${hostname}:${isBun ? server.port : server.addr.port}`
console.log(JSON.stringify(await statuses(origin, { arrived, release })))
await (isBun ? server.stop(true) : server.shutdown())
await system.close()
