// What a gate costs an Express app that has nothing to fear: requests a second of the bare app against the same app
// behind `admission()`, and behind express-rate-limit. A server is a fresh process each round; this file is its program too.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'

import express from 'express'
import { rateLimit } from 'express-rate-limit'
import { Atrion } from 'keelson'
import { admission } from 'keelson/express'

const requests = 8000
const warmup = 6000
const connections = 8
const get = 'GET /users/7 HTTP/1.1\r\nHost: bench\r\n\r\n'

/** A gate whose only place is taken, so that it refuses everything but its trickle. */
function shut() {
  const atrion = new Atrion({ admission: { limit: 1, maxQueue: 0, tricklePerSecond: 0.001, trickleShare: 0.0001 } })
  atrion.tryAdmit('app', { timeoutMs: 3_600_000 })
  return admission({ atrion })
}

const middlewares = {
  bare: () => [],
  'admission()': () => [admission()],
  'express-rate-limit': () => [rateLimit({ windowMs: 60_000, limit: 1e9 })],
  'admission(), shut': () => [shut()],
}

function serve(name) {
  const app = express()
  for (const middleware of middlewares[name]()) app.use(middleware)
  app.get('/users/:id', (req, res) => res.json({ id: req.params.id, name: 'Ada' }))
  const server = app.listen(0, '127.0.0.1', () => process.send(server.address().port))
  process.on('disconnect', () => process.exit())
}

/** One connection that sends a request when the one before is answered. */
function drive(port, take, answered) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1').setNoDelay(true)
    let text = ''
    const next = () => (take() ? socket.write(get) : socket.end(resolve))
    socket.on('connect', next).on('error', reject)
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += chunk
      const head = text.indexOf('\r\n\r\n')
      if (head === -1) return
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1])
      if (text.length < head + 4 + length) return
      answered(Number(text.slice(9, 12)))
      text = ''
      next()
    })
  })
}

async function load(port, count, expected) {
  let left = count
  let others = 0
  const take = () => (left -= 1) >= 0
  const answered = (status) => (others += status === expected ? 0 : 1)
  await Promise.all(Array.from({ length: connections }, () => drive(port, take, answered)))
  // A shut gate still lets its trickle in.
  if (others > (expected === 503 ? 0.05 * count : 0)) throw new Error(`${others} answers were not ${expected}`)
}

const side = (name, expected = 200) => ({
  setup: async () => {
    const child = fork(fileURLToPath(import.meta.url), ['--serve', name])
    const [port] = await once(child, 'message')
    await load(port, warmup, expected)
    return { child, port }
  },
  run: ({ port }) => load(port, requests, expected),
  teardown: async ({ child }) => {
    child.kill()
    await once(child, 'exit')
  },
})

const against = (name, ours, peer, bar, expected) => ({
  name,
  unit: 'µs/op',
  iterations: requests,
  rounds: 15,
  warmup: 1,
  ours: side(ours, expected),
  peer: { name: peer, fn: side(peer) },
  ...(bar && { bar }),
})

if (process.argv[2] === '--serve') serve(process.argv[3])

export default {
  name: 'express',
  cases: [
    against('a request through admission()', 'admission()', 'bare', { ratio: 1.03 }),
    against('admission() against a rate limiter', 'admission()', 'express-rate-limit', { ratio: 1 }),
    against('a refusal against an answer', 'admission(), shut', 'bare', { ratio: 1 }, 503),
  ],
}
